//! The transition journal: every step of every machine in one order, bounded, in memory. Observers read
//! it; it never blocks or changes a transition. Each machine has its own bound, so that the pipeline,
//! which steps with every batch, cannot push a promotion out.
//!
//! Keeps: P6-RO1, P6-RO4, P6-AR8.

mod attempt;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use aerodb_core::machine::{Forbidden, Machine, MachineName, Step};
use aerodb_core::rules::RuleId;
use aerodb_ledger::crash::{self, Point};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use attempt::Attempts;
pub use attempt::{Attempt, PromotionCounts, PromotionDurations};

/// How many transitions of each machine are kept.
const CAPACITY: usize = 1024;

/// One step of one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// Its place in the order; a counter, not a time.
    pub seq: u64,
    /// The machine.
    pub machine: MachineName,
    /// State before.
    pub from: &'static str,
    /// State after.
    pub to: &'static str,
    /// Event.
    pub event: &'static str,
    /// The arm that accepted it.
    pub row: &'static str,
    /// The rule that the machine keeps.
    pub rule: RuleId,
    /// What the state after it carries; `null` for nothing, and for the machines that step with every batch.
    pub data: Value,
    /// In a step of a promotion: the attempt that it belongs to.
    #[serde(skip)]
    pub attempt: Option<Arc<Attempt>>,
}

/// Whether a machine steps with every batch: its steps are kept, and nothing is made of them.
const fn steps_with_batches(machine: MachineName) -> bool {
    match machine {
        MachineName::Pipeline
        | MachineName::Segment
        | MachineName::Read
        | MachineName::Version
        | MachineName::WalWriter => true,
        MachineName::Promotion
        | MachineName::Role
        | MachineName::Bootstrap
        | MachineName::Latch
        | MachineName::Checkpoint
        | MachineName::Lifecycle => false,
    }
}

#[derive(Debug, Default)]
struct Ring {
    last: u64,
    kept: BTreeMap<MachineName, VecDeque<Transition>>,
    attempts: Attempts,
}

/// The journal.
#[derive(Debug, Default)]
pub struct Journal {
    ring: Mutex<Ring>,
    /// The last number, told to those who follow the journal.
    last: watch::Sender<u64>,
}

