//! A place where an answer waits until a test lets it go.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

#[derive(Debug, Default)]
struct State {
    waiting: bool,
    open: bool,
}

/// A gate, closed at first. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Mutex<State>, Condvar)>);

impl Gate {
    /// Waits until it is open.
    pub(super) fn pass(&self) {
        self.change(|state| state.waiting = true);
        self.until(|state| state.open);
    }

    /// Waits until something stands at it.
    pub fn reached(&self) {
        self.until(|state| state.waiting);
    }

    /// Opens it for good.
    pub fn open(&self) {
        self.change(|state| state.open = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let (state, changed) = &*self.0;
        change(&mut state.lock().unwrap_or_else(PoisonError::into_inner));
        changed.notify_all();
    }

    fn until(&self, reached: impl Fn(&State) -> bool) {
        let (state, changed) = &*self.0;
        let state = state.lock().unwrap_or_else(PoisonError::into_inner);
        drop(
            changed
                .wait_while(state, |state| !reached(state))
                .unwrap_or_else(PoisonError::into_inner),
        );
    }
}
