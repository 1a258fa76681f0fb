//! What must change nothing: looking, being refused, the loss of the primary, and a restart.

use std::fs;

use aerodb_tests::{Cluster, Node, aerodb, directory_digest, founder_dir};
use serde_json::{Value, json};

/// Everything that a node shows of itself and that no probe is.
const INSPECTION: [&str; 19] = [
    "/v1/status?digest=true",
    "/v1/authority",
    "/v1/members",
    "/v1/promotions",
    "/v1/replication",
    "/v1/wal",
    "/v1/mvcc",
    "/v1/checkpoints",
    "/v1/snapshots",
    "/v1/state",
    "/v1/statecharts",
    "/v1/ledger",
    "/v1/ledger?log=decision",
    "/v1/explain/replication",
    "/v1/explain/read?key=k",
    "/v1/explain/write",
    "/v1/explain/recovery",
    "/v1/rules",
    "/history",
];

fn shown(node: &Node) -> Vec<String> {
    INSPECTION.iter().map(|path| node.get(path).expect(200).text).collect()
}

/// Its role by its own word.
fn role(node: &Node) -> Value {
    node.data("/v1/status")["role"].clone()
}

/// Looking a hundred times gives a hundred times the same bytes, and touches no file.
///
/// Proves: OAPI-1, OAPI-3, OAPI-7, O5-9, O5-10.
#[test]
fn inspection_changes_nothing_and_answers_the_same_each_time() {
    let cluster = Cluster::start();
    let _ = cluster.n1.put("k", "v").expect(200);
    for replica in [&cluster.n2, &cluster.n3] {
        replica.wait_shown(1);
    }
    for node in [&cluster.n1, &cluster.n2] {
        let files = directory_digest(&node.dir);
        let first = shown(node);
        for _ in 0..100 {
            assert_eq!(shown(node), first);
        }
        assert_eq!(directory_digest(&node.dir), files);
        for word in ["lag_ok", "healthy", "\"health\"", "uptime", "timestamp"] {
            assert!(!first.iter().any(|text| text.contains(word)), "{word}");
        }
    }
}

/// Proves: MVF-5, M-W23, M-R31, M-O02.
#[test]
fn a_kill_while_reads_and_inspection_run_changes_no_file() {
    let (mut n1, _root) = Cluster::founder(&[]);
    for number in 1..=50 {
        let _ = n1.put(&format!("k{number}"), "v").expect(200);
    }
    let files = directory_digest(&n1.dir);
    std::thread::scope(|scope| {
        for reader in 0..4 {
            let n1 = &n1;
            scope.spawn(move || {
                let paths =
                    ["/v1/kv/k7", "/v1/kv?limit=50", "/v1/status", "/v1/explain/read?key=k7"];
                while n1.try_get(paths[reader]).is_some() {}
            });
        }
        for _ in 0..200 {
            let _ = n1.get("/v1/kv/k1").expect(200);
        }
        n1.kill_shared();
    });
    assert_eq!(directory_digest(&n1.dir), files);
    n1.start_again();
    assert_eq!(n1.get("/v1/kv/k7").expect(200).text, "v");
}

/// A write that is offered to a replica is refused with the holder's name, and no file changes.
///
/// Proves: P5-ST1, M-R33, RM-3.
#[test]
fn a_write_to_a_replica_is_refused_and_leaves_its_files_as_they_were() {
    let cluster = Cluster::start();
    let _ = cluster.n1.put("k", "v").expect(200);
    cluster.n2.wait_shown(1);
    let files = directory_digest(&cluster.n2.dir);
    for _ in 0..20 {
        let refused = cluster.n2.put("k", "w");
        refused.refused(421, "NOT_HOLDER");
        assert_eq!(
            (&refused.body["rule"], &refused.body["holder"]),
            (&json!("RM-3"), &json!("n1"))
        );
    }
    assert_eq!(directory_digest(&cluster.n2.dir), files);
    assert_eq!(cluster.n2.get("/v1/kv/k").expect(200).text, "v");
}

/// Proves: P6-PF1.1, P6-PF1.2, P6-PF1.3, P6-PF1.4, M-P14, P6-N5.
#[test]
fn without_the_primary_nobody_writes_no_role_changes_and_replicas_read_as_before() {
    let mut cluster = Cluster::start();
    let _ = cluster.n1.put("k", "v").expect(200);
    let replicas = [&cluster.n2, &cluster.n3];
    replicas.iter().for_each(|replica| replica.wait_shown(1));
    let gate = |node: &Node| node.data("/v1/explain/read?key=k");
    let before: Vec<_> =
        replicas.iter().map(|node| (role(node), gate(node), node.epoch())).collect();
    cluster.n1.kill();
    let replicas = [&cluster.n2, &cluster.n3];
    for replica in replicas {
        replica.wait("notices", || {
            let data = replica.try_get("/v1/replication")?.body["data"].clone();
            data["blocking_reason"].as_str()?.starts_with("disconnected").then_some(())
        });
    }
    for _ in 0..50 {
        for (replica, before) in replicas.iter().zip(&before) {
            replica.put("k", "w").refused(421, "NOT_HOLDER");
            assert_eq!(replica.get("/v1/kv/k").expect(200).text, "v");
            assert_eq!((role(replica), gate(replica), replica.epoch()), *before);
        }
    }
}

