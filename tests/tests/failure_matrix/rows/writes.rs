//! M-W: a write dies at each of its boundaries.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use aerodb_tests::{Cluster, Node, aerodb, command_dies_at, directory_digest};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{Stage, offsets, recovery};

/// A holder alone with `k1` and `k2`, which dies at this point of the next write and starts again.
#[track_caller]
fn dies_writing(point: &str) -> (Node, TempDir) {
    let (mut n1, root) = Cluster::founder(&[]);
    for number in 1..=2 {
        let _ = n1.put(&format!("k{number}"), "v").expect(200);
    }
    assert_eq!(n1.stop(), Some(0));
    n1.start_to_die_at(point);
    assert!(n1.try_put("k3", "3").is_none(), "{point}: acknowledged");
    n1.died_at(point);
    n1.start();
    (n1, root)
}

/// `k3` is there or not, everything before it is, and the next number follows.
#[track_caller]
fn assert_third(node: &Node, there: bool, what: &str) {
    for number in 1..=2 {
        assert_eq!(node.get(&format!("/v1/kv/k{number}")).expect(200).text, "v", "{what}");
    }
    assert_eq!(node.get("/v1/kv/k3").status, if there { 200 } else { 404 }, "{what}");
    let next = node.put("k4", "4").expect(200);
    assert_eq!(next.body["data"]["commit_id"], 3 + u64::from(there), "{what}");
}

