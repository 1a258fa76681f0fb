//! After a run of the failure matrix: at every crash point that the binary has, a process has died.
//!
//! `export AERODB_HITS=$(mktemp -d)`, `cargo test -p aerodb-tests --features crash-points --test failure_matrix`,
//! and then this with the same features.

use std::collections::BTreeSet;

use aerodb_tests::{aerodb, hits};

#[test]
fn a_process_has_died_at_every_crash_point() {
    let listed = aerodb(&["crash-points"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let name = |line: &str| line.split('[').next().unwrap_or_default().to_owned();
    let points: BTreeSet<_> = listed.stdout.lines().map(name).collect();
    assert!(points.len() > 100, "{} points", points.len());
    let hit = hits();
    println!("{} of {} crash points were died at", points.intersection(&hit).count(), points.len());
    let missed: Vec<_> = points.difference(&hit).collect();
    assert!(missed.is_empty(), "no process has died at {missed:?}");
}
