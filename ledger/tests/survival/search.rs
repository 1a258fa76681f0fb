//! The search: from each moment of a run, every power loss and every kill, and from what these leave the
//! same again, without end; what was gone through before is not gone through twice.

use std::collections::HashSet;
use std::path::Path;
use std::rc::Rc;

use aerodb_core::hash::Hash;
use aerodb_ledger::disk::simulated::{Moment, SimulatedDisk, Unsynced};
use aerodb_ledger::disk::{Access, Disk, Operation};
use aerodb_ledger::log::{Recovery, Witness};
use aerodb_ledger::{Damage, Fault};
use bytes::Bytes;

use crate::expected::Expected;
use crate::subject::{Act, Log, Opened, Subject};
use crate::support::{DATA, DIR, new_disk};
use crate::transcript::{Step, Transcript};

/// A power loss with so many outcomes is remembered whole, so that one whose outcomes are among them is
/// passed over.
const REMEMBERED_MIN: u64 = 1 << 9;

/// Whether the openings are told what was durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamps {
    /// Nothing is known but the log.
    None,
    /// The last frame that was acted on is known, as from a start or close stamp.
    Kept,
}

/// How far a search goes.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    pub stamps: Stamps,
    /// Acts after each recovery, each followed by a recovery.
    pub depth: usize,
    /// More outcomes than this of one power loss are not gone through one by one.
    pub outcomes_max: u64,
    /// Whether the process is killed within recoveries too, where the next one finds its cache.
    pub kills_in_recovery: bool,
}

/// How much was gone through.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    /// Different moments at which the power was cut and the process killed.
    pub moments: u64,
    /// Outcomes of power losses, one for each choice of what survived.
    pub outcomes: u64,
    /// Different disks that were opened.
    pub disks: u64,
    /// Power losses passed over, all of whose outcomes are among those of another.
    pub covered: u64,
    /// Power losses with too many outcomes, of which only some were tried.
    pub sampled: u64,
}

/// A disk, what is expected of it, and how many acts follow its recovery.
type Seen = HashSet<(Hash, Hash, usize)>;

type Shared = Rc<(Hash, Expected)>;

pub struct Search<'s, S> {
    pub subject: &'s S,
    pub reach: Reach,
    /// What is done after a recovery, one or the other.
    later: &'s [Act<'s>],
    cut: Seen,
    opened: Seen,
    remembered: Vec<(Hash, usize, SimulatedDisk)>,
    pub transcript: Transcript,
    pub counts: Counts,
}

/// The files that a log's behaviour depends on; the others are made anew before use, or never read.
fn counts(path: &Path) -> bool {
    (path.starts_with(DIR) || path == Path::new(DATA).join("checkpoint"))
        && path.extension().is_none_or(|extension| extension != "tmp")
}

