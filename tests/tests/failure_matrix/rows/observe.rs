//! M-O: inspection and events, which nothing depends on.

use std::net::TcpListener;
use std::thread;

use aerodb_tests::proxy::{Change, Fault};
use aerodb_tests::{Cluster, aerodb, directory_digest, founder_dir};
use serde_json::{Value, json};

use crate::f_o1::all_answer;
use crate::stage::{Stage, recovery};
use crate::validation::halted_by;

#[test]
fn m_o01_inspection_answers_in_each_failed_state_and_labels_what_it_does_not_know() {
    let stage = halted_by(Fault::Change(Change::with_a_gap()), "F-V2");
    all_answer(&stage.n2);
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.n2.stop();
    let mut hold = stage.n2.start_to_stand_at("val.mid");
    hold.reached(&stage.n2);
    all_answer(&stage.n2);
    let shown = stage.n2.data("/v1/status");
    assert_eq!(shown["tips"]["acknowledged"], Value::Null, "{shown}");
}

/// Killed while it answers inspections: nothing of them is on the disk, and nothing is different.
#[test]
fn m_o02_a_node_that_dies_while_it_answers_has_written_nothing_for_it() {
    let (mut n1, _root) = Cluster::founder(&[]);
    for number in 1..=5 {
        let _ = n1.put(&format!("k{number}"), "v").expect(200);
    }
    let digest = n1.digest();
    let before = directory_digest(&n1.dir);
    let paths = ["/v1/explain/recovery", "/v1/ledger?log=authority", "/metrics", "/v1/transitions"];
    thread::scope(|scope| {
        let asking = paths.map(|path| {
            let n1 = &n1;
            scope.spawn(move || {
                let mut answered = 0;
                while n1.try_get(path).is_some() {
                    answered += 1;
                }
                answered
            })
        });
        for _ in 0..20 {
            let _ = n1.get("/v1/status").expect(200);
        }
        n1.kill_shared();
        let answered: Vec<u64> = asking.map(|it| it.join().expect("no panic")).into();
        assert!(answered.iter().all(|answers| *answers > 0), "{answered:?}");
    });
    assert_eq!(before, directory_digest(&n1.dir));
    n1.start_again();
    assert_eq!(n1.digest(), digest);
}

/// Its log goes to a full disk: it serves, replicates and stops as ever.
#[test]
fn m_o03_a_sink_that_takes_nothing_changes_nothing() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    assert_eq!(stage.n1.stop(), Some(0));
    stage.n1.spawn_under(&["sh", "-c", "exec \"$0\" \"$@\" 2> /dev/full"]);
    stage.n1.wait("answers", || stage.n1.try_get("/livez").map(|_| ()));
    stage.n2.resume();
    stage.put_followed(3..=4);
    stage.assert_equal(4);
    assert_eq!(stage.n1.stop(), Some(0));
    stage.n1.start();
    stage.n2.resume();
    stage.assert_equal(4);
}

/// What a decision needs is not there: it is said to be undetermined, and why.
#[test]
fn m_o05_without_evidence_a_rule_is_not_evaluable_and_the_conclusion_undetermined() {
    let (n1, _root) = Cluster::founder(&[]);
    let explained = n1.data("/v1/explain/checkpoint");
    let rules = explained["rules_applied"].as_array().expect("rules");
    assert!(rules.iter().any(|rule| rule["evaluation"] == "not_evaluable"), "{explained}");
    assert_eq!(explained["conclusion"]["status"], "undetermined", "{explained}");
}

#[test]
fn m_o06_a_port_that_is_taken_is_said_and_leaves_the_directory_as_it_was() {
    let root = tempfile::tempdir().expect("a directory");
    let mut n1 = founder_dir(&root);
    let taken = TcpListener::bind(("127.0.0.1", n1.port)).expect("the port");
    let refused = aerodb(&["serve", "--data-dir", n1.dir_arg()]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("listen"), "{}", refused.stderr);
    drop(taken);
    n1.start();
    let _ = n1.put("k1", "1").expect(200);
}

/// What holds back pruning is shown while it does: a read by its commit, and the snapshot of a checkpoint.
/// Proves: O5-4, MVS-3.
#[test]
fn m_o01_the_views_that_are_open_are_shown_with_their_source() {
    let (mut n1, _root) = Cluster::founder(&[]);
    (1..=3).for_each(|number| drop(n1.put("k", &number.to_string()).expect(200)));
    n1.kill();
    for (point, source) in [("read.view_created", "user"), ("snap.enumerate", "internal")] {
        let hold = n1.start_to_stand_at(point);
        n1.wait_shown(3);
        thread::scope(|scope| {
            // It goes on when this closure ends, however it does.
            let mut hold = hold;
            let n1 = &n1;
            let asked = scope.spawn(move || match source {
                "user" => n1.get("/v1/kv/k?at=3"),
                _ => n1.post("/v1/checkpoints", &json!({ "reason": "test" })),
            });
            hold.reached(n1);
            // That of the recovery is closed once its digest is computed.
            let _ = recovery(n1);
            let shown = json!([{ "commit_id": 3, "source": source, "count": 1 }]);
            n1.wait("shows the view", || {
                (n1.data("/v1/snapshots")["active"] == shown).then_some(())
            });
            let active = n1.data("/v1/mvcc")["active_snapshots"].clone();
            assert_eq!(active, json!({ "count": 1, "commit_ids": [3] }));
            let checkpoints = n1.data("/v1/checkpoints");
            let pending = (&checkpoints["pending_commit_id"], &checkpoints["pending_state"]);
            let expected = match source {
                "user" => (json!(null), json!(null)),
                _ => (json!(3), json!("Tentative")),
            };
            assert_eq!(pending, (&expected.0, &expected.1));
            hold.release();
            let _ = asked.join().expect("no panic").expect(200);
        });
        n1.wait("closes the view", || {
            (n1.data("/v1/snapshots")["active"] == json!([])).then_some(())
        });
        n1.kill();
    }
}
