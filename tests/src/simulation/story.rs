//! Failovers as operators carry them out, step by step, while clients go on asking the old holder. What single random
//! actions hardly ever come to in this order, a story does; what happens between its steps is random all the same.

use std::collections::VecDeque;

use fastrand::Rng;

use super::action::{Action, Condition, Naming, Reading};

/// A failover from `holder` to its successor, with one of the things that can be late for it.
pub(super) fn story(rng: &mut Rng, holder: usize, heir: usize, keys: u8) -> VecDeque<Action> {
    let mut key = || rng.u8(0..keys);
    let put = |place, key| Action::Put(place, key, Condition::None);
    let (written, again) = ([put(holder, key()), put(holder, key())], put(heir, key()));
    let asked = [holder, heir].map(|place| Action::Read(place, key(), Reading::Linearizable));
    let promote = Action::Promote(heir, Naming::Shown);
    let mut steps: Vec<Action> = match rng.u8(0..4) {
        // Receipts of the heir are on their way, and arrive when another already holds.
        0 | 1 => vec![Action::Block(heir, holder), written[0], written[1], promote, again],
        // The heir hears nothing any more.
        2 => vec![Action::Block(holder, heir), written[0], promote, again],
        _ => vec![written[0], Action::Relinquish(holder, heir, Naming::Shown), promote, again],
    };
    steps.extend(asked);
    steps.push(Action::Heal);
    steps.push(asked[0]);
    if rng.bool() {
        steps.push(Action::Follow(holder, heir));
    }
    steps.into()
}
