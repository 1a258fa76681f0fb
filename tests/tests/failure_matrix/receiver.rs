//! Failures of a replica's receiver.

use aerodb_tests::proxy::{Change, Fault, Gate};
use aerodb_tests::{aerodb, directory_digest};

use crate::golden;
use crate::stage::{Stage, assert_unreadable, offsets, recovery, rows, wait_detached};

/// F-R1: a segment has arrived in part, nothing of it is durable.
/// Proves: M-R02, P3-R1, P6-N1, P6-N2.
#[test]
fn f_r1_a_transfer_that_is_cut_leaves_nothing_and_goes_on_where_the_log_ends() {
    type Hit = (&'static str, fn() -> Fault);
    let faults: [Hit; 4] = [
        ("dropped", || Fault::Drop),
        ("cut before the body", || Fault::Cut(0)),
        ("cut within it", || Fault::Cut(100)),
        ("a batch that ends early", || Fault::Change(Change::shortened(100))),
    ];
    for (what, fault) in faults {
        let stage = Stage::set();
        stage.put_followed(1..=2);
        stage.proxy.next(fault());
        stage.put(3..=3);
        let why = wait_detached(&stage.n2);
        assert_eq!(stage.proxy.happened(), 1, "{what}");
        assert_eq!(offsets(&stage.n2), [2; 3], "{what}: {why}");
        assert!(
            !rows(&stage.n2, "segment").contains(&"SG4".to_owned()),
            "{what}: nothing is judged"
        );
        // What is proven stays readable; that it is not the newest is told.
        assert_eq!(stage.n2.get("/v1/kv/k2?consistency=snapshot").expect(200).text, "2");
        stage.n2.get("/replica?max_lag=0").refused(503, "READ_UNSAFE");
        // An answer that is whole and ends early has told of the upstream's tip.
        let told = if what == "a batch that ends early" { "f_r1_short" } else { "f_r1_cut" };
        golden::check(told, &stage.n2.data("/v1/explain/replication"));
        stage.n2.resume();
        stage.assert_equal(3);
    }
}

/// F-R1: the receiver dies before the segment is durable.
/// Proves: M-R09.
#[test]
fn f_r1_a_receiver_that_dies_before_the_bytes_are_durable_has_received_nothing() {
    for point in ["recv.mid_receive", "wal.mid_write"] {
        let mut stage = Stage::set();
        stage.put_followed(1..=2);
        stage.n2.kill();
        stage.n2.start_to_die_at(point);
        stage.put(3..=3);
        stage.n2.died_at(point);
        let hold = stage.n2.start_to_stand_at("recv.mid_receive");
        golden::check(&format!("f_r1_{}", point.replace('.', "_")), &recovery(&stage.n2));
        assert_eq!(stage.n2.data("/v1/replication")["wal_received_offset"], 2, "{point}");
        hold.release();
        stage.assert_equal(3);
    }
}

/// F-R2: the bytes are durable, and the receiver dies before they are validated. What is received and not
/// validated is there after the restart, is shown as that, and nothing of it is applied or read.
#[test]
fn f_r2_received_and_not_validated_survives_the_process_and_is_shown_and_not_applied() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.n2.kill();
    stage.n2.start_to_die_at("recv.after_fsync");
    stage.put(3..=3);
    stage.n2.died_at("recv.after_fsync");
    let before = directory_digest(&stage.n2.dir);
    let shown = aerodb(&["wal", "verify", "--data-dir", stage.n2.dir_arg()]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert_eq!(before, directory_digest(&stage.n2.dir));

    // Twice: a restart that dies before it has validated changes nothing.
    for _ in 0..2 {
        let mut hold = stage.n2.start_to_stand_at("val.mid");
        hold.reached(&stage.n2);
        assert_eq!(offsets(&stage.n2), [3, 2, 2]);
        let wal = stage.n2.data("/v1/wal");
        assert_eq!(
            [&wal["received"], &wal["validated"], &wal["applied"]],
            [3, 2, 2].map(serde_json::Value::from).each_ref()
        );
        let replication = stage.n2.data("/v1/replication");
        assert_eq!(replication["replica_state"], "ValidatingWAL");
        assert_unreadable(&stage.n2, "READ_UNSAFE");
        golden::check("f_r2_replication", &stage.n2.data("/v1/explain/replication"));
        golden::check("f_r2_recovery", &recovery(&stage.n2));
        stage.n2.kill();
    }

    stage.n2.start();
    stage.assert_equal(3);
    assert_eq!(rows(&stage.n2, "pipeline")[..5], ["PL1", "PL2", "PL4", "PL8", "PL9"]);
}

/// F-R2 while the process lives: between the fsync and the proof.
/// Proves: P5-ST2, RA-3, O5-3, RA-11.
#[test]
fn f_r2_received_and_not_validated_is_shown_while_it_is_so() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.n2.stop();
    let mut hold = stage.n2.start_to_stand_at("recv.after_fsync");
    stage.wait_pulling();
    stage.put(3..=3);
    hold.reached(&stage.n2);
    assert_eq!(offsets(&stage.n2), [3, 2, 2]);
    assert_eq!(stage.n2.get("/v1/kv/k2?consistency=snapshot").expect(200).text, "2");
    stage.n2.get("/v1/kv/k3?consistency=snapshot").refused(404, "KEY_NOT_FOUND");
    hold.release();
    stage.assert_equal(3);
}

/// A slow network is no failure: nothing is known, so nothing changes, and it is said (M-R04).
/// Proves: P6-N2, P3-R6, M-R04.
#[test]
fn f_r1_a_transfer_that_is_late_is_waited_for() {
    let stage = Stage::set();
    stage.put_followed(1..=2);
    let gate = Gate::default();
    stage.proxy.next(Fault::Delay(gate.clone()));
    stage.put(3..=3);
    gate.reached();
    assert_eq!(offsets(&stage.n2), [2; 3]);
    assert_eq!(stage.n2.data("/v1/replication")["read_safety"], "Safe");
    assert_eq!(stage.n2.get("/v1/kv/k2?consistency=snapshot").expect(200).text, "2");
    gate.open();
    stage.assert_equal(3);
}
