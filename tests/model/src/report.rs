//! The figures of an exploration as text, for a terminal and for `docs/model.md`.

use std::fmt::Write;

use crate::mutant::{Fate, Mutant};
use crate::run::Explored;
use crate::scope::Scope;

/// The bounds of a scope in words.
#[must_use]
pub fn bounds(scope: &Scope) -> String {
    let Scope { nodes, commits, epochs, faults, entries, pulls, declines, bootstraps } = scope;
    let asked = match (declines, bootstraps) {
        (true, true) => ", declines and snapshots",
        (true, false) => ", declines",
        (false, true) => ", snapshots",
        (false, false) => "",
    };
    format!(
        "{nodes} nodes, {commits} commits, {epochs} epochs, {faults} faults, {entries} ledger entries, {pulls} \
         pulls of a node on their way{asked}"
    )
}

/// One exploration of the rules as they are.
#[must_use]
pub fn explored(scope: &Scope, found: &Explored) -> String {
    let Explored { states, steps, depth, time, complete, ledgers, broken, missing } = found;
    let seconds = time.as_secs_f64();
    let mut text = format!(
        "{}\n{states} states, {steps} steps, depth {depth}, {ledgers} ledgers, {seconds:.1} s, {:.0} states/s, {}\n",
        bounds(scope),
        *states as f64 / seconds.max(0.001),
        if *complete { "every state reached" } else { "stopped before every state was reached" },
    );
    for broken in broken {
        let _ = writeln!(text, "BROKEN: {}", broken.property);
        for (number, step) in broken.steps.iter().enumerate() {
            let _ = writeln!(text, "  {}. {step}", number + 1);
        }
    }
    for property in missing {
        let _ = writeln!(text, "NOT MET: {property}");
    }
    text
}

/// Whether a mutant met its fate.
#[must_use]
pub fn as_fated(mutant: &Mutant, found: &Explored) -> bool {
    match mutant.fate {
        Fate::Caught => !found.broken.is_empty(),
        Fate::Stopped => found.broken.is_empty() && found.complete,
    }
}

/// One mutant's row: what it is, what it broke, after how many states, in how many steps.
#[must_use]
pub fn row(mutant: &Mutant, found: &Explored) -> String {
    let states = found.states;
    let what = match (found.broken.first(), mutant.fate) {
        (Some(broken), Fate::Caught) => {
            format!("caught: {} | {states} | {}", broken.property, broken.steps.len())
        }
        (None, Fate::Stopped) => format!("stopped by another rule in every state | {states} | "),
        (Some(broken), Fate::Stopped) => {
            format!("NOT STOPPED: {} | {states} | {}", broken.property, broken.steps.len())
        }
        (None, Fate::Caught) => format!("NOT CAUGHT | {states} | "),
    };
    format!("| `{}` | {} | {what} |", mutant.name, mutant.text)
}
