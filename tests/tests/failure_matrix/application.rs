//! WAL application failures.

use crate::golden;
use crate::stage::{Stage, offsets, recovery};
use aerodb_tests::{Node, directory_digest};
use serde_json::{Value, json};

/// Two commits and a transaction of three keys, one segment, are the last that the replica gets before it
/// dies at this point. What it had received before comes there first, as one commit.
fn died_at(point: &str) -> Stage {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.put_behind_its_back(3..=4);
    let _ = stage.n1.post("/v1/txn", &transaction()).expect(200);
    stage.n2.spawn_to_die_at(&format!("{point}:2"));
    stage.n2.died_at(point);
    stage
}

fn transaction() -> Value {
    let put = |key| json!({ "put": { "key": key, "value": "new", "encoding": "utf8" } });
    let ops = ["a", "b", "c"].map(put).to_vec();
    json!({ "conditions": [], "ops": ops })
}

fn sizes(node: &Node) -> Vec<(std::path::PathBuf, usize)> {
    directory_digest(&node.dir).into_iter().map(|(path, bytes)| (path, bytes.len())).collect()
}

/// All of the transaction is there, or none of it.
fn assert_whole(node: &Node, there: bool) {
    let status = if there { 200 } else { 404 };
    for key in ["a", "b", "c"] {
        let _ = node.get(&format!("/v1/kv/{key}?consistency=snapshot")).expect(status);
    }
}

/// The replay begins again where it began before, however often it is cut short, and ends in one state.
fn assert_replayed(mut stage: Stage, again: &str, name: &str) {
    for _ in 0..3 {
        stage.n2.spawn_to_die_at(again);
        stage.n2.died_at(again);
    }
    let mut hold = stage.n2.start_to_stand_at("apply.before");
    hold.reached(&stage.n2);
    assert_eq!(offsets(&stage.n2), [5, 5, 2], "proven, not applied");
    golden::check(&format!("{name}_recovery"), &recovery(&stage.n2));
    golden::check(&format!("{name}_replication"), &stage.n2.data("/v1/explain/replication"));
    hold.release();
    stage.assert_equal(5);
    assert_whole(&stage.n2, true);
    let before = sizes(&stage.n2);
    for _ in 0..3 {
        stage.n2.restart();
        stage.assert_equal(5);
    }
    assert_eq!(before, sizes(&stage.n2), "nothing grows");
}

/// F-A1: the process dies with a part of a commit's batch in the store.
/// Proves: RA-5, MVI-4, CT-4, CT-7, F-T2.
#[test]
fn f_a1_a_batch_that_was_half_applied_is_applied_again_and_was_never_seen_in_part() {
    assert_replayed(died_at("apply.before"), "apply.before", "f_a1");
    assert_replayed(died_at("apply.mid"), "apply.mid:2", "f_a1");
}

/// F-A1, seen while it is so: nothing of the transaction is visible until all of it is.
/// Proves: RA-5, MVI-4.
#[test]
fn f_a1_nothing_of_a_batch_is_seen_before_all_of_it_is_applied() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.n2.stop();
    let mut hold = stage.n2.start_to_stand_at("apply.mid");
    // What the process before received is taken up first.
    hold.reached(&stage.n2);
    assert_eq!(offsets(&stage.n2), [2, 2, 1]);
    hold.release();
    stage.assert_equal(2);
    let mut hold = stage.stands_again_at("apply.before_meta");
    let _ = stage.n1.post("/v1/txn", &transaction()).expect(200);
    hold.reached(&stage.n2);
    assert_eq!(offsets(&stage.n2), [3, 3, 2], "in the store, and no bound says so");
    assert_whole(&stage.n2, false);
    hold.release();
    stage.assert_equal(3);
    assert_whole(&stage.n2, true);
}

/// F-A2: everything is in the store, and no bound says so.
#[test]
fn f_a2_a_batch_that_was_applied_and_not_noted_is_applied_again_without_a_trace() {
    assert_replayed(died_at("apply.before_meta"), "apply.before_meta", "f_a2");
}
