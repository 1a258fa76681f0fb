//! Operator commands over the wire.

mod support;

use aerodb_http_api::code::Code;
use serde_json::json;
use support::{serve, serve_with};

const COMMAND: &str = r#"{"successor":"n2","expected_epoch":1,"reason":"planned"}"#;

#[tokio::test]
async fn a_command_is_200_when_covered_and_202_when_only_durable() {
    for (covered, status) in [(true, 200), (false, 202)] {
        let served = serve_with(covered).await;
        for action in ["designate", "release", "relinquish"] {
            let answer = served.post(&format!("/v1/authority/{action}"), COMMAND).await;
            assert_eq!(answer.status, status);
            let data = answer.json()["data"].clone();
            assert_eq!((&data["seq"], &data["covered"]), (&json!(1), &json!(covered)));
            for field in ["hash", "entry", "body"] {
                assert!(data.get(field).is_some(), "{field}");
            }
        }
        let commands = served.node.commands.lock().unwrap();
        assert_eq!(commands[0].0, "Designate(NodeId(\"n2\"))");
        assert_eq!(commands[0].1.principal.as_str(), "local");
        assert_eq!(commands[1].0, "Release(Some(NodeId(\"n2\")))");
        assert_eq!(commands[2].0, "Relinquish(NodeId(\"n2\"))");
    }
}

#[tokio::test]
async fn only_a_release_may_leave_the_successor_out() {
    let served = serve().await;
    let body = r#"{"expected_epoch":1,"reason":"planned"}"#;
    assert_eq!(served.post("/v1/authority/release", body).await.status, 200);
    for action in ["designate", "relinquish"] {
        let answer = served.post(&format!("/v1/authority/{action}"), body).await;
        answer.is_problem(Code::InvalidRequest);
    }
    assert_eq!(served.node.commands.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_command_that_is_not_exact_is_refused_and_nothing_is_done() {
    let served = serve().await;
    for body in [
        "",
        "{",
        "null",
        "[]",
        r#"{"successor":"n2","expected_epoch":1}"#,
        r#"{"successor":"n2","reason":"x"}"#,
        r#"{"successor":"n2","expected_epoch":0,"reason":"x"}"#,
        r#"{"successor":"n2","expected_epoch":"1","reason":"x"}"#,
        r#"{"successor":"n 2","expected_epoch":1,"reason":"x"}"#,
        r#"{"successor":"n2","expected_epoch":1,"reason":""}"#,
        r#"{"successor":"n2","expected_epoch":1,"reason":"x","more":1}"#,
        r#"{"successor":"n2","expected_epoch":1,"expected_epoch":1,"reason":"x"}"#,
        r#"{"successor":"n2","expected_epoch":1,"reason":"x"} trailing"#,
    ] {
        served.post("/v1/authority/designate", body).await.is_problem(Code::InvalidRequest);
    }
    for media in ["", "\ncontent-type: text/plain", "\ncontent-type: application/json-patch"] {
        let head = format!("POST /v1/authority/designate{media}");
        let answer = served.ask(&head, COMMAND.as_bytes()).await;
        answer.is_problem(Code::UnsupportedMediaType);
    }
    let large = " ".repeat((64 << 10) + 1);
    served.post("/v1/authority/designate", &large).await.is_problem(Code::TooLarge);
    assert!(served.node.commands.lock().unwrap().is_empty());
    let head = "POST /v1/authority/designate\ncontent-type: Application/JSON; charset=utf-8";
    assert_eq!(served.ask(head, COMMAND.as_bytes()).await.status, 200);
}

/// Proves: P6-RI6.
#[tokio::test]
async fn there_is_no_force() {
    let served = serve().await;
    let body = r#"{"expected_epoch":1,"force":true,"reason":"now"}"#;
    let problem = served.post("/v1/promotions", body).await.is_problem(Code::InvalidRequest);
    assert!(problem["detail"].as_str().unwrap().starts_with("there is no force"));
    assert!(served.node.commands.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_promotion_answers_its_grant_and_a_dry_run_has_no_id() {
    let served = serve().await;
    let body = r#"{"expected_epoch":1,"reason":"n1 is gone"}"#;
    let data = served.post("/v1/promotions", body).await.json()["data"].clone();
    let names: Vec<&String> = data.as_object().unwrap().keys().collect();
    let shape = ["promotion_id", "outcome", "epoch", "holder", "start_commit", "explanation"];
    assert_eq!(names, shape);
    assert_eq!(data["outcome"], "approved");

    let dry = served.post("/v1/promotions?dry_run=true", body).await.json()["data"].clone();
    assert_eq!((dry["dry_run"].clone(), dry.get("promotion_id")), (json!(true), None));
}

/// Proves: P6-FZ4, OAPI-9.
#[tokio::test]
async fn a_denial_carries_rule_explanation_and_remedies() {
    let served = serve().await;
    let body = r#"{"expected_epoch":9,"reason":"n1 is gone"}"#;
    let denied = served.post("/v1/promotions", body).await.is_problem(Code::PromotionDenied);
    assert_eq!(denied["outcome"], "denied");
    assert_eq!(denied["promotion_id"], "n1-1");
    assert_eq!(denied["rule"], "P6-A3");
    assert_eq!(denied["explanation"]["conclusion"]["reason"], "P6-A3");
    assert_eq!(denied["remedies"][0]["path"], "/v1/promotions");
    assert_eq!(denied.get("dry_run"), None);

    let answer = served.post("/v1/promotions?dry_run=true", body).await;
    let dry = answer.is_problem(Code::PromotionDenied);
    assert_eq!((dry["dry_run"].clone(), dry.get("promotion_id")), (json!(true), None));
}

#[tokio::test]
async fn members_are_admitted_and_removed() {
    let served = serve().await;
    let body = format!(
        r#"{{"node_id":"n2","public_key":"{}","address":"http://127.0.0.1:7402","reason":"grow"}}"#,
        "02".repeat(32)
    );
    assert_eq!(served.post("/v1/members", &body).await.status, 200);
    let remove = "DELETE /v1/members/n2?expected_epoch=1&reason=too%20old";
    assert_eq!(served.ask(remove, b"").await.status, 200);
    for query in ["", "?expected_epoch=1", "?reason=x", "?expected_epoch=0&reason=x"] {
        let answer = served.ask(&format!("DELETE /v1/members/n2{query}"), b"").await;
        answer.is_problem(Code::InvalidParameter);
    }
    let commands = served.node.commands.lock().unwrap();
    let said: Vec<&str> = commands.iter().map(|(said, _)| said.as_str()).collect();
    assert_eq!(said, ["admit n2", "remove n2 1 too old"]);
}
