//! A run: a cluster, its clients, the rounds, and the verdict.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::client::Client;
use super::history::{Event, History, Operation, Seen, Value};
use super::judge::{Verdict, judge};
use super::round::Round;
use super::site::Site;
use fastrand::Rng;

/// What is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Decides what the clients do, and in which order. Real processes and a real network: not when.
    pub seed: u64,
    /// What happens to the cluster.
    pub rounds: Vec<Round>,
    /// How many clients there are.
    pub clients: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// The judge's.
    pub verdict: Verdict,
    /// Rounds that were played.
    pub rounds: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict { keys, answered, unknown, refused, violations } = &self.verdict;
        write!(
            f,
            "{} rounds; {keys} keys, {answered} operations answered, {unknown} with an unknown outcome, \
             {refused} refused; {} keys whose history is not linearizable",
            self.rounds,
            violations.len(),
        )?;
        violations.iter().try_for_each(|violation| write!(f, "\n{violation}"))
    }
}

/// So many keys are written at a time.
const KEYS: u64 = 3;

/// After this much the clients go on to other keys: a checker's work grows with a key's history, and doubles
/// with each outcome that is unknown.
const GENERATION: u64 = 400;

/// What an unknown outcome counts of that, and what an answer does.
const UNKNOWN: u64 = 40;

/// A stage of a round lasts until so many more operations were answered.
const MORE: u64 = 150;

/// What the threads of a run share.
pub(super) struct Run {
    /// Where clients reach the nodes.
    pub(super) nodes: Vec<String>,
    pub(super) history: History,
    stop: AtomicBool,
    values: AtomicU64,
    answered: AtomicU64,
    unknown: AtomicU64,
    keys: Mutex<BTreeSet<String>>,
}

impl Run {
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// A value that no other write has.
    pub(super) fn value(&self) -> Value {
        self.values.fetch_add(1, Ordering::Relaxed)
    }

    fn generation(&self) -> u64 {
        let answered = self.answered.load(Ordering::Relaxed);
        (answered + UNKNOWN * self.unknown.load(Ordering::Relaxed)) / GENERATION
    }

    /// One of the keys of now.
    pub(super) fn key(&self, random: &mut Rng) -> String {
        let key = format!("g{}k{}", self.generation(), random.u64(0..KEYS));
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if !keys.contains(&key) {
            keys.insert(key.clone());
        }
        key
    }

    /// Whether it is one of them.
    pub(super) fn is_present(&self, key: &str) -> bool {
        key.starts_with(&format!("g{}k", self.generation()))
    }

    /// Counts what came of an operation.
    pub(super) fn count(&self, seen: Option<&Seen>, operation: Operation) {
        match seen {
            Some(Seen::Value(..) | Seen::Absent | Seen::Done(_) | Seen::Unmet) => {
                self.answered.fetch_add(1, Ordering::Relaxed);
            }
            // A read without an answer leaves nothing open.
            None if operation != Operation::Get => {
                self.unknown.fetch_add(1, Ordering::Relaxed);
            }
            None | Some(Seen::Refused) => {}
        }
    }

    /// Waits until so many more operations were answered.
    #[track_caller]
    pub(super) fn wait_for_more(&self, site: &Site) {
        grows(&self.answered, MORE, site, "answers more clients");
    }

    /// Waits until the outcomes of some more operations are unknown.
    #[track_caller]
    pub(super) fn wait_for_doubt(&self, site: &Site) {
        grows(&self.unknown, 2, site, "leaves outcomes unknown");
    }

    /// Reads every key that was ever written, so that what was acknowledged and then lost is missed.
    fn read_all(&self, seed: u64) {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut client = Client::new(self, seed);
        for key in keys {
            // It asks until it is answered: the nodes run, and one holds.
            let before = self.answered.load(Ordering::Relaxed);
            while self.answered.load(Ordering::Relaxed) == before {
                client.operate(&key, Operation::Get);
            }
        }
    }
}

#[track_caller]
fn grows(count: &AtomicU64, more: u64, site: &Site, what: &str) {
    let before = count.load(Ordering::Relaxed);
    site.holder().wait(what, || (count.load(Ordering::Relaxed) >= before + more).then_some(()));
}

/// Ends the clients also when an expectation fails: the scope waits for them.
struct StopAtTheEnd<'r>(&'r Run);

impl Drop for StopAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

/// Runs a cluster with clients through the rounds, and judges what they saw.
///
/// # Panics
/// When the cluster does not do what a round asks of it.
#[must_use]
pub fn run(options: &Options) -> Report {
    report(options.rounds.len(), &recorded(options))
}

fn report(rounds: usize, history: &[Event]) -> Report {
    Report { verdict: judge(history), rounds }
}

fn recorded(options: &Options) -> Vec<Event> {
    let mut site = Site::start();
    let run = Run {
        nodes: site.clients.iter().map(crate::proxy::Wire::url).collect(),
        history: History::default(),
        stop: AtomicBool::new(false),
        values: AtomicU64::new(1),
        answered: AtomicU64::new(0),
        unknown: AtomicU64::new(0),
        keys: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for number in 0..options.clients {
            let client = Client::new(&run, options.seed.wrapping_mul(1_000_003) + number);
            scope.spawn(move || client.work());
        }
        let _stop = StopAtTheEnd(&run);
        for round in &options.rounds {
            round.play(&mut site, &run);
        }
    });
    run.read_all(options.seed);
    run.history.events()
}
