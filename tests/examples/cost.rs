//! The same script of writes and reads in every run, on a node with failover enabled or disabled: what `tests/cost/run`
//! has the instructions counted of. See `aerodb_tests::steady`.
//!
//! `cargo run --release -p aerodb-tests --example cost -- enabled|disabled WRITES READS`

#![allow(clippy::expect_used, clippy::print_stdout)]

use std::sync::Arc;

use aerodb_ledger::disk::RealDisk;
use aerodb_node::config::Failover;
use aerodb_tests::steady::Steady;

/// Requests before those that are counted: what grows or is filled once has been.
const BEFORE: usize = 200;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let failover = match arguments.next().as_deref() {
        Some("enabled") => Failover::Enabled,
        Some("disabled") => Failover::Disabled,
        other => panic!("enabled or disabled, not {other:?}"),
    };
    let mut number = || arguments.next().and_then(|it| it.parse().ok()).expect("a number");
    let (writes, reads): (usize, usize) = (number(), number());
    let place = tempfile::tempdir().expect("a directory");
    let mut steady = Steady::start(Arc::new(RealDisk), place.path().join("n1"), failover);
    steady.script(BEFORE, BEFORE);
    counted(&mut steady, writes, reads);
    println!("{writes} writes, {reads} reads");
}

/// What is counted, by this name.
#[inline(never)]
fn counted(steady: &mut Steady, writes: usize, reads: usize) {
    steady.script(writes, reads);
}
