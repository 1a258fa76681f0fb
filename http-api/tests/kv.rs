//! Keys and values over the wire (DESIGN section 8).

mod support;

use aerodb_core::wal::Op;
use aerodb_http_api::code::Code;
use aerodb_http_api::types::{Consistency, Expect, WriteKind};
use serde_json::json;
use support::serve;

#[tokio::test]
async fn a_put_answers_key_commit_epoch_and_durability_and_nothing_else() {
    let served = serve().await;
    let answer = served.ask("PUT /v1/kv/a", b"1").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.text(),
        r#"{"data":{"key":"a","commit_id":1,"epoch":1,"durability":"local"}}"#
    );
    let write = served.node.writes.lock().unwrap()[0].clone();
    assert_eq!(write.kind, WriteKind::Put);
    assert_eq!(write.principal.as_str(), "local");
    assert_eq!(write.deadline.as_millis(), 30_000);
    assert_eq!(write.ops, [Op::Put { key: "a".into(), value: "1".into() }]);
}

#[tokio::test]
async fn a_get_answers_the_raw_value_and_the_view_that_it_was_taken_from() {
    let served = serve().await;
    served.ask("PUT /v1/kv/a", b"\x00\xff1").await;
    served.ask("PUT /v1/kv/b", b"2").await;
    let answer = served.get("/v1/kv/a").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, b"\x00\xff1");
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert_eq!(answer.header("aerodb-commit-id"), Some("2"));
    assert_eq!(answer.header("aerodb-epoch"), Some("1"));
    assert_eq!(answer.header("aerodb-cluster-id"), Some("ab".repeat(32).as_str()));
    assert_eq!(answer.header("aerodb-consistency"), Some("linearizable"));

    let head = served.ask("HEAD /v1/kv/a", b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("etag"), Some("\"1\""));
}

#[tokio::test]
async fn a_missing_key_is_404_with_the_view() {
    let served = serve().await;
    let answer = served.get("/v1/kv/none?consistency=snapshot").await;
    answer.is_problem(Code::KeyNotFound);
    assert_eq!(answer.header("aerodb-commit-id"), Some("0"));
    assert_eq!(answer.header("aerodb-consistency"), Some(Consistency::Snapshot.as_str()));
    assert_eq!(answer.header("etag"), None);
}

#[tokio::test]
async fn a_delete_answers_like_a_put() {
    let served = serve().await;
    served.ask("PUT /v1/kv/a", b"1").await;
    let answer = served.ask("DELETE /v1/kv/a", b"").await;
    let expected = json!({"data":{"key":"a","commit_id":2,"epoch":1,"durability":"local"}});
    assert_eq!((answer.status, answer.json()), (200, expected));
    served.get("/v1/kv/a").await.is_problem(Code::KeyNotFound);
}

