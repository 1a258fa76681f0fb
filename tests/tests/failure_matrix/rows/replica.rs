//! M-R01 to M-R19 and M-R29 to M-R34: shipping, and the stages of a replica.

use std::thread;

use aerodb_tests::proxy::{Change, Fault};
use aerodb_tests::{Node, directory_digest};
use serde_json::{Value, json};

use crate::stage::{Stage, assert_unreadable, offsets, recovery, rows, wait_detached, wait_halted};
use crate::validation::{forged_in, halted_by};

/// Two commits are on both nodes; the replica dies at this point of the third's validation or application, and
/// starts again.
#[track_caller]
fn dies_receiving(point: &str) -> Stage {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.put_behind_its_back(3..=3);
    // What the log ended with is validated and applied first.
    let point = format!("{point}:2");
    stage.n2.spawn_to_die_at(&point);
    stage.n2.died_at(&point);
    stage.n2.start();
    stage
}

#[test]
fn m_r01_a_record_that_was_not_sent_is_durable_and_sent_later() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.n1.kill();
    stage.n1.start_to_die_at("ship.before_send");
    stage.n2.resume();
    let _ = stage.n1.try_put("k3", "3");
    stage.n1.died_at("ship.before_send");
    assert_eq!(offsets(&stage.n2), [2; 3]);
    stage.n1.start();
    assert_eq!(stage.n1.get("/v1/kv/k3").expect(200).text, "3");
    stage.n2.resume();
    stage.assert_equal(3);
}

/// The holder is gone in the middle of an answer: so many bytes of it have arrived.
#[test]
fn m_r02_m_r08_an_answer_that_is_cut_at_any_byte_leaves_nothing() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    for (next, bytes) in (3..).zip([0, 1, 4, 32, 64, 100, 128, 160]) {
        stage.proxy.next(Fault::Cut(bytes));
        stage.put(next..=next);
        let why = wait_detached(&stage.n2);
        assert_eq!(offsets(&stage.n2), [next - 1; 3], "{bytes} bytes: {why}");
        if bytes % 100 == 0 {
            stage.n1.restart();
        }
        stage.n2.resume();
        stage.assert_equal(next);
    }
}

#[test]
fn m_r04_a_replica_without_its_upstream_stays_one_and_serves_what_is_safe() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.n1.freeze();
    for _ in 0..3 {
        assert_eq!(stage.n2.get("/v1/kv/k2?consistency=snapshot").expect(200).text, "2");
        stage.n2.put("k3", "3").refused(421, "NOT_HOLDER");
    }
    stage.n1.thaw();
    stage.n1.kill();
    let why = wait_detached(&stage.n2);
    assert!(why.starts_with("disconnected: "), "{why}");
    assert_eq!(stage.n2.data("/v1/status")["role"], "ReplicaActive");
    stage.n2.get("/v1/kv/k2?consistency=linearizable").refused(421, "NOT_HOLDER");
    assert_eq!(stage.n2.get("/v1/kv/k2?consistency=snapshot").expect(200).text, "2");
    stage.n2.promote(1).refused(409, "PROMOTION_DENIED");
}

/// The explanation of a halt names what was expected and what came; a restart changes nothing of it.
#[track_caller]
fn assert_latched(stage: &mut Stage, rule: &str, held: [u64; 3]) {
    let explained = |node: &Node| {
        let rules = node.data("/v1/explain/replication")["rules_applied"].clone();
        (rules, node.data("/v1/replication")["replica_state"].clone())
    };
    let before = explained(&stage.n2);
    assert_eq!(offsets(&stage.n2), held);
    assert_unreadable(&stage.n2, "HALTED");
    stage.n2.restart();
    let _ = wait_halted(&stage.n2, rule);
    assert_eq!(explained(&stage.n2), before);
    assert_eq!(offsets(&stage.n2), held);
    assert_unreadable(&stage.n2, "HALTED");
}

#[test]
fn m_r05_what_arrives_twice_or_out_of_order_is_rejected_and_latched() {
    for change in [Change::duplicated(), Change::reordered()] {
        let mut stage = halted_by(Fault::Change(change), "F-V2");
        assert_latched(&mut stage, "F-V2", [2; 3]);
    }
}

