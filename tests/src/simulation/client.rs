//! Clients and operators: what they have asked and wait for.

use std::sync::{Arc, Mutex, PoisonError};

use aerodb_core::authority::SignedDecline;
use aerodb_core::decision::read::Consistency;
use aerodb_core::wal::Op;
use aerodb_http_api::problem::Problem;
use aerodb_http_api::types::{ReadAnswer, Written};

/// What was asked, as far as the answer is judged by it.
#[derive(Debug, Clone)]
pub enum Asked {
    /// A write of these changes.
    Write(Vec<Op>),
    /// A read.
    Read {
        /// The key.
        key: Vec<u8>,
        /// The consistency that was asked for, if one was.
        consistency: Option<Consistency>,
        /// The newest commit that any client had seen acknowledged when it was asked.
        seen: u64,
        /// The boundary that was named.
        at: Option<u64>,
    },
    /// An operator's command.
    Command(&'static str),
}

/// What was answered.
#[derive(Debug, Clone)]
pub enum Done {
    /// To a write.
    Written(Result<Written, Problem>),
    /// To a read.
    Read(Box<Result<ReadAnswer, Problem>>),
    /// To a command: in a word what came of it.
    Commanded(Result<String, Problem>),
    /// To a decline.
    Declined(Box<Result<SignedDecline, Problem>>),
}

/// Where the answer of one request is put.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Done>>>);

impl Slot {
    pub(super) fn put(&self, done: Done) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
    }

    fn take(&self) -> Option<Done> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A request that was made and not answered yet.
#[derive(Debug)]
struct Waiting {
    node: usize,
    asked: Asked,
    slot: Slot,
    /// The turns that the node's tasks have had since, before and after the time was up.
    turns: u64,
    turns_late: u64,
    /// How long it has waited since its first turns, in milliseconds of the node's time.
    waited_ms: u64,
}

/// After so many turns a request that can go on has.
const TURNS_ENOUGH: u64 = 3;

/// Everybody who waits.
#[derive(Debug, Default)]
pub(super) struct Clients {
    waiting: Vec<Waiting>,
    values: u64,
}

impl Clients {
    /// A value that nobody has written before.
    pub(super) fn value(&mut self) -> Vec<u8> {
        self.values += 1;
        // Of different lengths, over several sectors now and then.
        let filler =
            if self.values.is_multiple_of(7) { 1800 } else { (self.values % 5) as usize * 60 };
        format!("v{}{}", self.values, ".".repeat(filler)).into_bytes()
    }

    pub(super) fn wait(&mut self, node: usize, asked: Asked) -> Slot {
        let slot = Slot::default();
        let here = slot.clone();
        self.waiting.push(Waiting {
            node,
            asked,
            slot: here,
            turns: 0,
            turns_late: 0,
            waited_ms: 0,
        });
        slot
    }

    /// The tasks of a node have had a turn.
    pub(super) fn turn(&mut self, node: usize, deadline_ms: u64) {
        for waiting in self.waiting.iter_mut().filter(|it| it.node == node) {
            waiting.turns += 1;
            waiting.turns_late += u64::from(waiting.waited_ms > deadline_ms);
        }
    }

    /// Time has passed for a node.
    pub(super) fn passes(&mut self, node: usize, ms: u64) {
        // The time of a request begins with its first turn.
        let begun = |it: &&mut Waiting| it.node == node && it.turns >= TURNS_ENOUGH;
        self.waiting.iter_mut().filter(begun).for_each(|it| it.waited_ms += ms);
    }

    /// A read or a write whose deadline has passed and that could have been answered since, and was not; with its
    /// node. Commands wait for as long as their supervisor takes.
    pub(super) fn overdue(&self) -> Option<(usize, &Asked)> {
        let late = |it: &&Waiting| it.turns_late >= TURNS_ENOUGH;
        let late = self.waiting.iter().filter(late).map(|it| (it.node, &it.asked));
        late.into_iter().find(|(_, asked)| !matches!(asked, Asked::Command(_)))
    }

    /// Whoever waits.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (usize, &Asked)> {
        self.waiting.iter().map(|it| (it.node, &it.asked))
    }

    /// Whoever waits for this node waits in vain.
    pub(super) fn gone(&mut self, node: usize) {
        self.waiting.retain(|waiting| waiting.node != node);
    }

    /// What was answered since this was last asked.
    pub(super) fn answered(&mut self) -> Vec<(usize, Asked, Done)> {
        let mut answered = Vec::new();
        self.waiting.retain(|waiting| match waiting.slot.take() {
            Some(done) => {
                answered.push((waiting.node, waiting.asked.clone(), done));
                false
            }
            None => true,
        });
        answered
    }

    pub(super) fn waiting_for(&self, node: usize) -> usize {
        self.waiting.iter().filter(|it| it.node == node).count()
    }
}