impl<'s, S: Subject> Search<'s, S> {
    pub fn new(subject: &'s S, reach: Reach, later: &'s [Act<'s>]) -> Self {
        Self {
            subject,
            reach,
            later,
            cut: HashSet::new(),
            opened: HashSet::new(),
            remembered: Vec::new(),
            transcript: Transcript::default(),
            counts: Counts::default(),
        }
    }

    /// Creates a log and acts on it, cutting the power and killing the process at every moment; after each
    /// recovery one of the later acts follows, cut in the same way, and so on.
    pub fn run(&mut self, acts: &[Act<'_>]) {
        let depth = self.reach.depth;
        let disk = new_disk();
        disk.record_moments();
        self.transcript.push(Step::Create);
        let mut log = self.subject.create(&disk).unwrap();
        let first = self.subject.first();
        let moments = disk.moments();
        // A ledger that is being created is nobody's until its directory is renamed into place.
        if first.is_empty() {
            self.cut_all(
                None,
                moments,
                &Expected::new(Vec::new(), first.clone(), None).shared(),
                depth,
            );
        }
        let mut now = Expected::new(first, Vec::new(), Some(log.last_frame_seq()));
        now.removed = self.subject.first_removed()..=self.subject.first_removed();
        for act in acts {
            self.act(&disk, &mut log, &mut now, *act, depth);
        }
    }

    /// One act, cut at every moment and when it has returned.
    fn act(
        &mut self,
        disk: &SimulatedDisk,
        log: &mut S::Log,
        now: &mut Expected,
        act: Act<'_>,
        depth: usize,
    ) {
        let mut during = now.clone();
        match act {
            Act::Append { value_bytes, fill } => {
                let next = self.subject.next(&now.acted_on, value_bytes, fill);
                self.transcript.push(Step::Append { records: next.len() });
                log.append(&next).unwrap();
                now.acted_on.extend_from_slice(&next);
                now.last_frame = Some(log.last_frame_seq());
                during.in_flight = next;
            }
            Act::Truncate => {
                self.transcript.push(Step::Truncate);
                let removed = self.subject.truncate(disk, log).unwrap();
                during.removed = *now.removed.start()..=removed;
                now.removed = removed..=removed;
            }
        }
        self.cut_all(None, disk.moments(), &during.shared(), depth);
        self.cut(disk, None, &now.clone().shared(), depth);
    }

    /// Every moment, those left out that differ from the one before in nothing that counts.
    fn cut_all(
        &mut self,
        mut last: Option<SimulatedDisk>,
        moments: Vec<Moment>,
        expected: &Shared,
        depth: usize,
    ) {
        let is_same = |one: &SimulatedDisk, other: &SimulatedDisk| {
            [DIR, DATA].iter().all(|dir| one.is_same_under(other, Path::new(dir)))
        };
        for (at, Moment { before, disk: now }) in moments.into_iter().enumerate() {
            if !last.is_some_and(|last| is_same(&last, &now)) {
                self.cut(&now, Some((at, before.operation)), expected, depth);
            }
            last = Some(now);
        }
    }

    /// Both ends that a run can have here: the power fails, or the process is killed.
    pub fn cut(
        &mut self,
        disk: &SimulatedDisk,
        before: Option<(usize, Operation)>,
        expected: &Shared,
        depth: usize,
    ) {
        if !self.cut.insert((disk.fingerprint(counts), expected.0, depth)) {
            return;
        }
        self.counts.moments += 1;
        let length = self.transcript.len();
        self.transcript.push(Step::Cut(before));
        self.lose_power(disk, expected, depth);
        if self.reach.kills_in_recovery || !self.transcript.is_in_recovery() {
            self.transcript.push(Step::Kill);
            self.reopen(disk.after_kill(), expected, depth);
        }
        self.transcript.back_to(length);
    }

    /// Every outcome of a power loss, the one in which everything survived first.
    fn lose_power(&mut self, disk: &SimulatedDisk, expected: &Shared, depth: usize) {
        let unsynced: Vec<_> =
            disk.unsynced().into_iter().filter(|part| counts(&part.path)).collect();
        let outcomes = unsynced.iter().try_fold(1_u64, |product, part| {
            product
                .checked_mul(part.versions as u64)
                .filter(|product| *product <= self.reach.outcomes_max)
        });
        let Some(outcomes) = outcomes else { return self.sample(disk, &unsynced, expected, depth) };
        if outcomes > 2 && self.is_covered(disk, expected, depth) {
            self.counts.covered += 1;
            return;
        }
        if outcomes >= REMEMBERED_MIN {
            self.remembered.push((expected.0, depth, disk.after_kill()));
        }
        for number in (0..outcomes).rev() {
            let mut rest = number;
            let step = Step::PowerLoss { outcome: number, of: outcomes };
            self.outcome(disk, expected, depth, step, |part| {
                let version = rest % part.versions as u64;
                rest /= part.versions as u64;
                usize::try_from(version).unwrap()
            });
        }
    }

    fn is_covered(&self, disk: &SimulatedDisk, expected: &Shared, depth: usize) -> bool {
        let names = |name: &str| name.ends_with(".seg") || name == "checkpoint";
        let mut alike =
            self.remembered.iter().filter(|(id, at, _)| (*id, *at) == (expected.0, depth));
        alike.any(|(_, _, larger)| {
            [DIR, DATA].iter().all(|dir| disk.losses_within(larger, Path::new(dir), names))
        })
    }

    /// All or nothing survived, but perhaps for the first or the last thing.
    fn sample(
        &mut self,
        disk: &SimulatedDisk,
        unsynced: &[Unsynced],
        expected: &Shared,
        depth: usize,
    ) {
        self.counts.sampled += 1;
        for (base, other) in [(0, usize::MAX), (usize::MAX, 0)] {
            self.outcome(disk, expected, depth, Step::PowerLossPicked, |_| base);
            for odd in unsynced.first().iter().chain(&unsynced.last()) {
                let pick = |part: &Unsynced| if part == *odd { other } else { base };
                self.outcome(disk, expected, depth, Step::PowerLossPicked, pick);
            }
        }
    }

    fn outcome(
        &mut self,
        disk: &SimulatedDisk,
        expected: &Shared,
        depth: usize,
        step: Step,
        mut choose: impl FnMut(&Unsynced) -> usize,
    ) {
        self.counts.outcomes += 1;
        let length = self.transcript.len();
        self.transcript.push(step);
        let left = disk.after_power_loss(|part| if counts(&part.path) { choose(part) } else { 0 });
        self.reopen(left, expected, depth);
        self.transcript.back_to(length);
    }

    fn reopen(&mut self, disk: SimulatedDisk, expected: &Shared, depth: usize) {
        if !self.opened.insert((disk.fingerprint(counts), expected.0, depth)) {
            return;
        }
        self.counts.disks += 1;
        let length = self.transcript.len();
        disk.record_moments();
        let found = disk.after_kill();
        self.transcript.push(Step::Open);
        match self.open(&disk, &expected.1) {
            Some(opened) => self.go_on(disk, &found, opened, expected, depth),
            None => self.create_again(&disk, expected, depth),
        }
        self.transcript.back_to(length);
    }

    /// After an opening: it is cut at every moment, when it has returned, and in what follows.
    fn go_on(
        &mut self,
        disk: SimulatedDisk,
        found: &SimulatedDisk,
        opened: Opened<S::Log>,
        expected: &Shared,
        depth: usize,
    ) {
        let Opened { mut log, recovery, removed, shown } = opened;
        let acted_on = expected.1.history_of(removed, &shown);
        let moments = disk.moments();
        check_quarantine(&recovery, found, &moments);
        self.cut_all(Some(found.after_kill()), moments, expected, depth);

        // What was shown may be acted on: no power loss takes it back.
        let last_frame = Some(log.last_frame_seq());
        let removed = expected.1.removed.clone();
        let now = Expected { acted_on, in_flight: Vec::new(), last_frame, removed };
        let shared = now.clone().shared();
        self.cut(&disk, None, &shared, depth);
        let Some(depth) = depth.checked_sub(1) else { return };
        let length = self.transcript.len();
        for later in self.later {
            // The disk as this opening left it, with a log of its own.
            let other = disk.after_kill();
            let mut opened = self.open(&other, &now).unwrap().log;
            other.record_moments();
            self.act(&other, &mut opened, &mut now.clone(), *later, depth);
            self.transcript.back_to(length);
        }
        if let Some(later) = self.later.first() {
            drop(disk.moments());
            self.act(&disk, &mut log, &mut now.clone(), *later, depth);
        }
    }

    /// Opens the log; `None` when there is none, which may be only while it is created.
    fn open(&self, disk: &SimulatedDisk, expected: &Expected) -> Option<Opened<S::Log>> {
        let frame_seq = match self.reach.stamps {
            Stamps::None => None,
            Stamps::Kept => expected.last_frame.filter(|frame| *frame > 0),
        };
        match self.subject.open(disk, Witness { frame_seq, record: None }) {
            Ok(opened) => Some(opened),
            Err(Fault::Corrupt { what: Damage::NoSegment, .. })
                if expected.last_frame.is_none() =>
            {
                None
            }
            Err(fault) => panic!("refused after a power loss: {fault}"),
        }
    }

    fn create_again(&mut self, disk: &SimulatedDisk, expected: &Shared, depth: usize) {
        self.transcript.push(Step::Create);
        let log = self.subject.create(disk).unwrap();
        self.cut_all(None, disk.moments(), expected, depth);
        let created = Expected::new(Vec::<Bytes>::new(), Vec::new(), Some(log.last_frame_seq()));
        self.cut(disk, None, &created.shared(), depth);
    }
}

/// The copy of a torn tail is durable, name and all, before the first byte of the tail is changed.
fn check_quarantine(recovery: &Recovery, found: &SimulatedDisk, moments: &[Moment]) {
    let Some(tail) = &recovery.unproven_tail else { return };
    let written = |moment: &&Moment| moment.before.path.starts_with(DIR);
    let disk = &moments.iter().find(written).unwrap().disk;
    let kept = disk.after_power_loss(|_| 0).file(tail.quarantined_to.as_ref().unwrap());
    let mut torn = vec![0; usize::try_from(tail.bytes).unwrap()];
    let file = found.after_kill().open(&tail.file, Access::Read).unwrap();
    file.read_uncached_at(tail.offset, &mut torn).unwrap();
    assert!(kept.is_some_and(|kept| kept == torn), "not kept in {:?}", tail.quarantined_to);
}
