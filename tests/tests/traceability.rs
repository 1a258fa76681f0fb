//! Every rule is enforced and proven, and what is written of it is what the code says.

use std::path::{Path, PathBuf};

use aerodb_core::rules::RuleId;
use aerodb_tests::audit::{Audit, Rendering, Standing};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn audit() -> Audit {
    Audit::of(&root()).unwrap_or_else(|fault| panic!("{fault}"))
}

/// Proves: P6-RY7, P6-RT6, P6-T1, P6-CM1, F-T1, F-T3, F-T4, F-0.4, P3-PL9, EX-3.
#[test]
fn no_rule_is_without_enforcement_or_proof() {
    let audit = audit();
    let holes: Vec<_> = audit.holes().map(|row| row.rule.id.as_str()).collect();
    assert_eq!(holes, Vec::<&str>::new(), "open");
    assert_eq!(audit.holes_max, 0, "no hole is known any more, and none is to be let in again");
}

#[test]
fn no_rule_that_the_program_cites_is_open() {
    let audit = audit();
    let open: Vec<_> = audit
        .rows
        .iter()
        .filter(|row| matches!(row.standing, Standing::Open { .. }))
        .filter(|row| RuleId::ALL.iter().any(|rule| rule.id() == row.rule.id))
        .map(|row| row.rule.id.as_str())
        .collect();
    assert!(open.is_empty(), "{open:?}");
}

/// Proves: P6-RT6.
#[test]
fn the_table_in_the_repository_is_the_one_that_the_code_gives() {
    let stale = Rendering::of(&audit()).stale(&root());
    assert!(stale.is_empty(), "{stale:?} is stale: cargo run -p aerodb-tests --bin audit");
}
