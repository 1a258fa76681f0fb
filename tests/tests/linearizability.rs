//! What concurrent clients see through kills, cuts and failovers is linearizable; and what would not be is
//! found. The judge is a checker that is not ours, see `aerodb_tests::clients`.

#![allow(clippy::expect_used, missing_docs)]

use aerodb_tests::clients::{History, Operation, Options, Round, Seen, judge, run};
use aerodb_tests::proxy::Wire;
use aerodb_tests::{Cluster, Node, directory_digest};

/// One round of each kind. More of them: `cargo run --release -p aerodb-tests --bin histories -- --rounds 100`.
#[test]
fn p6_s1_what_clients_see_through_kills_cuts_and_failovers_is_linearizable() {
    let report = run(&Options { seed: 1, rounds: Round::ALL.to_vec(), clients: 6 });
    println!("{report}");
    assert!(report.verdict.violations.is_empty(), "{report}");
    assert!(report.verdict.unknown > 0, "{report}");
    assert!(report.verdict.answered > 1000, "{report}");
}

fn put(history: &History, node: &Node, value: u64) {
    let call = history.call("k", Operation::Put(value));
    let done = node.put("k", &value.to_string()).expect(200);
    let commit = done.body["data"]["commit_id"].as_u64().expect("a commit");
    history.answer(call, Seen::Done(commit));
}

/// Reads with the query given, and records it as a linearizable read.
fn get(history: &History, node: &Node, query: &str) {
    let call = history.call("k", Operation::Get);
    let answer = node.get(&format!("/v1/kv/k{query}"));
    let seen = match answer.etag {
        Some(etag) => {
            let commit = etag.trim_matches('"').parse().expect("a commit");
            Seen::Value(answer.text.parse().expect("a value"), commit)
        }
        None => {
            answer.refused(404, "KEY_NOT_FOUND");
            Seen::Absent
        }
    };
    history.answer(call, seen);
}

/// A replica that is cut off answers snapshot reads, and says so; taken for linearizable ones they are stale.
#[test]
fn a_stale_read_of_a_replica_is_found_by_the_checker() {
    let cluster = Cluster::start();
    let wire = Wire::to(&cluster.n1);
    let body = serde_json::json!({ "upstream": wire.url(), "reason": "test" });
    let _ = cluster.n2.post("/v1/replication/follow", &body).expect(200);
    cluster.wait_pulling(&["n2"]);
    let history = History::default();
    put(&history, &cluster.n1, 1);
    cluster.n2.wait_shown(1);
    get(&history, &cluster.n2, "?consistency=snapshot");
    assert!(judge(&history.events()).violations.is_empty());

    wire.cut();
    put(&history, &cluster.n1, 2);
    get(&history, &cluster.n1, "");
    assert!(judge(&history.events()).violations.is_empty());
    get(&history, &cluster.n2, "?consistency=snapshot");
    let verdict = judge(&history.events());
    assert_eq!(verdict.violations.len(), 1, "{verdict:?}");
    // The node itself never gives it for one.
    cluster.n2.get("/v1/kv/k?consistency=linearizable").refused(421, "NOT_HOLDER");
}

/// The one loss that a node alone cannot notice: everything on its disk goes back to an earlier moment.
#[test]
fn a_write_that_a_rolled_back_disk_lost_is_found_by_the_checker() {
    let (mut n1, _root) = Cluster::founder(&[]);
    let history = History::default();
    put(&history, &n1, 1);
    n1.kill();
    let earlier = directory_digest(&n1.dir);
    n1.start();
    put(&history, &n1, 2);
    n1.kill();
    for file in directory_digest(&n1.dir).into_keys() {
        std::fs::remove_file(file).expect("a file");
    }
    for (file, bytes) in &earlier {
        std::fs::write(file, bytes).expect("a file");
    }
    n1.start();
    assert!(judge(&history.events()).violations.is_empty());
    get(&history, &n1, "");
    let verdict = judge(&history.events());
    assert_eq!(verdict.violations.len(), 1, "{verdict:?}");
}
