//! Outside of an attempt failover costs nothing: the same script has the same calls to the disk, and the same bytes
//! allocated, with failover enabled and disabled. Instructions are counted by `tests/cost/run`, which needs valgrind.
//!
//! Allocations are counted by the `cap` crate as this binary's global allocator, all of them added up. It is alone in
//! its binary, since other tests would be counted too.

#![allow(missing_docs)]

use std::alloc::System;

use aerodb_ledger::disk::simulated::{Call, SimulatedDisk};
use aerodb_node::config::Failover;
use aerodb_tests::steady::Steady;
use cap::Cap;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Requests before those that are counted.
const BEFORE: usize = 100;
const WRITES: usize = 400;
const READS: usize = 400;

/// What the script costs.
fn cost(failover: Failover) -> (Vec<Call>, usize) {
    let disk = SimulatedDisk::new();
    let mut steady = Steady::start(disk.shared(), "/n1", failover);
    steady.script(BEFORE, BEFORE);
    drop(disk.trace());
    let allocated = ALLOCATOR.total_allocated();
    steady.script(WRITES, READS);
    let allocated = ALLOCATOR.total_allocated() - allocated;
    (disk.trace(), allocated)
}

/// Proves: P6-PN1, P6-PN3, P6-PN4.
#[test]
fn p6_pn1_a_script_costs_the_same_with_failover_enabled_and_disabled() {
    let (calls, allocated) = cost(Failover::Enabled);
    assert_eq!(calls.len(), 2 * WRITES, "a write and an fsync each: {:?}", calls.last());
    let (again, _) = cost(Failover::Enabled);
    assert_eq!(calls, again, "the script is the same in every run");
    let (without, allocated_without) = cost(Failover::Disabled);
    assert_eq!(calls, without);
    let each = |bytes: usize| bytes / (WRITES + READS);
    println!("bytes allocated a request: {} and {}", each(allocated), each(allocated_without));
    assert_eq!(allocated, allocated_without);
}
