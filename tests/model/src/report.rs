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

/// All of `docs/model.md`, with what became of each mutant.
#[must_use]
pub fn document(hunted: &[(&Mutant, Explored)]) -> String {
    let mut text = String::from(include_str!("text.md"));
    text.push_str("\n## What was explored\n\n");
    text.push_str(include_str!("explored.md"));
    let fated = |fate| {
        let of_it = hunted.iter().filter(|(mutant, _)| mutant.fate == fate);
        let met = of_it.clone().filter(|(mutant, found)| as_fated(mutant, found));
        format!("{} of {}", met.count(), of_it.count())
    };
    let _ = write!(
        text,
        "\n## Mutants\n\nA mutant lies to a rule about one input, or does not do what one concluded; the rules are \
         the same functions. {} are caught. Some rules stand behind others: what they stand behind is then broken \
         first, which must break no property in any state of its cluster ({} do not), and the rule is broken with \
         it. States are those explored on one thread until the first property was broken, a block of 1,500 at a \
         time; steps are the length of the shortest way there.\n\n\
         | mutant | what goes wrong | what became of it | states | steps | cluster |\n\
         | --- | --- | --- | --- | --- | --- |\n",
        fated(Fate::Caught),
        fated(Fate::Stopped),
    );
    for (mutant, found) in hunted {
        let Scope { nodes, commits, epochs, faults, entries, .. } = mutant.scope;
        let cluster = format!(
            "nodes {nodes}, commits {commits}, epochs {epochs}, faults {faults}, entries {entries}"
        );
        let _ = writeln!(text, "{} {cluster} |", row(mutant, found));
    }
    text
}
