//! One run: a cluster, actions, and a look after each.

use std::fmt::Write as _;

use aerodb_core::hash::Hash;

use super::action::Action;
use super::client::{Asked, Done};
use super::cluster::{Cluster, Event};
use super::generator::Generator;
use super::oracle::Violation;
use super::temper::{Mutant, Temper};
use super::watched::Watched;

/// What has happened in a run, or in many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Runs.
    pub runs: u64,
    /// Actions that came to something.
    pub actions: u64,
    /// Writes that clients saw acknowledged.
    pub acknowledged: u64,
    /// Writes whose outcome clients do not know.
    pub open: u64,
    /// Reads that were served.
    pub reads: u64,
    /// Promotions approved.
    pub promoted: u64,
    /// Promotions denied.
    pub denied: u64,
    /// Processes that were killed, lost their power or were failed by their disk.
    pub crashes: u64,
    /// Starts that a failing disk prevented.
    pub not_started: u64,
    /// Runs that ended with a node halted.
    pub halted: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Snapshots that were taken over or suffixes that were set aside.
    pub restarts: u64,
    /// Epochs past the first.
    pub failovers: u64,
}

impl Totals {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.actions += other.actions;
        self.acknowledged += other.acknowledged;
        self.open += other.open;
        self.reads += other.reads;
        self.promoted += other.promoted;
        self.denied += other.denied;
        self.crashes += other.crashes;
        self.not_started += other.not_started;
        self.halted += other.halted;
        self.checkpoints += other.checkpoints;
        self.restarts += other.restarts;
        self.failovers += other.failovers;
    }

    fn count(&mut self, event: &Event) {
        match event {
            Event::Answered(_, asked, done) => self.answered(asked, done),
            Event::Ended(_, why) if why == "starts again" => self.restarts += 1,
            Event::Ended(_, why) if why == "stopped" => {}
            Event::Ended(..) => self.crashes += 1,
            Event::NotStarted(..) => self.not_started += 1,
            Event::Started(_) | Event::Cleared(_) | Event::Offline(..) => {}
        }
    }

    fn answered(&mut self, asked: &Asked, done: &Done) {
        match (asked, done) {
            (_, Done::Written(Ok(_))) => self.acknowledged += 1,
            (_, Done::Written(Err(problem))) => {
                self.open += u64::from(problem.code().as_str() == "NOT_ACKNOWLEDGED");
            }
            (_, Done::Read(read)) => self.reads += u64::from(read.is_ok()),
            (Asked::Command("promote"), Done::Commanded(Ok(_))) => self.promoted += 1,
            (Asked::Command("promote"), Done::Commanded(Err(_))) => self.denied += 1,
            (Asked::Command("checkpoint"), Done::Commanded(Ok(_))) => self.checkpoints += 1,
            (_, Done::Commanded(_) | Done::Declined(_)) => {}
        }
    }
}

/// What a run came to.
#[derive(Debug)]
pub struct Run {
    /// Its sort.
    pub temper: Temper,
    /// What was done, as far as anything came of it.
    pub actions: Vec<Action>,
    /// What was found, after the last of the actions.
    pub violation: Option<Violation>,
    /// What happened, in words: everything but nodes and messages going on.
    pub transcript: Vec<String>,
    /// A digest of the transcript and of what the disks hold at the end: the same in every run of the same actions.
    pub digest: Hash,
    /// What happened, in numbers.
    pub totals: Totals,
}

/// The run of a seed.
#[must_use]
pub fn run(seed: u64, mutant: Option<Mutant>) -> Run {
    play(Temper::of(seed, mutant))
}

/// A run of this sort.
#[must_use]
pub fn play(temper: Temper) -> Run {
    let mut generator = Generator::new(&temper);
    let (stormy, calm) = (temper.actions, temper.actions / 3);
    let mut left = Vec::new();
    let mut drawn = 0;
    go(temper, move |cluster| {
        drawn += 1;
        if drawn == stormy {
            generator.calm_down();
            left = calmed(cluster);
        }
        match left.pop() {
            Some(action) => Some(action),
            None => (drawn < stormy + calm).then(|| generator.next(cluster)),
        }
    })
}

/// What ends a storm: the network heals, and whoever is down is started after a last loss of power.
fn calmed(cluster: &Cluster) -> Vec<Action> {
    let all = 0..cluster.size();
    let lost = all.clone().map(|place| Action::PowerLoss(place, place as u64));
    all.map(Action::Start).chain([Action::Heal]).chain(lost).collect()
}

/// The run of given actions.
#[must_use]
pub fn replay(temper: &Temper, actions: &[Action]) -> Run {
    let mut actions = actions.iter();
    go(temper.clone(), |_| actions.next().copied())
}

