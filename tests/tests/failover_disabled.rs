//! `failover = "disabled"`: promotion does not exist on the node, and everything else is as it was.

use std::fs;

use aerodb_tests::{Cluster, Node, aerodb};
use serde_json::json;

fn configure(node: &Node, failover: &str) {
    let path = node.dir.join("aerodb.toml");
    let text = fs::read_to_string(&path).expect("a configuration");
    let others: Vec<_> = text.lines().filter(|line| !line.starts_with("failover")).collect();
    fs::write(&path, format!("failover = \"{failover}\"\n{}\n", others.join("\n")))
        .expect("written");
}

/// Proves: P6-RT5, M-P24, P6-RY1.
#[test]
fn without_failover_promotion_does_not_exist_and_the_obligation_holds() {
    let mut cluster = Cluster::start();
    let _ = cluster.n1.put("k1", "v1").expect(200);
    cluster.n1.designate("n2");
    for node in [&mut cluster.n1, &mut cluster.n2] {
        configure(node, "disabled");
        node.restart();
    }
    cluster.n2.resume();

    let asked = json!({ "expected_epoch": 1, "reason": "test" });
    for path in ["/v1/promotions", "/v1/promotions?dry_run=true"] {
        cluster.n2.post(path, &asked).refused(404, "NO_SUCH_ROUTE");
    }
    for path in ["/v1/promotions", "/v1/promotions/n2-1", "/v1/explain/promotion/n2-1"] {
        cluster.n2.get(path).refused(404, "NO_SUCH_ROUTE");
    }
    cluster.n2.get("/v1/state/promotion").refused(404, "NO_SUCH_ENTRY");
    cluster.n2.get("/v1/statecharts/promotion").refused(404, "NO_SUCH_ENTRY");
    let charts = cluster.n2.get("/v1/statecharts").expect(200).text;
    assert!(charts.contains("role") && !charts.contains("promotion"), "{charts}");
    let states = cluster.n2.data("/v1/state");
    let named = |name| states.as_array().expect("a list").iter().any(|it| it["machine"] == name);
    assert!(named("role") && !named("promotion"), "{states}");
    let metrics = cluster.n2.get("/metrics").expect(200).text;
    assert!(metrics.contains("replication_current_primary"), "{metrics}");
    assert!(!metrics.contains("replication_promotion"), "{metrics}");

    // What was owed is owed, with the successor there and without it.
    let paired = cluster.n1.wait("acknowledged", || {
        let answer = cluster.n1.try_put("k2", "v2")?;
        (answer.status == 200).then_some(answer)
    });
    assert_eq!(paired.body["data"]["durability"], "paired");
    cluster.n2.kill();
    cluster.n1.wait("refuses", || {
        let answer = cluster.n1.try_put("k3", "v3")?;
        (answer.code() == "SUCCESSOR_DETACHED").then_some(())
    });

    // With failover, the same directory is promoted on the same ledger.
    cluster.n1.kill();
    configure(&cluster.n2, "enabled");
    cluster.n2.start();
    let _ = cluster.n2.promote(1).expect(200);
    assert_eq!(cluster.n2.get("/v1/kv/k2").expect(200).text, "v2");
    configure(&cluster.n3, "sometimes");
    cluster.n3.kill();
    assert_eq!(aerodb(&["serve", "--data-dir", cluster.n3.dir_arg()]).code, Some(1));
}
