//! What a replica says of itself with an upstream that is silent, gone, or no upstream at all.

use std::net::TcpListener;

use aerodb_tests::{Cluster, Node};
use serde_json::json;

fn wait_detached(node: &Node) -> String {
    node.wait("is detached", || {
        let data = node.try_get("/v1/replication")?.body["data"].clone();
        let detached = data["replica_state"].as_str()?.starts_with("Detached");
        detached.then(|| data["blocking_reason"].as_str().unwrap_or_default().to_owned())
    })
}

#[test]
fn a_lag_is_unknown_until_the_new_upstream_has_answered() {
    let cluster = Cluster::start();
    let _ = cluster.n1.put("k", "v").expect(200);
    cluster.n2.wait_applied(1);
    let _ = cluster.n2.get("/replica?max_lag=0").expect(200);

    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let upstream = format!("http://{}", silent.local_addr().expect("an address"));
    let _ = cluster
        .n2
        .post("/v1/replication/follow", &json!({ "upstream": upstream, "reason": "test" }))
        .expect(200);
    cluster.n2.get("/replica?max_lag=1000").refused(503, "READ_UNSAFE");
    let _ = cluster.n2.get("/replica").expect(200);
    assert!(wait_detached(&cluster.n2).contains("has not answered yet"));
}

#[test]
fn a_node_is_no_upstream_of_its_own() {
    let cluster = Cluster::start();
    let _ = cluster.n2.follow(&cluster.n2).expect(200);
    cluster.n2.wait("sees itself", || {
        let data = cluster.n2.try_get("/v1/replication")?.body["data"].clone();
        data["blocking_reason"].as_str()?.contains("this node itself").then_some(())
    });
    cluster.n2.get("/replica?max_lag=1000").refused(503, "READ_UNSAFE");
}

/// Proves: RF-5, M-R22, RR-5.
#[test]
fn a_replica_that_starts_without_its_upstream_is_as_readable_as_it_says() {
    let mut cluster = Cluster::start();
    let _ = cluster.n1.put("k", "v").expect(200);
    cluster.n2.wait_applied(1);
    cluster.n1.kill();
    cluster.n2.restart();
    wait_detached(&cluster.n2);
    let data = cluster.n2.data("/v1/replication");
    assert_eq!(data["replica_state"], "Detached(read_safe)");
    let _ = cluster.n2.get("/replica").expect(200);
}

/// A replica may have a ledger entry, and pull again, before the holder has published what follows from
/// it: that is no fork, and its receipt counts.
#[test]
fn p6a2_a_replica_that_is_quicker_than_the_holder_stays_attached_and_its_receipt_counts() {
    let cluster = Cluster::start();
    for round in 0..40 {
        let body = json!({ "reason": "test", "expected_epoch": 1 });
        let with = |key: &str, value: &str| {
            let mut body = body.clone();
            body[key] = value.into();
            body
        };
        cluster.n1.designate("n2");
        let _ = cluster.n1.put("k", &round.to_string()).expect(200);
        let _ = cluster.n1.post("/v1/authority/release", &with("successor", "n2")).expect(200);
        cluster.n1.wait("is free again", || {
            let data = cluster.n1.try_get("/v1/authority")?.body["data"].clone();
            data["obligation"].is_null().then_some(())
        });
    }
    for replica in [&cluster.n2, &cluster.n3] {
        assert!(!replica.log().contains("detached"), "{}", replica.log());
    }
}
