//! The envelope and the shapes inside it, literally.

mod support;

use aerodb_core::rules::RuleId;
use serde_json::json;
use support::{genesis, serve};

/// Proves: OAPI-2, OAPI-5.
#[tokio::test]
async fn the_envelope_has_its_four_members_in_order() {
    let served = serve().await;
    let answer = served.get("/v1/authority").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let cluster = "ab".repeat(32);
    assert_eq!(
        answer.text(),
        format!(
            "{{\"api_version\":\"v1\",\"observed_at\":{{\"cluster_id\":\"{cluster}\",\
             \"node_id\":\"n1\",\"epoch\":1,\"commit_id\":7,\"ledger_seq\":1,\"snapshot\":\"live\"}},\
             \"data\":{{\"epoch\":1,\"holder\":\"n1\",\"status\":\"held\",\"successor\":null,\
             \"durability\":\"local\",\"writable_here\":true,\"refusal\":null}},\"notes\":[]}}"
        )
    );
}

#[tokio::test]
async fn the_state_digest_comes_only_when_asked_for() {
    let served = serve().await;
    let plain = served.get("/v1/status").await.json();
    assert_eq!(plain["data"].get("state_digest"), None);
    assert_eq!(plain["data"]["lifecycle"], "running");
    let tips = json!({"wal_tip":7,"wal_durable":7,"acknowledged":null,"applied":null});
    assert_eq!(plain["data"]["tips"], tips);
    let digest = served.get("/v1/status?digest=true").await.json();
    let expected = |commit: u64| json!({ "commit_id": commit, "digest": "04".repeat(32) });
    assert_eq!(digest["data"]["state_digest"], expected(12));
    let named = served.get("/v1/status?digest=true&at=9").await.json();
    assert_eq!(named["data"]["state_digest"], expected(9));
    assert_eq!(served.get("/v1/status?at=9").await.status, 400);
}

#[tokio::test]
async fn a_ledger_entry_is_flat_with_its_kind_beside_its_body() {
    let served = serve().await;
    let data = served.get("/v1/ledger/authority/1").await.json()["data"].clone();
    assert_eq!(data["seq"], 1);
    assert_eq!(data["hash"], genesis().entry.hash().to_string());
    assert_eq!(data["previous"], "00".repeat(32));
    assert_eq!(data["entry"], "genesis");
    assert_eq!(data["body"]["cluster_name"], "test");
    assert_eq!(data["annotation"]["operator"], "local");
    assert_eq!(data["signature"], "03".repeat(64));
    assert_eq!(served.get("/v1/ledger").await.json()["data"][0], data);
}

#[tokio::test]
async fn the_rules_are_the_catalogue_of_this_program() {
    let served = serve().await;
    let all = served.get("/v1/rules").await.json();
    assert_eq!(all["data"].as_array().unwrap().len(), RuleId::ALL.len());
    let one = served.get("/v1/rules/P6-A1").await.json();
    assert_eq!(one["data"], all["data"][0]);
    assert_eq!(one["data"]["rule_id"], "P6-A1");
    for field in ["statement", "source", "enforced_in"] {
        assert!(one["data"][field].is_string(), "{field}");
    }
    for rule in all["data"].as_array().unwrap() {
        for field in ["enforced_by", "proved_by"] {
            let places = rule[field].as_array().unwrap();
            assert!(!places.is_empty(), "{field} of {}", rule["rule_id"]);
            assert!(places.iter().all(|place| place["file"].is_string()), "{rule}");
        }
    }
}

#[tokio::test]
async fn the_history_is_a_plain_list() {
    let served = serve().await;
    let expected = json!([{"epoch":1,"start_commit_id":0,"basis":"genesis","holder":"n1"}]);
    assert_eq!(served.get("/history").await.json(), expected);
}

#[tokio::test]
async fn an_explanation_keeps_its_shape_and_order() {
    let served = serve().await;
    let view = served.get("/v1/explain/write").await.json();
    let names: Vec<&String> = view["data"].as_object().unwrap().keys().collect();
    let shape = [
        "explanation_type",
        "observed_snapshot",
        "inputs",
        "rules_applied",
        "conclusion",
        "digest",
    ];
    assert_eq!(names, shape);
}

#[tokio::test]
async fn a_chart_comes_in_each_form_and_in_json_with_the_current_state() {
    let served = serve().await;
    let list = served.get("/v1/statecharts").await.json();
    assert!(list["data"].as_array().unwrap().iter().any(|chart| chart["machine"] == "segment"));
    let json = served.get("/v1/statecharts/role").await.json();
    assert_eq!(json["data"]["initial"], "Uninitialized");
    assert!(json["data"].get("current").is_some(), "{json}");
    assert!(json["data"]["transitions"][0]["row"].is_string(), "{json}");
    for (format, kind, start) in [
        ("scxml", "application/scxml+xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<scxml"),
        ("mermaid", "text/vnd.mermaid; charset=utf-8", "stateDiagram-v2\n"),
        ("dot", "text/vnd.graphviz; charset=utf-8", "digraph role {\n"),
    ] {
        let chart = served.get(&format!("/v1/statecharts/role?format={format}")).await;
        assert_eq!((chart.status, chart.header("content-type")), (200, Some(kind)));
        assert!(chart.body.starts_with(start.as_bytes()), "{format}");
    }
    assert_eq!(served.get("/v1/statecharts/role?format=png").await.status, 400);
}
