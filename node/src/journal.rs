//! The transition journal: every step of every machine in one order, bounded, in memory. Observers read
//! it; it never blocks or changes a transition. Each machine has its own bound, so that the pipeline,
//! which steps with every batch, cannot push a promotion out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aerodb_core::machine::{Forbidden, Machine, MachineName, Step};
use serde::Serialize;

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
}

#[derive(Debug, Default)]
struct Ring {
    last: u64,
    kept: BTreeMap<MachineName, VecDeque<Transition>>,
}

/// The journal.
#[derive(Debug, Default)]
pub struct Journal {
    ring: Mutex<Ring>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic stops the process, so a poisoned lock is never seen.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal {
    fn record(
        &self,
        machine: MachineName,
        from: &'static str,
        to: &'static str,
        event: &'static str,
        row: &'static str,
    ) {
        let mut ring = lock(&self.ring);
        ring.last += 1;
        let seq = ring.last;
        let kept = ring.kept.entry(machine).or_default();
        if kept.len() == CAPACITY {
            kept.pop_front();
        }
        kept.push_back(Transition { seq, machine, from, to, event, row });
        drop(ring);
        match machine {
            MachineName::Pipeline
            | MachineName::Segment
            | MachineName::Read
            | MachineName::Version
            | MachineName::WalWriter => {
                tracing::trace!(seq, %machine, from, to, event, row, "transition");
            }
            MachineName::Promotion
            | MachineName::Role
            | MachineName::Bootstrap
            | MachineName::Latch
            | MachineName::Checkpoint
            | MachineName::Lifecycle => {
                tracing::info!(seq, %machine, from, to, event, row, "transition");
            }
        }
    }

    /// The transitions after `after`, oldest first, of one machine or of all.
    #[must_use]
    pub fn after(&self, after: u64, machine: Option<MachineName>, limit: usize) -> Vec<Transition> {
        let ring = lock(&self.ring);
        let wanted =
            |t: &&Transition| t.seq > after && machine.is_none_or(|machine| t.machine == machine);
        let mut found: Vec<_> = ring.kept.values().flatten().filter(wanted).cloned().collect();
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

impl<M: Machine> Cell<M> {
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
        journal.record(M::NAME, state.name(), step.next.name(), M::event_name(event), step.row.0);
        *state = step.next.clone();
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
                journal.record(
                    M::NAME,
                    state.name(),
                    step.next.name(),
                    M::event_name(event),
                    step.row.0,
                );
                *state = step.next.clone();
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
        for _ in 0..CAPACITY + 5 {
            journal.record(MachineName::Pipeline, "a", "b", "e", "R");
        }
        journal.record(MachineName::Role, "a", "b", "e", "R");
        let kept = journal.after(0, Some(MachineName::Pipeline), usize::MAX);
        assert_eq!((kept.len(), kept[0].seq), (CAPACITY, 6));
        assert_eq!(journal.after(0, None, usize::MAX).len(), CAPACITY + 1);
    }
}
