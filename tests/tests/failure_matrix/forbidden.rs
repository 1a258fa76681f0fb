//! Section 12 of the matrix: what must never happen.

use aerodb_tests::proxy::Fault;

use crate::stage::{Stage, offsets, wait_detached};

/// No silent retry, no catching up in the background: a replica that lost its upstream pulls again when it
/// is told, and each attempt is one.
/// Proves: RF-5, P6-N1.
#[test]
fn f_x1_a_replica_that_lost_its_upstream_tries_again_only_when_told() {
    let stage = Stage::set();
    let before = stage.proxy.connections();
    for round in 1..=3_usize {
        stage.proxy.next(Fault::Drop);
        stage
            .put(u64::try_from(round).expect("a number")..=u64::try_from(round).expect("a number"));
        let why = wait_detached(&stage.n2);
        assert!(why.starts_with("disconnected: "), "{why}");
        // What the replica does without being told would be done by now: its next answer to us comes after
        // everything that it does about the lost one.
        assert_eq!(offsets(&stage.n2), [u64::try_from(round).expect("a number") - 1; 3]);
        assert_eq!(stage.proxy.connections(), before + round - 1);
        stage.n2.resume();
        stage.n2.wait_applied(u64::try_from(round).expect("a number"));
        assert_eq!(stage.proxy.connections(), before + round);
    }
}
