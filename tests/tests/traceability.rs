//! Every rule is enforced and proven, or stands among the known holes, of which there are never more; and what is
//! written of it is what the code says.

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
fn no_rule_is_without_enforcement_or_proof_but_for_the_known_holes() {
    let audit = audit();
    let holes: Vec<_> = audit.holes().map(|row| row.rule.id.as_str()).collect();
    assert!(holes.len() <= audit.holes_max, "{} known, found {holes:?}", audit.holes_max);
    assert_eq!(
        holes.len(),
        audit.holes_max,
        "holes were closed: cargo run -p aerodb-tests --bin audit"
    );
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
