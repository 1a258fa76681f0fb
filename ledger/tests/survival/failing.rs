//! A process of which one disk call fails, and what is left of it.

use std::path::Path;

use aerodb_core::rules::RuleId;
use aerodb_ledger::Fault;
use aerodb_ledger::disk::simulated::{At, Failure, SimulatedDisk, Times};
use aerodb_ledger::log::Witness;

use crate::expected::Expected;
use crate::search::Search;
use crate::subject::{Act, Log, Subject};
use crate::transcript::Step;

/// What a process begins with: a disk, and what it must show.
#[derive(Debug, Clone)]
pub struct Start {
    pub disk: SimulatedDisk,
    pub expected: Expected,
}

/// One call that fails.
#[derive(Debug, Clone, Copy)]
pub struct Planned {
    pub at: At,
    pub failure: Failure,
    pub times: Times,
}

impl<S: Subject> Search<'_, S> {
    /// Runs a process that creates or opens the log and then acts on it, until the planned call fails or all
    /// is done; then every power loss and every restart follows. Whether the call came to be made: then it
    /// was told, by operation, file and rule.
    pub fn run_failing(&mut self, start: &Start, acts: &[Act<'_>], planned: Planned) -> bool {
        let disk = start.disk.after_kill();
        disk.fail(planned.at, planned.failure, planned.times);
        self.transcript.back_to(0);
        self.transcript.push(Step::Fail(planned.at, planned.failure));
        let mut now = start.expected.clone();
        let outcome = self.begin(&disk, &mut now).and_then(|mut log| {
            acts.iter().try_for_each(|act| self.act_or_fail(&disk, &mut log, &mut now, *act))
        });
        let Err(fault) = outcome else { return false };
        check_told(&fault, &disk, planned.at);
        let depth = self.reach.depth;
        self.cut(&disk.after_kill(), None, &now.shared(), depth);
        true
    }

    fn begin(&mut self, disk: &SimulatedDisk, now: &mut Expected) -> Result<S::Log, Fault> {
        if now.last_frame.is_none() {
            self.transcript.push(Step::Create);
            let log = self.subject.create(disk)?;
            *now = Expected::new(self.subject.first(), Vec::new(), Some(log.last_frame_seq()));
            return Ok(log);
        }
        self.transcript.push(Step::Open);
        let opened = self.subject.open(disk, Witness::default())?;
        now.acted_on = now.history_of(opened.removed, &opened.shown);
        now.in_flight = Vec::new();
        now.last_frame = Some(opened.log.last_frame_seq());
        Ok(opened.log)
    }

    fn act_or_fail(
        &mut self,
        disk: &SimulatedDisk,
        log: &mut S::Log,
        now: &mut Expected,
        act: Act<'_>,
    ) -> Result<(), Fault> {
        match act {
            Act::Append { value_bytes, fill } => {
                let next = self.subject.next(&now.acted_on, value_bytes, fill);
                self.transcript.push(Step::Append { records: next.len() });
                if let Err(fault) = log.append(&next) {
                    self.check_poisoned(disk, log, now);
                    now.in_flight = next;
                    return Err(fault);
                }
                now.acted_on.extend_from_slice(&next);
                now.last_frame = Some(log.last_frame_seq());
            }
            Act::Truncate => {
                self.transcript.push(Step::Truncate);
                let planned = self.subject.would_remove(log);
                now.removed = *now.removed.start()..=planned;
                self.subject.truncate(disk, log)?;
                now.removed = planned..=planned;
            }
        }
        Ok(())
    }

    /// Nothing is written any more, whatever is tried.
    fn check_poisoned(&self, disk: &SimulatedDisk, log: &mut S::Log, now: &Expected) {
        let before = disk.changes();
        let other = self.subject.next(&now.acted_on, &[10], b'x');
        assert!(matches!(log.append(&other), Err(Fault::Poisoned { .. })));
        assert_eq!(disk.changes(), before);
    }
}

/// The fault says which operation failed on which file.
fn check_told(fault: &Fault, disk: &SimulatedDisk, at: At) {
    let Fault::Disk(error) = fault else { panic!("not a failure of the disk: {fault}") };
    assert_eq!(fault.rule(), RuleId::P3D9);
    match at {
        At::Change(number) => {
            let call = &disk.trace()[usize::try_from(number).unwrap()];
            assert_eq!((error.operation, &error.path), (call.operation, &call.path));
        }
        At::Read(_) | At::Next(..) => assert!(error.path.starts_with(Path::new("/n1"))),
    }
}