#[track_caller]
fn assert_verifies(node: &mut Node) {
    assert_eq!(node.stop(), Some(0));
    let verified = aerodb(&["wal", "verify", "--data-dir", node.dir_arg()]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[test]
fn m_w01_a_write_that_is_not_in_the_log_is_absent_and_its_number_is_used_again() {
    let (n1, _root) = dies_writing("write.before_wal");
    assert_third(&n1, false, "write.before_wal");
    assert_eq!(recovery(&n1)["inputs"]["wal"]["residue"], Value::Null);
}

#[test]
fn m_w02_a_frame_of_which_nothing_is_written_is_absent() {
    let (n1, _root) = dies_writing("wal.before_write");
    assert_third(&n1, false, "wal.before_write");
    assert_eq!(recovery(&n1)["inputs"]["wal"]["residue"], Value::Null);
}

/// Cut at the edges of sectors, which are written whole: what is there of it is named and set aside.
#[test]
fn m_w03_a_frame_that_is_written_in_part_is_absent_and_its_residue_is_named() {
    for byte in (0..4096).step_by(512) {
        let point = format!("wal.mid_write[{byte}]");
        let (mut n1, _root) = dies_writing(&point);
        let residue = &recovery(&n1)["inputs"]["wal"]["residue"];
        assert_eq!(residue.is_null(), byte == 0, "{point}: {residue}");
        assert_third(&n1, false, &point);
        assert_verifies(&mut n1);
    }
}

/// Cut within a sector, which neither a device nor a page cache does: never taken for the write, never
/// acknowledged, and never passed over in silence.
#[test]
fn m_w03_a_sector_that_is_cut_within_is_a_tail_or_refuses_the_start_by_name() {
    for byte in [1, 3, 4, 100, 511, 513] {
        let point = format!("wal.mid_write[{byte}]");
        let (mut n1, _root) = Cluster::founder(&[]);
        let _ = n1.put("k1", "v").expect(200);
        assert_eq!(n1.stop(), Some(0));
        n1.start_to_die_at(&point);
        assert!(n1.try_put("k2", "v").is_none(), "{point}: acknowledged");
        n1.died_at(&point);
        let before = directory_digest(&n1.dir);
        let looked = aerodb(&["wal", "verify", "--data-dir", n1.dir_arg()]);
        assert_eq!(before, directory_digest(&n1.dir), "{point}: looking changes nothing");
        if looked.code == Some(0) {
            n1.start();
            assert_eq!(n1.get("/v1/kv/k1").expect(200).text, "v", "{point}");
            n1.get("/v1/kv/k2").refused(404, "KEY_NOT_FOUND");
        } else {
            let refused = aerodb(&["serve", "--data-dir", n1.dir_arg()]);
            assert_eq!(refused.code, Some(1), "{point}: {refused:?}");
            let segment = "wal/0000000000000001.seg";
            assert!(refused.stderr.contains(segment), "{point}: {}", refused.stderr);
            assert!(refused.stderr.contains("at byte "), "{point}: {}", refused.stderr);
        }
    }
}

#[test]
fn m_w04_a_frame_that_is_written_and_not_fsynced_survives_the_process() {
    let (n1, _root) = dies_writing("wal.after_write");
    assert_third(&n1, true, "wal.after_write");
}

/// While the fsync is pending nobody sees anything of the write, here or on a replica.
#[test]
fn m_w05_m_r03_while_an_fsync_is_pending_nothing_of_it_is_visible_or_shipped() {
    let (n1, _root) = dies_writing("wal.mid_fsync");
    assert_third(&n1, true, "wal.mid_fsync");

    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.n1.stop();
    let mut hold = stage.n1.start_to_stand_at("wal.mid_fsync");
    stage.n2.resume();
    stage.wait_pulling();
    thread::scope(|scope| {
        let n1 = &stage.n1;
        let put = scope.spawn(|| n1.put("k3", "3"));
        hold.reached(n1);
        n1.get("/v1/kv/k3").refused(404, "KEY_NOT_FOUND");
        assert_eq!(n1.data("/v1/status")["tips"]["acknowledged"], 2);
        assert_eq!(offsets(&stage.n2), [2; 3]);
        assert_eq!(stage.n2.data("/v1/replication")["primary_commit_id"], 2);
        hold.release();
        let _ = put.join().expect("no panic").expect(200);
    });
    stage.assert_equal(3);
}

#[test]
fn m_r03_nothing_past_the_durable_end_is_served() {
    // Asked for what does not exist yet, the holder waits; it never answers with what is pending.
    let mut stage = Stage::set();
    stage.put_followed(1..=1);
    stage.n1.stop();
    let mut hold = stage.n1.start_to_stand_at("wal.after_fsync");
    stage.n2.resume();
    stage.wait_pulling();
    thread::scope(|scope| {
        let n1 = &stage.n1;
        let put = scope.spawn(|| n1.put("k2", "2"));
        hold.reached(n1);
        assert_eq!(offsets(&stage.n2), [1; 3]);
        hold.release();
        let _ = put.join().expect("no panic").expect(200);
    });
    stage.assert_equal(2);
}

#[test]
fn m_w07_a_durable_write_is_there_though_nobody_was_told() {
    let (n1, _root) = dies_writing("wal.after_fsync");
    assert_third(&n1, true, "wal.after_fsync");
    assert_eq!(recovery(&n1)["inputs"]["replayed"]["last"], 3);
}

/// The segment ahead of the one in use is made anew at every start: the process dies within.
#[test]
fn m_w09_a_segment_that_is_not_whole_is_no_segment() {
    let (mut n1, root) = Cluster::founder(&[]);
    let _ = n1.put("k1", "v").expect(200);
    let edges = ["tmp_write[0]", "tmp_write[1]", "tmp_write[4095]"];
    for (round, step) in (2..).zip(edges.into_iter().chain(["fsync", "rename", "before_dir_fsync"]))
    {
        let point = format!("wal.create.{step}");
        assert_eq!(n1.stop(), Some(0));
        n1.spawn_to_die_at(&point);
        n1.died_at(&point);
        n1.start();
        let put = n1.put("k", "v").expect(200);
        assert_eq!(put.body["data"]["commit_id"], round, "{point}");
        assert_eq!(n1.get("/v1/kv/k1").expect(200).text, "v", "{point}");

        // The same while a node is founded: it is none, and founding it again makes it one.
        let other = Node::new(root.path(), &format!("f{round}"));
        let listen = format!("127.0.0.1:{}", other.port);
        let found = ["init", "--data-dir", other.dir_arg(), "--node-id", "f", "--listen", &listen];
        command_dies_at(&point, &found);
        let none = aerodb(&["serve", "--data-dir", other.dir_arg()]);
        assert_ne!(none.code, Some(0), "{point}: {none:?}");
        let again = aerodb(&found);
        assert_eq!(again.code, Some(0), "{point}: {again:?}");
    }
}

/// A read sees all of a write set or nothing, on either side of the moment.
#[test]
fn m_w13_a_read_sees_all_of_a_write_set_or_none_of_it() {
    let put = |key: &str| json!({ "put": { "key": key, "value": "new", "encoding": "utf8" } });
    let transaction = json!({ "conditions": [], "ops": [put("a"), put("b"), put("c")] });
    for (point, visible) in [("commit.before_visible", 404), ("commit.after_visible", 200)] {
        let (mut n1, _root) = Cluster::founder(&[]);
        assert_eq!(n1.stop(), Some(0));
        let mut hold = n1.start_to_stand_at(point);
        thread::scope(|scope| {
            let n1 = &n1;
            let asked = scope.spawn(|| n1.post("/v1/txn", &transaction));
            hold.reached(n1);
            for key in ["a", "b", "c"] {
                let read = n1.get(&format!("/v1/kv/{key}?consistency=snapshot"));
                assert_eq!(read.status, visible, "{point}: {}", read.text);
            }
            hold.release();
            let _ = asked.join().expect("no panic").expect(200);
        });
        assert_eq!(n1.stop(), Some(0));
        n1.start_to_die_at(point);
        assert!(n1.try_post("/v1/txn", &transaction).is_none(), "{point}: answered");
        n1.died_at(point);
        n1.start();
        for key in ["a", "b", "c"] {
            let read = n1.get(&format!("/v1/kv/{key}")).expect(200);
            assert_eq!(read.etag.as_deref(), Some("\"2\""), "{point}");
        }
    }
}

#[test]
fn m_w14_a_write_is_there_whether_its_answer_was_sent_or_not() {
    let (n1, _root) = dies_writing("ack.before_send");
    assert_third(&n1, true, "ack.before_send");
    // After the answer was sent: killed from outside, once the caller has it.
    let (mut n1, _root) = Cluster::founder(&[]);
    let _ = n1.put("k1", "1").expect(200);
    n1.restart();
    assert_eq!(n1.get("/v1/kv/k1").expect(200).text, "1");
}

#[test]
fn m_w15_concurrent_writers_have_one_order_without_holes() {
    let (n1, _root) = Cluster::founder(&[]);
    let commits: Vec<u64> = thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let n1 = &n1;
                scope.spawn(move || {
                    let put = |number| n1.put(&format!("w{writer}"), &format!("{number}"));
                    let commit =
                        |number| put(number).expect(200).body["data"]["commit_id"].as_u64();
                    let commits: Option<Vec<_>> = (0..20).map(commit).collect();
                    commits.expect("commits")
                })
            })
            .collect();
        writers.into_iter().flat_map(|it| it.join().expect("no panic")).collect()
    });
    let ordered: BTreeSet<_> = commits.iter().copied().collect();
    assert_eq!(ordered, (1..=160).collect());
    // Each writer's own are in its order, and its key is of its last one.
    for (writer, own) in commits.chunks(20).enumerate() {
        assert!(own.is_sorted(), "{own:?}");
        let read = n1.get(&format!("/v1/kv/w{writer}")).expect(200);
        assert_eq!(read.etag, own.last().map(|commit| format!("\"{commit}\"")));
    }
}