#[test]
fn m_r06_a_gap_is_rejected_and_latched() {
    let mut stage = halted_by(Fault::Change(Change::with_a_gap()), "F-V2");
    assert_latched(&mut stage, "F-V2", [2; 3]);
}

#[test]
fn m_r07_a_corrupted_answer_is_rejected_and_latched() {
    for at in [0, 33, 150, usize::MAX] {
        let mut stage = halted_by(Fault::Flip(at), "F-V1");
        assert_latched(&mut stage, "F-V1", [2; 3]);
    }
}

#[test]
fn m_r08_a_receiver_that_dies_with_the_bytes_in_hand_has_received_nothing() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.put_behind_its_back(3..=3);
    stage.n2.spawn_to_die_at("recv.mid_receive");
    stage.n2.died_at("recv.mid_receive");
    stage.n2.start();
    stage.assert_equal(3);
}

/// A frame that is whole in the page cache survives the process; one that is not, does not.
#[test]
fn m_r09_received_bytes_count_whole_or_not_at_all() {
    for (point, received) in [
        ("wal.before_write", 2),
        ("wal.mid_write[0]", 2),
        ("wal.mid_write[512]", 2),
        ("wal.mid_write[3584]", 2),
        ("wal.after_write", 3),
        ("wal.mid_fsync", 3),
        ("wal.after_fsync", 3),
    ] {
        let mut stage = Stage::set();
        stage.put_followed(1..=2);
        stage.n2.kill();
        stage.n2.start_to_die_at(point);
        stage.put(3..=3);
        stage.n2.died_at(point);
        stage.n1.kill();
        stage.n2.start();
        assert_eq!(recovery(&stage.n2)["inputs"]["received"], received, "{point}");
        stage.n1.start();
        stage.n2.resume();
        stage.assert_equal(3);
    }
}

/// Durable, not validated: shown as that, and taken up by the next start.
#[test]
fn m_r10_what_is_received_and_not_validated_is_shown_as_that() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.n2.kill();
    stage.n2.start_to_die_at("recv.after_fsync");
    stage.put(3..=3);
    stage.n2.died_at("recv.after_fsync");
    let mut hold = stage.n2.start_to_stand_at("val.mid");
    hold.reached(&stage.n2);
    assert_eq!(offsets(&stage.n2), [3, 2, 2]);
    stage.n2.get("/v1/kv/k3?consistency=snapshot").refused(503, "READ_UNSAFE");
    hold.release();
    stage.assert_equal(3);
}

/// A validation that is cut short is made again, with the same verdict, good or bad.
#[test]
fn m_r12_a_validation_that_dies_is_made_again_with_the_same_verdict() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.put_behind_its_back(3..=5);
    for number in 1..=3 {
        let point = format!("val.mid:{number}");
        stage.n2.spawn_to_die_at(&point);
        stage.n2.died_at(&point);
    }
    stage.n2.start();
    stage.assert_equal(5);

    stage.put_behind_its_back(6..=8);
    stage.proxy.next(Fault::Change(Change::corrupted(140)));
    stage.n2.start();
    let _ = wait_halted(&stage.n2, "F-V1");
    let verdict = stage.n2.data("/v1/wal")["failures"].clone();
    stage.n2.restart();
    let _ = wait_halted(&stage.n2, "F-V1");
    assert_eq!(stage.n2.data("/v1/wal")["failures"], verdict);
}

#[test]
fn m_r13_stored_bytes_that_do_not_check_are_rejected_and_latched() {
    let mut stage = halted_by(Fault::Change(Change::corrupted(140)), "F-V1");
    assert_latched(&mut stage, "F-V1", [5, 2, 2]);
}

#[test]
fn m_r14_m_r15_what_does_not_continue_the_history_is_rejected_and_latched() {
    let other_epoch = Change::of(|answer| answer.batches = forged_in(answer, 2, false));
    let mut stage = halted_by(Fault::Change(other_epoch), "P5-I4");
    assert_latched(&mut stage, "P5-I4", [3, 2, 2]);
}

