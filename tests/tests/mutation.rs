//! `docs/mutants.toml` against the code: what is argued there is still there, and an outcome is judged by it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use aerodb_tests::mutation::{Argued, Mutant, MutationFault, Outcome, argued};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn every_argued_mutant_changes_a_line_that_is_there_and_is_argued_once() {
    let argued = argued(&root()).expect("the list");
    let mut seen = BTreeSet::new();
    for Argued { mutant, why } in &argued {
        let source = fs::read_to_string(root().join(&mutant.file)).expect("a source");
        assert!(source.lines().any(|line| line.trim() == mutant.line), "no such line: {mutant}");
        assert!(why.len() > 20, "{mutant}: {why}");
        assert!(seen.insert(mutant), "twice: {mutant}");
    }
}

/// A run over a source of one function, of whose mutants these survived.
fn outcome(missed: &str) -> Result<Outcome, MutationFault> {
    let place = tempfile::tempdir().expect("a directory");
    let put = |name: &str, text: &str| fs::write(place.path().join(name), text).expect("written");
    put("sum.rs", "fn sum(a: u8, b: u8) -> u8 {\n    a + b\n}\n");
    put(
        "caught.txt",
        "sum.rs:2:5: replace sum -> u8 with 0\nsum.rs:2:5: replace sum -> u8 with 1\n",
    );
    put("timeout.txt", "");
    put("unviable.txt", "sum.rs:2:5: replace sum -> u8 with Default::default()\n");
    put("missed.txt", missed);
    let mut outcome = Outcome::default();
    outcome.add(place.path(), place.path())?;
    Ok(outcome)
}

#[test]
fn a_survivor_is_known_by_its_line_wherever_that_stands() {
    let outcome = outcome("sum.rs:2:7: replace + with - in sum\n").expect("an outcome");
    let minus = Mutant {
        file: "sum.rs".into(),
        line: "a + b".into(),
        change: "replace + with - in sum".into(),
    };
    assert_eq!(outcome.survived, std::slice::from_ref(&minus));
    assert_eq!(
        outcome.to_string(),
        "3 tested: 2 caught, 0 stopped, 1 survived (33.33 %); 1 do not compile"
    );
    assert_eq!(outcome.unargued(&[]), [&minus]);
    let argue = |mutant| Argued { mutant, why: "b is always 0".into() };
    assert_eq!(outcome.unargued(&[argue(minus.clone())]), Vec::<&Mutant>::new());
    let other = Mutant { line: "b + a".into(), ..minus.clone() };
    assert_eq!(outcome.unargued(&[argue(other)]), [&minus], "the line is another one");
}

#[test]
fn a_line_that_names_no_mutant_is_no_outcome() {
    for missed in
        ["sum.rs\n", "sum.rs:2:7\n", "sum.rs:0:7: x\n", "sum.rs:9:7: x\n", "sum.rs:b:7: x\n"]
    {
        let found = outcome(missed).expect_err(missed);
        assert!(matches!(found, MutationFault::Unnamed(_)), "{found}");
    }
    assert!(matches!(
        outcome("none.rs:1:1: x\n").expect_err("no file"),
        MutationFault::Read { .. }
    ));
}