#[test]
fn m_w16_a_second_process_on_one_directory_refuses_before_it_touches_a_file() {
    let (n1, _root) = Cluster::founder(&[]);
    let _ = n1.put("k1", "1").expect(200);
    let before = directory_digest(&n1.dir);
    let second = aerodb(&["serve", "--data-dir", n1.dir_arg()]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("WAL-2"), "{}", second.stderr);
    assert_eq!(before, directory_digest(&n1.dir));
    assert_eq!(n1.get("/v1/kv/k1").expect(200).text, "1");
}

/// Writers run until the process dies at this point of a group; everything that was acknowledged is there,
/// everything else whole or not at all.
#[track_caller]
fn dies_under_load(point: &str) {
    let (mut n1, _root) = Cluster::founder(&[]);
    assert_eq!(n1.stop(), Some(0));
    n1.start_to_die_at(point);
    let acknowledged: Vec<String> = thread::scope(|scope| {
        let writers: Vec<_> = (0..6)
            .map(|writer| {
                let n1 = &n1;
                scope.spawn(move || {
                    let keys = (0..).map(|number| format!("w{writer}-{number}"));
                    let is_put = |key: &String| {
                        n1.try_put(key, key).is_some_and(|answer| answer.status == 200)
                    };
                    keys.take_while(is_put).collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|it| it.join().expect("no panic")).collect()
    });
    n1.died_at(point);
    n1.start();
    for key in &acknowledged {
        assert_eq!(&n1.get(&format!("/v1/kv/{key}")).expect(200).text, key, "{point}");
    }
    let all = n1.get("/v1/kv?prefix=w&limit=1000").expect(200);
    let items = all.body["data"]["items"].as_array().expect("items").clone();
    assert!(items.iter().all(|item| item["key"] == item["value"]), "{point}");
    // At most one write of each writer was in flight.
    assert!(items.len() <= acknowledged.len() + 6, "{point}");
    let tip = n1.data("/v1/status")["tips"]["acknowledged"].as_u64().expect("a bound");
    assert_eq!(tip, items.len() as u64, "{point}: numbers without holes");
    assert_verifies(&mut n1);
}

#[test]
fn m_w19_a_group_dies_at_each_of_its_boundaries_and_no_member_is_acknowledged_before_its_fsync() {
    for point in [
        "group.forming:9",
        "wal.mid_write[0]:9",
        "wal.mid_write[512]:9",
        "wal.after_write:9",
        "wal.mid_fsync:9",
        "wal.after_fsync:9",
        "group.ack:1",
        "group.ack:20",
    ] {
        dies_under_load(point);
    }
}

/// A batch of several blocks, cut at the edges of its sectors and blocks: all of it, or nothing.
#[test]
fn m_w20_a_batch_of_many_blocks_is_whole_or_absent_wherever_it_is_cut() {
    let put = |key: &str| {
        let value = key.repeat(3000);
        json!({ "put": { "key": key, "value": value, "encoding": "utf8" } })
    };
    let transaction = json!({ "conditions": [], "ops": [put("a"), put("b"), put("c")] });
    for byte in [0, 512, 3584, 4096, 4608, 8192, 8704] {
        let point = format!("wal.mid_write[{byte}]");
        let (mut n1, _root) = Cluster::founder(&[]);
        let _ = n1.put("k1", "v").expect(200);
        assert_eq!(n1.stop(), Some(0));
        n1.start_to_die_at(&point);
        assert!(n1.try_post("/v1/txn", &transaction).is_none(), "{point}: answered");
        n1.died_at(&point);
        n1.start();
        assert_eq!(n1.get("/v1/kv/k1").expect(200).text, "v", "{point}");
        for key in ["a", "b", "c"] {
            n1.get(&format!("/v1/kv/{key}")).refused(404, "KEY_NOT_FOUND");
        }
        let next = n1.put("k2", "v").expect(200);
        assert_eq!(next.body["data"]["commit_id"], 2, "{point}");
    }
}

#[test]
fn m_w23_m_r31_a_read_that_dies_changes_nothing() {
    for point in ["read.view_created", "read.mid"] {
        let (mut n1, _root) = Cluster::founder(&[]);
        let _ = n1.put("k1", "1").expect(200);
        assert_eq!(n1.stop(), Some(0));
        n1.start_to_die_at(point);
        let before = directory_digest(&n1.dir);
        assert!(n1.try_get("/v1/kv/k1").is_none(), "{point}: answered");
        n1.died_at(point);
        assert_eq!(before, directory_digest(&n1.dir), "{point}");
        n1.start();
        assert_eq!(n1.get("/v1/kv/k1").expect(200).text, "1");
        assert_next(&n1, 2);
    }
}

#[track_caller]
fn assert_next(node: &Node, commit: u64) {
    let next = node.put("next", "1").expect(200);
    assert_eq!(next.body["data"]["commit_id"], commit);
}