#[test]
fn m_r15_another_history_that_is_whole_in_itself_is_latched_for_good() {
    let other_chain = Change::of(|answer| answer.batches = forged_in(answer, 1, true));
    let mut stage = halted_by(Fault::Change(other_chain), "RI-3");
    assert_latched(&mut stage, "RI-3", [3, 2, 2]);
}

#[test]
fn m_r16_m_r17_m_r18_an_application_that_dies_is_begun_again_and_never_seen_in_part() {
    for point in ["apply.before", "apply.mid", "apply.before_meta"] {
        let mut stage = dies_receiving(point);
        stage.assert_equal(3);
        // It is received, so the next start comes to the same place without an upstream.
        stage.n1.kill();
        stage.n2.kill();
        for _ in 0..3 {
            stage.n2.spawn_to_die_at(point);
            stage.n2.died_at(point);
        }
        stage.n2.start();
        stage.n1.start();
        stage.n2.resume();
        stage.assert_equal(3);
    }
}

/// Five commits are received as one frame; the process dies with each number of them in the store.
#[test]
fn m_r17_a_batch_of_many_commits_dies_at_each_of_them() {
    let mut stage = Stage::set();
    stage.put_followed(1..=1);
    stage.put_behind_its_back(2..=6);
    // What the log ended with is taken up first, as one commit.
    stage.n2.spawn_to_die_at("recv.after_fsync");
    stage.n2.died_at("recv.after_fsync");
    for number in 1..=5 {
        let point = format!("apply.mid:{number}");
        stage.n2.spawn_to_die_at(&point);
        stage.n2.died_at(&point);
    }
    stage.n2.start();
    stage.assert_equal(6);
}

#[test]
fn m_r16_a_proven_batch_that_was_not_applied_is_applied_by_the_next_start() {
    let stage = dies_receiving("apply.before");
    stage.assert_equal(3);
}

#[test]
fn m_r18_a_batch_that_was_applied_and_not_noted_is_applied_once() {
    let stage = dies_receiving("apply.before_meta");
    stage.assert_equal(3);
    let size = |node: &Node| directory_digest(&node.dir.join("wal")).len();
    assert_eq!(size(&stage.n1), size(&stage.n2));
}

#[test]
fn m_r19_the_only_metadata_is_old_or_new_wherever_its_write_dies() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    let writes = ["meta.tmp_write[0]", "meta.tmp_write[1]", "meta.tmp_write[999999]"];
    for point in writes.into_iter().chain(["meta.fsync", "meta.rename", "meta.dir_fsync"]) {
        stage.n2.kill();
        for _ in 0..2 {
            stage.n2.spawn_to_die_at(point);
            stage.n2.died_at(point);
        }
        stage.n2.start();
        stage.assert_equal(2);
    }
}

/// Without the holder a replica serves what it has proven; against another history it serves nothing.
#[test]
fn m_r22_what_cannot_be_proven_is_not_served() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.n2.kill();
    stage.n2.start_to_die_at("recv.after_fsync");
    stage.put(3..=3);
    stage.n2.died_at("recv.after_fsync");
    stage.n1.kill();
    let mut hold = stage.n2.start_to_stand_at("val.mid");
    hold.reached(&stage.n2);
    assert_unreadable(&stage.n2, "READ_UNSAFE");
    hold.release();
    stage.n2.wait_applied(3);
    stage.n1.start();
    stage.n2.resume();
    stage.assert_equal(3);
}

/// In each state in which a read is not safe it is refused, and says which one it is.
#[test]
fn m_r29_a_read_is_refused_in_each_unsafe_state_by_its_reason() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.n2.get("/v1/kv/k1?consistency=linearizable").refused(421, "NOT_HOLDER");
    stage.n2.get("/v1/kv/k1?consistency=snapshot&at=9").refused(409, "COMMIT_IN_FUTURE");
    stage.n2.stop();
    let mut hold = stage.n2.start_to_stand_at("val.mid");
    hold.reached(&stage.n2);
    stage.n2.get("/v1/kv/k1?consistency=snapshot").refused(503, "READ_UNSAFE");
    hold.release();
    stage.n2.wait_applied(2);
    stage.put_behind_its_back(3..=4);
    stage.proxy.next(Fault::Change(Change::with_a_gap()));
    stage.n2.start();
    let _ = wait_halted(&stage.n2, "F-V2");
    assert_unreadable(&stage.n2, "HALTED");
}