/// What a state carries: an externally tagged enum is a bare name without data, or the name over its data.
pub(crate) fn state_data(state: &impl Serialize) -> Value {
    match aerodb_core::explain_value(state) {
        Value::Object(tagged) => tagged.into_iter().next().map_or(Value::Null, |(_, data)| data),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Value::Null
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic stops the process, so a poisoned lock is never seen.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal {
    fn record<M: Machine + Serialize>(&self, from: &M, event: &M::Event, step: &Step<M>) {
        let machine = M::NAME;
        let quiet = steps_with_batches(machine);
        let data = if quiet { Value::Null } else { state_data(&step.next) };
        let transition = Transition {
            seq: 0,
            machine,
            from: from.name(),
            to: step.next.name(),
            event: M::event_name(event),
            row: step.row.0,
            rule: M::RULE,
            data,
            attempt: None,
        };
        self.keep(transition, quiet);
    }

    fn keep(&self, mut transition: Transition, quiet: bool) {
        let mut ring = lock(&self.ring);
        ring.last += 1;
        let seq = ring.last;
        transition.seq = seq;
        let Transition { machine, from, to, event, row, .. } = transition;
        if machine == MachineName::Promotion {
            transition.attempt = ring.attempts.step(row);
        }
        let kept = ring.kept.entry(machine).or_default();
        if kept.len() == CAPACITY {
            kept.pop_front();
        }
        kept.push_back(transition);
        drop(ring);
        // Without a reader of the stream this is one load.
        if self.last.receiver_count() > 0 {
            self.last.send_replace(seq);
        }
        if quiet {
            tracing::trace!(seq, %machine, from, to, event, row, "transition");
        } else {
            tracing::info!(seq, %machine, from, to, event, row, "transition");
        }
    }

    /// The number of the last transition.
    #[must_use]
    pub fn last(&self) -> u64 {
        lock(&self.ring).last
    }

    /// How often promotion was attempted in this process.
    #[must_use]
    pub fn promotions(&self) -> PromotionCounts {
        lock(&self.ring).attempts.counts
    }

    /// How long that took.
    #[must_use]
    pub fn promotion_durations(&self) -> PromotionDurations {
        lock(&self.ring).attempts.durations.clone()
    }

    /// What the next steps of the promotion belong to; it was taken up at `since`.
    pub fn begin_attempt(&self, attempt: Attempt, since: Instant) {
        lock(&self.ring).attempts.begin(attempt, since);
    }

    /// Completes once there is a transition after this one.
    pub async fn past(&self, seq: u64) {
        let mut last = self.last.subscribe();
        // What was recorded before the subscription is in the ring; what comes after it is told.
        if self.last() <= seq {
            // The sender lives as long as `self`.
            let _ = last.changed().await;
        }
    }

    /// The transitions after `after`, oldest first, of one machine or of all.
    #[must_use]
    pub fn after(&self, after: u64, machine: Option<MachineName>, limit: usize) -> Vec<Transition> {
        let ring = lock(&self.ring);
        let machines =
            ring.kept.iter().filter(|(name, _)| machine.is_none_or(|only| only == **name));
        // Each machine's are in order: the lock is held for a search and for what is taken.
        let mut found: Vec<_> = machines
            .flat_map(|(_, kept)| {
                let first = kept.partition_point(|transition| transition.seq <= after);
                kept.range(first..).take(limit).cloned()
            })
            .collect();
        drop(ring);
        found.sort_unstable_by_key(|transition| transition.seq);
        found.truncate(limit);
        found
    }
}

/// A machine at run time: its state, moved only by its own function, each step journalled.
#[derive(Debug)]
pub struct Cell<M> {
    state: Mutex<M>,
}

impl<M: Machine> Default for Cell<M> {
    fn default() -> Self {
        Self { state: Mutex::new(M::initial()) }
    }
}

impl<M: Machine + Serialize> Cell<M> {
    /// A machine that starts in another state than the initial one.
    pub const fn starting(state: M) -> Self {
        Self { state: Mutex::new(state) }
    }

    /// Moves the machine.
    ///
    /// # Errors
    /// [`Forbidden`] when no row allows it; nothing has changed then.
    pub fn step(&self, journal: &Journal, event: &M::Event) -> Result<M, Forbidden> {
        let mut state = lock(&self.state);
        let step = state.transition(event)?;
        journal.record(&*state, event, &step);
        *state = step.next.clone();
        crash::reached(Point::SupTransition);
        Ok(step.next)
    }

    /// Moves the machine where the caller's own order makes the step legal.
    ///
    /// # Panics
    /// When no row allows it: an invariant of ours is violated, and the process must not carry on.
    pub fn must_step(&self, journal: &Journal, event: &M::Event) -> M {
        self.must_step_with(journal, event, |step| step.next)
    }

    /// Moves the machine and makes something of the step, where the caller's own order makes it legal.
    ///
    /// # Panics
    /// When no row allows it.
    pub fn must_step_with<T>(
        &self,
        journal: &Journal,
        event: &M::Event,
        make: impl FnOnce(Step<M>) -> T,
    ) -> T {
        let mut state = lock(&self.state);
        match state.transition(event) {
            Ok(step) => {
                journal.record(&*state, event, &step);
                *state = step.next.clone();
                crash::reached(Point::SupTransition);
                make(step)
            }
            Err(forbidden) => panic!("{forbidden}"),
        }
    }

    /// Puts a new machine of the same kind in the place of the old one, for example the writer of a new
    /// epoch.
    pub fn renew(&self, state: M) {
        *lock(&self.state) = state;
    }

    /// The state now.
    pub fn get(&self) -> M {
        lock(&self.state).clone()
    }
}

#[cfg(test)]
mod tests {
    use aerodb_core::machine::{Lifecycle, LifecycleEvent};

    use super::*;

    #[test]
    fn steps_are_journalled_in_order_and_forbidden_ones_leave_no_trace() {
        let (journal, cell) = (Journal::default(), Cell::<Lifecycle>::default());
        cell.must_step(&journal, &LifecycleEvent::Started);
        assert!(cell.step(&journal, &LifecycleEvent::Verified).is_err());
        cell.must_step(&journal, &LifecycleEvent::Initialized);
        let seen: Vec<_> = journal.after(0, None, 10).iter().map(|t| (t.seq, t.row)).collect();
        assert_eq!(seen, [(1, "LC1"), (2, "LC2")]);
        assert_eq!(journal.after(1, None, 10).len(), 1);
        assert!(journal.after(0, Some(MachineName::Role), 10).is_empty());
    }

    #[test]
    fn the_oldest_of_a_machine_go_first_when_it_is_full() {
        let journal = Journal::default();
        let keep = |machine| {
            let (rule, data) = (RuleId::FX4, Value::Null);
            let (from, to, event, row) = ("a", "b", "e", "R");
            journal.keep(
                Transition { seq: 0, machine, from, to, event, row, rule, data, attempt: None },
                true,
            );
        };
        for _ in 0..CAPACITY + 5 {
            keep(MachineName::Pipeline);
        }
        keep(MachineName::Role);
        let kept = journal.after(0, Some(MachineName::Pipeline), usize::MAX);
        assert_eq!((kept.len(), kept[0].seq), (CAPACITY, 6));
        assert_eq!(journal.after(0, None, usize::MAX).len(), CAPACITY + 1);
    }
}
