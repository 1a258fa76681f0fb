//! Makes a run that violates something short: parts of it are left out as long as the same oracle still finds
//! something.

use super::action::Action;
use super::run::{Run, replay};

/// The most runs that are tried.
const TRIES_MAX: usize = 3000;

/// A run of fewer actions with a violation that the same oracle finds; the run itself if there is none in it.
#[must_use]
pub fn shrink(found: Run) -> Run {
    let Some(oracle) = found.violation.as_ref().map(|violation| violation.oracle) else {
        return found;
    };
    let (mut best, mut tries) = (found, 0);
    let mut part = best.actions.len() / 2;
    while part > 0 && tries < TRIES_MAX {
        let (mut at, mut shorter) = (0, false);
        while at < best.actions.len() && tries < TRIES_MAX {
            tries += 1;
            let without = without(&best.actions, at, part);
            let run = replay(&best.temper, &without);
            if run.violation.as_ref().is_some_and(|violation| violation.oracle == oracle) {
                (best, shorter) = (run, true);
            } else {
                at += part;
            }
        }
        // At single actions, until nothing can be left out any more.
        part = if part == 1 && shorter { 1 } else { part / 2 };
    }
    best
}

fn without(actions: &[Action], at: usize, part: usize) -> Vec<Action> {
    let end = (at + part).min(actions.len());
    actions[..at].iter().chain(&actions[end..]).copied().collect()
}