fn go(temper: Temper, mut next: impl FnMut(&Cluster) -> Option<Action>) -> Run {
    let mut watched = Watched::new(&temper);
    let mut run = Run {
        actions: Vec::new(),
        violation: None,
        transcript: Vec::new(),
        digest: Hash::NONE_BEFORE,
        totals: Totals { runs: 1, ..Totals::default() },
        temper,
    };
    while let Some(action) = next(&watched.cluster) {
        let acted = watched.act(action);
        if acted == Ok(false) {
            continue;
        }
        run.actions.push(action);
        run.tell(action, &std::mem::take(&mut watched.heard));
        if let Err(violation) = acted {
            run.violation = Some(violation);
            break;
        }
    }
    if run.violation.is_none() {
        run.transcript.push("       all is over: everybody goes on".to_owned());
        run.violation = watched.end().err();
        run.heard(&std::mem::take(&mut watched.heard));
    }
    let Watched { cluster, oracles, .. } = watched;
    run.totals.actions = run.actions.len() as u64;
    run.totals.failovers = oracles.epochs().saturating_sub(1);
    let halted = |place| cluster.shared(place).is_some_and(|it| it.view.load().halt().is_some());
    run.totals.halted = u64::from((0..cluster.size()).any(halted));
    run.digest = digest(&run, &cluster);
    run
}

fn digest(run: &Run, cluster: &Cluster) -> Hash {
    let disks: Vec<_> = cluster.nodes.iter().map(|node| node.disk.fingerprint(|_| true)).collect();
    let told = run.transcript.join("\n");
    let disks = disks.iter().map(|disk| disk.as_bytes().as_slice());
    let parts: Vec<&[u8]> = [told.as_bytes()].into_iter().chain(disks).collect();
    Hash::of("aerodb 2026 simulated run", &parts)
}

impl Run {
    fn tell(&mut self, action: Action, events: &[Event]) {
        let number = self.actions.len();
        match action {
            Action::Kill(_) | Action::PowerLoss(..) => self.totals.crashes += 1,
            _ => {}
        }
        if !action.is_inner() {
            self.transcript.push(format!("{number:>5}  {action}"));
        }
        self.heard(events);
    }

    fn heard(&mut self, events: &[Event]) {
        let number = self.actions.len();
        for event in events {
            self.totals.count(event);
            let mut line = format!("{number:>5}      ");
            told(event, &mut line);
            self.transcript.push(line);
        }
    }
}

fn told(event: &Event, into: &mut String) {
    // Writing to a string does not fail.
    let _ = match event {
        Event::Answered(node, asked, done) => {
            let _ = write!(into, "n{} answers ", node + 1);
            answer(asked, done, into)
        }
        Event::Started(node) => write!(into, "n{} runs", node + 1),
        Event::NotStarted(node, why, _) => write!(into, "n{} does not start: {why}", node + 1),
        Event::Ended(node, why) => write!(into, "n{} ends: {why}", node + 1),
        Event::Cleared(node) => write!(into, "n{}: an operator clears what halts it", node + 1),
        Event::Offline(node, Ok(done)) => write!(into, "n{} offline: {done}", node + 1),
        Event::Offline(node, Err(why)) => write!(into, "n{} offline, refused: {why}", node + 1),
    };
}

fn answer(asked: &Asked, done: &Done, into: &mut String) -> std::fmt::Result {
    let what = match asked {
        Asked::Write(_) => "a write",
        Asked::Read { .. } => "a read",
        Asked::Command(what) => what,
    };
    match done {
        Done::Written(Ok(written)) => {
            write!(into, "commit {} in epoch {}", written.commit_id, written.epoch)
        }
        Done::Read(read) => match &**read {
            Ok(read) => {
                let version = read.value.as_ref().map(|(commit, _)| commit.get());
                write!(into, "a read at {}: version {version:?}", read.boundary)
            }
            Err(problem) => write!(into, "{what}: {}", problem.code().as_str()),
        },
        Done::Commanded(Ok(done)) => write!(into, "{what}: {done}"),
        Done::Declined(declined) => match &**declined {
            Ok(certificate) => write!(into, "decline: epoch {}", certificate.claim.epoch),
            Err(problem) => write!(into, "decline: {}", problem.code().as_str()),
        },
        Done::Written(Err(problem)) | Done::Commanded(Err(problem)) => {
            let rule = problem.body().rule.map(|rule| format!(" ({rule})")).unwrap_or_default();
            write!(into, "{what}: {}{rule}", problem.code().as_str())
        }
    }
}