/// Proves: P6-B5.2, P6-SM3, M-P12, P6-B5.1, P6-S2.
#[test]
fn a_promoted_node_is_the_holder_after_every_restart_and_numbers_go_on() {
    let mut cluster = Cluster::start();
    let _ = cluster.n1.put("k", "0").expect(200);
    cluster.n1.designate("n2");
    cluster.n1.kill();
    let _ = cluster.n2.promote(1).expect(200);
    for number in 2..=4 {
        let put = cluster.n2.put("k", &number.to_string()).expect(200);
        assert_eq!((&put.body["data"]["commit_id"], cluster.n2.epoch()), (&json!(number), 2));
        if number % 2 == 0 {
            cluster.n2.restart();
        } else {
            assert_eq!(cluster.n2.stop(), Some(0));
            cluster.n2.start();
        }
        assert_eq!(cluster.n2.data("/v1/state/promotion")["state"], "Steady");
        assert_eq!(role(&cluster.n2), "PrimaryActive");
        assert_eq!(cluster.n2.get("/v1/kv/k").expect(200).text, number.to_string());
    }
}

/// The batches that `wal show` finds on a stopped node, without their places: these are each node's own.
fn batches(node: &Node) -> Vec<Value> {
    let shown =
        aerodb(&["wal", "show", "--values", "--data-dir", node.dir_arg(), "--output", "json"]);
    let shown = shown.json();
    let of_all = [
        "first_commit",
        "last_commit",
        "epoch",
        "ledger_stamp",
        "chain_before",
        "chain",
        "commits",
    ];
    let batch = |batch: &Value| {
        let fields = of_all.map(|name| (name.to_owned(), batch[name].clone()));
        Value::Object(fields.into_iter().collect())
    };
    shown["batches"].as_array().expect("a list").iter().map(batch).collect()
}

/// Proves: RW-1, RI-3, RF-7, M-R34.
#[test]
fn a_replica_that_crashed_while_it_was_cut_off_goes_on_when_told_and_has_the_holders_batches() {
    let mut cluster = Cluster::start();
    for number in 1..=20 {
        let _ = cluster.n1.put(&format!("k{}", number % 7), &number.to_string()).expect(200);
    }
    cluster.n2.wait_shown(20);
    cluster.n1.kill();
    cluster.n2.kill();
    cluster.n2.start();
    assert_eq!(cluster.n2.get("/v1/kv/k6").expect(200).text, "20");
    cluster.n1.start();
    let _ = cluster.n1.put("late", "21").expect(200);
    cluster.n2.resume();
    cluster.n2.wait_shown(21);
    assert_eq!(cluster.n1.digest(), cluster.n2.digest());
    assert_eq!((cluster.n1.stop(), cluster.n2.stop()), (Some(0), Some(0)));
    let held = batches(&cluster.n1);
    assert_eq!((held.len(), held[20]["last_commit"].as_u64()), (21, Some(21)), "{:#}", held[20]);
    assert!(held.iter().all(|batch| batch["chain"].is_string() && batch["commits"].is_array()));
    assert_eq!(held, batches(&cluster.n2));
}

fn threads(node: &Node) -> usize {
    let tasks = format!("/proc/{}/task", node.process_id());
    fs::read_dir(tasks).expect("the threads").count()
}

/// Proves: RA-1, P6-PN2.
#[test]
fn a_replica_costs_its_primary_no_thread_and_failover_costs_nobody_one() {
    let root = tempfile::tempdir().expect("a directory");
    let mut n1 = founder_dir(&root);
    n1.start();
    let _ = n1.put("k", "v").expect(200);
    let alone = threads(&n1);
    let n2 = Cluster::joined(&root, "n2", &n1);
    n2.wait_shown(1);
    let _ = n1.put("k", "w").expect(200);
    assert_eq!(threads(&n1), alone);
    assert_eq!(n1.stop(), Some(0));
    let path = n1.dir.join("aerodb.toml");
    let text = fs::read_to_string(&path).expect("a configuration");
    let others: Vec<_> = text.lines().filter(|line| !line.starts_with("failover")).collect();
    fs::write(&path, format!("failover = \"disabled\"\n{}\n", others.join("\n"))).expect("written");
    n1.start();
    let _ = n1.put("k", "x").expect(200);
    assert_eq!(threads(&n1), alone);
}

/// A page of 2 MiB that is filled with zeros holds every write up.
#[test]
fn a_node_takes_its_memory_in_small_pages() {
    let (n1, _root) = Cluster::founder(&[]);
    let status = fs::read_to_string(format!("/proc/{}/status", n1.process_id())).expect("status");
    // A kernel without huge pages has no such line.
    assert!(!status.contains("THP_enabled:\t1"), "{status}");
}

/// Proves: M-O06.
#[test]
fn a_port_that_is_taken_refuses_the_start_and_costs_nothing() {
    let (mut n1, root) = Cluster::founder(&[]);
    let _ = n1.put("k", "v").expect(200);
    assert_eq!(n1.stop(), Some(0));
    let taken = std::net::TcpListener::bind(("127.0.0.1", n1.port)).expect("the port");
    let refused = aerodb(&["serve", "--data-dir", n1.dir_arg()]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("listen"), "{}", refused.stderr);
    drop(taken);
    n1.start();
    assert_eq!(n1.get("/v1/kv/k").expect(200).text, "v");
    drop(root);
}