/// A read waits for a commit while its node halts: it is refused at once, and not answered from the past.
#[test]
fn m_r30_a_read_whose_node_halts_under_it_is_refused() {
    let stage = Stage::set();
    stage.put_followed(1..=2);
    thread::scope(|scope| {
        let n2 = &stage.n2;
        let read = scope.spawn(|| n2.get("/v1/kv/k1?consistency=snapshot&min_commit=9"));
        stage.proxy.next(Fault::Flip(40));
        stage.put(3..=3);
        let _ = wait_halted(n2, "F-V1");
        let refused = read.join().expect("no panic");
        assert_eq!(refused.status, 503, "{}", refused.text);
        assert!(["HALTED", "READ_UNSAFE"].contains(&refused.code()), "{}", refused.text);
    });
}

#[test]
fn m_r31_a_replica_that_dies_while_it_answers_a_read_is_as_it_was() {
    for point in ["read.view_created", "read.mid"] {
        let mut stage = Stage::set();
        stage.put_followed(1..=2);
        stage.n2.stop();
        stage.n2.start_to_die_at(point);
        stage.wait_pulling();
        stage.n2.wait_shown(2);
        assert!(stage.n2.try_get("/v1/kv/k1?consistency=snapshot").is_none(), "{point}");
        stage.n2.died_at(point);
        stage.n2.start();
        stage.assert_equal(2);
    }
}

/// Every step of every machine, from the start until the replica has caught up.
#[test]
fn m_r32_a_replica_that_dies_at_each_transition_of_a_machine_lands_where_it_belongs() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.put_behind_its_back(3..=4);
    let mut died = 0;
    loop {
        let point = format!("sup.transition:{}", died + 1);
        stage.n2.spawn_to_die_at(&point);
        let caught_up = stage.n2.caught_up_or_ended(4);
        if caught_up {
            break;
        }
        stage.n2.died_at(&point);
        died += 1;
        assert!(died < 60, "it never comes to an end");
    }
    assert!(died >= 5, "{died} transitions");
    stage.n2.restart();
    stage.assert_equal(4);
    let states = rows(&stage.n2, "role");
    assert!(!states.is_empty());
}

#[test]
fn m_r33_a_write_offered_to_a_replica_is_refused_and_touches_nothing() {
    let stage = Stage::set();
    stage.put_followed(1..=2);
    let before = directory_digest(&stage.n2.dir);
    for (method, path) in [("PUT", "/v1/kv/k9"), ("DELETE", "/v1/kv/k1")] {
        let answer = stage.n2.try_send(method, path, &[], Some(b"x")).expect("an answer");
        answer.refused(421, "NOT_HOLDER");
    }
    let put = json!({ "put": { "key": "k9", "value": "x", "encoding": "utf8" } });
    let transaction = json!({ "conditions": [], "ops": [put] });
    stage.n2.post("/v1/txn", &transaction).refused(421, "NOT_HOLDER");
    assert_eq!(before, directory_digest(&stage.n2.dir));
    assert_eq!(stage.n2.data("/v1/status")["halt"], Value::Null);
}

/// It dies while it is cut off, starts alone, and goes on when it is told to.
#[test]
fn m_r34_a_replica_that_dies_while_partitioned_recovers_alone_and_resumes_when_told() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.proxy.next(Fault::Drop);
    stage.put(3..=3);
    let _ = wait_detached(&stage.n2);
    stage.n1.kill();
    stage.n2.restart();
    assert_eq!(stage.n2.get("/v1/kv/k2?consistency=snapshot").expect(200).text, "2");
    assert_eq!(offsets(&stage.n2), [2; 3]);
    stage.n1.start();
    stage.put(4..=4);
    assert_eq!(offsets(&stage.n2), [2; 3], "nothing happens behind the operator's back");
    stage.n2.resume();
    stage.assert_equal(4);
}
