//! What the suite explores; the larger scopes and what they came to are in `docs/model.md`.

use aerodb_model::mutant::{self, Fate};
use aerodb_model::report;
use aerodb_model::run::{Limits, explore, hunt};
use aerodb_model::scope::Scope;

#[test]
fn every_state_of_two_nodes_and_two_epochs_keeps_every_property() {
    let limits = Limits { threads: 2, time: None, until_broken: true };
    let found = explore(Scope::BOUNDED, &[], limits).unwrap();
    let told = report::explored(&Scope::BOUNDED, &found);
    assert!(found.broken.is_empty() && found.missing.is_empty(), "{told}");
    assert!(found.complete && found.states > 100_000, "{told}");
}

#[test]
fn every_mutant_meets_its_fate() {
    let fates = mutant::ALL.iter().map(|mutant| (mutant, hunt(mutant).unwrap()));
    let others: Vec<String> = fates
        .filter(|(mutant, found)| !report::as_fated(mutant, found))
        .map(|(mutant, found)| report::row(mutant, &found))
        .collect();
    assert!(others.is_empty(), "{}", others.join("\n"));
    let caught = mutant::ALL.iter().filter(|mutant| mutant.fate == Fate::Caught).count();
    assert!(caught >= 18, "{caught}");
}

#[test]
fn an_exploration_is_the_same_each_time_on_one_thread() {
    let mutant = &mutant::ALL[0];
    let (one, other) = (hunt(mutant).unwrap(), hunt(mutant).unwrap());
    assert_eq!((one.states, one.steps, one.broken), (other.states, other.steps, other.broken));
}

#[test]
fn the_document_says_what_becomes_of_every_mutant() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/model.md");
    let document = std::fs::read_to_string(path).unwrap();
    assert!(document.starts_with(include_str!("../src/text.md")), "write docs/model.md anew");
    for mutant in mutant::ALL {
        let fate = match mutant.fate {
            Fate::Caught => "caught: ",
            Fate::Stopped => "stopped by another rule in every state",
        };
        let row = format!("| `{}` | {} | {fate}", mutant.name, mutant.text);
        assert!(document.contains(&row), "write docs/model.md anew: {row}");
    }
}