#[tokio::test]
async fn keys_are_taken_from_the_raw_path() {
    let cases = [
        ("a/b", "a/b"),
        ("a%2Fb", "a/b"),
        ("/a", "/a"),
        ("a/", "a/"),
        ("a//b", "a//b"),
        (".", "."),
        ("..", ".."),
        ("../x", "../x"),
        ("%00", "\0"),
        ("%C3%A4", "ä"),
        ("a%252Fb", "a%2Fb"),
        ("a+b", "a+b"),
        ("%20", " "),
        ("a;b=c&d", "a;b=c&d"),
    ];
    for (path, key) in cases {
        let served = serve().await;
        let answer = served.ask(&format!("PUT /v1/kv/{path}"), b"v").await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.json()["data"]["key"], key, "{path}");
        let op = served.node.writes.lock().unwrap()[0].ops[0].clone();
        assert_eq!(op, Op::Put { key: key.into(), value: "v".into() }, "{path}");
        assert_eq!(served.get(&format!("/v1/kv/{path}")).await.body, b"v", "{path}");
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_nothing_is_written() {
    let served = serve().await;
    let long = "k".repeat(1025);
    for path in ["", "%ff", "%C3", "%", "%2", "a%zz", long.as_str()] {
        for method in ["PUT", "GET", "DELETE"] {
            let answer = served.ask(&format!("{method} /v1/kv/{path}"), b"").await;
            answer.is_problem(Code::InvalidParameter);
        }
    }
    assert!(served.node.writes.lock().unwrap().is_empty());
    let longest = "k".repeat(1024);
    assert_eq!(served.ask(&format!("PUT /v1/kv/{longest}"), b"v").await.status, 200);
}

#[tokio::test]
async fn conditions_come_from_if_match_and_if_none_match() {
    let served = serve().await;
    let put = async |header: &str| served.ask(&format!("PUT /v1/kv/a\n{header}"), b"v").await;
    assert_eq!(put("if-none-match: *").await.status, 200);
    let failed = put("if-none-match: *").await.is_problem(Code::PreconditionFailed);
    assert_eq!(failed["failed"], json!([{"key": "a", "actual_commit_id": 1}]));
    assert_eq!(put("if-match: \"1\"").await.status, 200);
    put("if-match: \"1\"").await.is_problem(Code::PreconditionFailed);
    assert_eq!(put("if-match: *").await.status, 200);
    let expected = [Expect::Absent, Expect::Absent];
    let writes = served.node.writes.lock().unwrap();
    assert_eq!([writes[0].conditions[0].expect, writes[1].conditions[0].expect], expected);
}

#[tokio::test]
async fn a_condition_without_one_clear_meaning_is_refused() {
    let served = serve().await;
    for header in [
        "if-match: 1",
        "if-match: W/\"1\"",
        "if-match: \"1\", \"2\"",
        "if-match: \"0\"",
        "if-match: \"1\"\nif-match: \"1\"",
        "if-match: \"ä\"",
        "if-none-match: \"1\"",
        "aerodb-deadline-ms: 0",
        "aerodb-deadline-ms: 600001",
        "aerodb-deadline-ms: +5",
        "aerodb-deadline-ms: soon",
        "aerodb-deadline-ms: 5\naerodb-deadline-ms: 6",
    ] {
        let answer = served.ask(&format!("PUT /v1/kv/a\n{header}"), b"v").await;
        answer.is_problem(Code::InvalidParameter);
    }
    assert!(served.node.writes.lock().unwrap().is_empty());
    served.ask("PUT /v1/kv/a\naerodb-deadline-ms: 600000", b"v").await;
    assert_eq!(served.node.writes.lock().unwrap()[0].deadline.as_millis(), 600_000);
}

#[tokio::test]
async fn a_value_may_have_a_mebibyte_and_no_byte_more() {
    let served = serve().await;
    let value = vec![7; (1 << 20) + 1];
    let answer = served.ask("PUT /v1/kv/a", &value).await;
    answer.is_problem(Code::TooLarge);
    let mut chunked = b"PUT /v1/kv/a HTTP/1.1\r\nhost: n1\r\nconnection: close\r\n\
        transfer-encoding: chunked\r\n\r\n100001\r\n"
        .to_vec();
    chunked.extend_from_slice(&value);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    served.raw(&chunked).await.is_problem(Code::TooLarge);
    assert!(served.node.writes.lock().unwrap().is_empty());
    assert_eq!(served.ask("PUT /v1/kv/a", &value[1..]).await.status, 200);
    assert_eq!(served.get("/v1/kv/a").await.body.len(), 1 << 20);
}

#[tokio::test]
async fn a_scan_stays_in_one_view_over_all_pages() {
    let served = serve().await;
    for (key, value) in [("a/1", &b"x"[..]), ("a/2", b"\xff"), ("b", b"y")] {
        served.ask(&format!("PUT /v1/kv/{key}"), value).await;
    }
    let page = served.get("/v1/kv?prefix=a%2F&limit=1&start=&end=").await.json();
    assert_eq!(
        page["data"]["items"],
        json!([{"key":"a/1","value":"x","encoding":"utf8","commit_id":1}])
    );
    let token = page["data"]["next_page_token"].as_str().unwrap().to_owned();
    served.ask("PUT /v1/kv/a%2F3", b"later").await;
    let next = served.get(&format!("/v1/kv?prefix=a%2F&limit=1&page_token={token}")).await.json();
    assert_eq!(
        next["data"]["items"],
        json!([{"key":"a/2","value":"/w==","encoding":"base64","commit_id":2}])
    );
    assert_eq!(next["data"]["commit_id"], 3, "the view of the first page");
    let second = served.node.scans.lock().unwrap()[1].clone();
    assert_eq!(second.at.map(|at| at.get()), Some(3));
    assert_eq!(second.after_key.as_deref(), Some(&b"a/1"[..]));

    for query in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "page_token=@",
        "page_token=AAAA",
        &format!("at=2&page_token={token}"),
        "at=1&consistency=linearizable",
        "prefix=%ff",
        "consistency=eventual",
        "at=-1",
    ] {
        served.get(&format!("/v1/kv?{query}")).await.is_problem(Code::InvalidParameter);
    }
}

#[tokio::test]
async fn a_transaction_is_one_write_with_its_conditions() {
    let served = serve().await;
    let body = r#"{"conditions":[{"key":"a","commit_id":null}],
        "ops":[{"put":{"key":"a","value":"AP8=","encoding":"base64"}},{"delete":{"key":"b"}}]}"#;
    let answer = served.post("/v1/txn", body).await;
    assert_eq!(
        answer.json(),
        json!({"data":{"commit_id":1,"epoch":1,"durability":"local"}}),
        "{answer:?}"
    );
    let write = served.node.writes.lock().unwrap()[0].clone();
    assert_eq!(write.conditions[0].expect, Expect::Absent);
    let put = Op::Put { key: "a".into(), value: b"\x00\xff"[..].into() };
    assert_eq!(write.ops, [put, Op::Delete { key: "b".into() }]);
    let failed = served.post("/v1/txn", body).await.is_problem(Code::PreconditionFailed);
    assert_eq!(failed["failed"], json!([{"key": "a", "actual_commit_id": 1}]));
}

#[tokio::test]
async fn a_transaction_that_is_not_clear_is_refused() {
    let served = serve().await;
    for body in [
        r#"{}"#,
        r#"{"ops":[]}"#,
        r#"{"ops":[{"delete":{"key":"a"}}],"conditions":[{"key":"a"}]}"#,
        r#"{"ops":[{"delete":{"key":"a"}}],"force":true}"#,
        r#"{"ops":[{"delete":{"key":"a","x":1}}]}"#,
        r#"{"ops":[{"put":{"key":"a","value":"%","encoding":"base64"}}]}"#,
        r#"{"ops":[{"put":{"key":"a","value":"x","encoding":"hex"}}]}"#,
        r#"{"ops":[{"increment":{"key":"a"}}]}"#,
    ] {
        served.post("/v1/txn", body).await.is_problem(Code::InvalidRequest);
    }
    let empty_key = r#"{"ops":[{"delete":{"key":""}}]}"#;
    served.post("/v1/txn", empty_key).await.is_problem(Code::InvalidParameter);
    let large =
        format!(r#"{{"ops":[{{"put":{{"key":"a","value":"{}"}}}}]}}"#, "x".repeat(1 << 20 | 1));
    served.post("/v1/txn", &large).await.is_problem(Code::TooLarge);
    served.post("/v1/txn", &" ".repeat((4 << 20) + 1)).await.is_problem(Code::TooLarge);
    assert!(served.node.writes.lock().unwrap().is_empty());
}
