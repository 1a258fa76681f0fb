//! `/openapi.json` against a running cluster: every route is asked, and every answer is what the document says,
//! with no field that it does not say.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use aerodb_http_api::route::ROUTES;
use aerodb_tests::{Answer, Cluster, Node};
use serde_json::{Value, json};

/// The document, what was asked so far, and what has succeeded.
struct Contract {
    document: Value,
    asked: BTreeSet<(String, String)>,
    succeeded: BTreeSet<(String, String)>,
}

/// In answers nothing stands that is not described; what clients must tolerate is another matter.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(close);
            if fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl Contract {
    fn of(node: &Node) -> Self {
        let mut document = node.get("/openapi.json").expect(200).body;
        close(&mut document["components"]);
        Self { document, asked: BTreeSet::new(), succeeded: BTreeSet::new() }
    }

    #[track_caller]
    fn judge(&self, schema: &Value, value: &Value, what: &str) {
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": self.document["components"],
            "allOf": [schema],
        });
        let validator = jsonschema::validator_for(&whole).expect("a schema");
        let wrong: Vec<_> = validator
            .iter_errors(value)
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{what}: {wrong:#?}\n{value:#}");
    }

    /// Holds one answer against the document.
    #[track_caller]
    fn check(&mut self, method: &str, template: &str, answer: &Answer) {
        let what = format!("{method} {template} {}", answer.status);
        let operation = &self.document["paths"][template][method.to_lowercase()];
        let response = &operation["responses"][answer.status.to_string()];
        assert!(response.is_object(), "{what} is not described: {}", answer.text);
        let key = (method.to_owned(), template.to_owned());
        self.asked.insert(key.clone());
        if answer.status < 300 {
            self.succeeded.insert(key);
        }
        let Some(media_types) = response["content"].as_object() else { return };
        let kind = answer.content_type.as_deref().unwrap_or_default();
        let Some(described) = media_types.get(kind) else {
            panic!("{what} is {kind:?}, described as {:?}", media_types.keys())
        };
        if kind.ends_with("json") {
            self.judge(&described["schema"], &answer.body, &what);
        }
    }

    /// Asks, and holds the answer against the document.
    #[track_caller]
    fn ask(&mut self, node: &Node, request: &str, template: &str, body: Option<&Value>) -> Answer {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let bytes = body.map(Value::to_string);
        let headers = [("content-type", "application/json")];
        let headers = if body.is_some() { &headers[..] } else { &[] };
        let answer = node.try_send(method, path, headers, bytes.as_deref().map(str::as_bytes));
        let answer = answer.unwrap_or_else(|| panic!("{request}: {}", node.log()));
        self.check(method, template, &answer);
        answer
    }

    #[track_caller]
    fn get(&mut self, node: &Node, path: &str) -> Answer {
        let template = path.split('?').next().unwrap_or_default().to_owned();
        self.ask(node, &format!("GET {path}"), &template, None)
    }

    #[track_caller]
    fn post(&mut self, node: &Node, path: &str, body: &Value) -> Answer {
        let template = path.split('?').next().unwrap_or_default().to_owned();
        self.ask(node, &format!("POST {path}"), &template, Some(body))
    }

    fn keys(&mut self, node: &Node) {
        let key = "/v1/kv/{key}";
        let put = node.try_send("PUT", "/v1/kv/a", &[], Some(b"1")).expect("an answer");
        self.check("PUT", key, &put.expect(200));
        let only_new = [("if-none-match", "*")];
        let refused = node.try_send("PUT", "/v1/kv/a", &only_new, Some(b"2")).expect("an answer");
        self.check("PUT", key, &refused.expect(412));
        let _ = self.ask(node, "GET /v1/kv/a", key, None).expect(200);
        let _ = self.ask(node, "GET /v1/kv/none", key, None).expect(404);
        let _ = self.ask(node, "GET /v1/kv/a?at=999", key, None).expect(409);
        let _ = self.ask(node, "GET /v1/kv/a?at=x", key, None).expect(400);
        let _ = self.get(node, "/v1/kv?prefix=a&limit=1").expect(200);
        let op = json!({ "put": { "key": "b", "value": "2" } });
        let _ = self.post(node, "/v1/txn", &json!({ "ops": [op] })).expect(200);
        let unmet = json!({ "conditions": [{ "key": "a", "commit_id": null }], "ops": [op] });
        let _ = self.post(node, "/v1/txn", &unmet).expect(412);
        let _ = self.post(node, "/v1/txn", &json!({ "ops": [], "more": 1 })).expect(400);
        let _ = self.ask(node, "DELETE /v1/kv/b", key, None).expect(200);
    }

    fn inspection(&mut self, node: &Node) {
        for path in [
            "/v1/status",
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
            "/v1/transitions?limit=1000",
            "/v1/statecharts",
            "/metrics",
            "/v1/ledger",
            "/v1/ledger?log=decision",
            "/v1/explain/replication",
            "/v1/explain/read?key=a",
            "/v1/explain/segment?commit=1",
            "/v1/explain/write",
            "/v1/explain/recovery",
            "/v1/rules",
            "/history",
            "/openapi.json",
        ] {
            let _ = self.get(node, path).expect(200);
        }
        for probe in
            ["/livez", "/readyz", "/readyz?verbose", "/primary", "/replica", "/read-only", "/sync"]
        {
            let _ = self.get(node, probe);
            let template = probe.split('?').next().unwrap_or_default();
            let _ = self.ask(node, &format!("OPTIONS {probe}"), template, None);
        }
        for (path, template) in [
            ("/v1/state/role", "/v1/state/{machine}"),
            ("/v1/statecharts/role", "/v1/statecharts/{machine}"),
            ("/v1/statecharts/role?format=dot", "/v1/statecharts/{machine}"),
            ("/v1/statecharts/role?format=mermaid", "/v1/statecharts/{machine}"),
            ("/v1/statecharts/role?format=scxml", "/v1/statecharts/{machine}"),
            ("/v1/ledger/authority/1", "/v1/ledger/{log}/{seq}"),
            ("/v1/rules/P6-A1", "/v1/rules/{id}"),
        ] {
            let _ = self.ask(node, &format!("GET {path}"), template, None).expect(200);
        }
        let _ = self.ask(node, "GET /v1/rules/P9-X1", "/v1/rules/{id}", None).expect(404);
        let _ = self.ask(node, "GET /v1/state/none", "/v1/state/{machine}", None).expect(404);
        self.events(node);
    }

    /// The head of the stream, and the first events on it.
    fn events(&mut self, node: &Node) {
        let mut socket = TcpStream::connect(("127.0.0.1", node.port)).expect("a connection");
        socket.write_all(b"GET /v1/events?after=0 HTTP/1.1\r\nhost: n\r\n\r\n").expect("sent");
        let mut lines = BufReader::new(socket).lines().map(|line| line.expect("a line"));
        assert!(lines.next().expect("a head").contains(" 200 "));
        let schema = json!({ "$ref": "#/components/schemas/EventView" });
        for line in lines.filter(|line| line.starts_with("data: ")).take(5) {
            let event = serde_json::from_str(&line["data: ".len()..]).expect("JSON");
            self.judge(&schema, &event, "an event");
        }
        for set in [&mut self.asked, &mut self.succeeded] {
            set.insert(("GET".to_owned(), "/v1/events".to_owned()));
        }
    }
}

fn command(successor: &str) -> Value {
    json!({ "successor": successor, "expected_epoch": 1, "reason": "test" })
}

/// Everything that an operator can ask of three nodes, from the first designation to the way back.
fn operations(contract: &mut Contract, cluster: &Cluster) {
    let Cluster { n1, n2, n3, .. } = cluster;
    let why = json!({ "reason": "test" });
    let member = json!({
        "node_id": "n9", "public_key": "58".to_owned() + &"66".repeat(31),
        "address": "http://127.0.0.1:9", "reason": "test",
    });
    let _ = contract.post(n1, "/v1/members", &member).expect(200);
    let mut known = member.clone();
    known["node_id"] = json!("n1");
    let _ = contract.post(n1, "/v1/members", &known).expect(409);
    let remove = "DELETE /v1/members/n9?expected_epoch=1&reason=test";
    let _ = contract.ask(n1, remove, "/v1/members/{id}", None).expect(200);
    let _ = contract.post(n1, "/v1/checkpoints", &why).expect(200);

    let _ = contract.post(n2, "/v1/authority/designate", &command("n3")).expect(409);
    let _ = contract.post(n1, "/v1/authority/designate", &command("n2")).expect(200);
    let _ = contract.get(n2, "/sync").expect(200);
    let _ = contract.ask(n2, "OPTIONS /sync", "/sync", None).expect(200);
    let request = json!({ "expected_epoch": 1, "reason": "test" });
    let declined = contract.post(n2, "/v1/authority/decline", &request).expect(200);
    let evidence = json!({ "decline": declined.body["data"]["decline"] });
    let mut release = command("n2");
    release["evidence"] = json!([evidence]);
    let _ = contract.post(n1, "/v1/authority/release", &release).expect(200);
    let _ = contract.post(n1, "/v1/authority/relinquish", &command("n3")).expect(200);

    let denied = contract.post(n2, "/v1/promotions", &request).expect(409);
    let id = denied.body["promotion_id"].as_str().expect("an id").to_owned();
    n3.wait("has the relinquishment", || {
        (n3.try_get("/v1/authority")?.body["data"]["status"] == "relinquished").then_some(())
    });
    let _ = contract.post(n3, "/v1/promotions?dry_run=true", &request).expect(200);
    let _ = contract.post(n3, "/v1/promotions", &request).expect(200);
    for template in ["/v1/promotions/{id}", "/v1/explain/promotion/{id}"] {
        let path = template.replace("{id}", &id);
        let _ = contract.ask(n2, &format!("GET {path}"), template, None).expect(200);
    }

    let follow = json!({ "upstream": n3.url(), "reason": "test" });
    let _ = contract.post(n1, "/v1/replication/follow", &follow).expect(200);
    let _ = contract.post(n2, "/v1/replication/follow", &follow).expect(200);
    let _ = contract.post(n2, "/v1/replication/resume", &why).expect(200);
    let _ = contract.post(n3, "/v1/checkpoints", &why).expect(200);
    let _ = contract.get(n3, "/v1/explain/checkpoint").expect(200);
    let _ = contract.post(n3, "/v1/replication/bootstrap", &why).expect(409);
    let _ = contract.get(n3, "/v1/explain/bootstrap").expect(404);
    let _ = contract.post(n2, "/v1/replication/discard-suffix?dry_run=true", &why);
    for stream in ["/v1/replication/stream/pull", "/v1/replication/stream/snapshot"] {
        let _ = contract.post(n3, stream, &why).expect(415);
    }
}

/// Proves: OAPI-4, OAPI-5, OAPI-6, OAPI-9, EX-1, O5-4.
#[test]
fn every_route_answers_what_the_document_says_and_nothing_else() {
    let cluster = Cluster::start();
    let mut contract = Contract::of(&cluster.n1);
    contract.keys(&cluster.n1);
    for node in [&cluster.n1, &cluster.n2] {
        contract.inspection(node);
    }
    operations(&mut contract, &cluster);
    for node in [&cluster.n1, &cluster.n2, &cluster.n3] {
        contract.inspection(node);
    }
    let of = |route: &aerodb_http_api::route::Route| {
        (route.verb.as_str().to_owned(), route.path.to_owned())
    };
    let all: BTreeSet<_> = ROUTES.iter().map(of).collect();
    assert_eq!(contract.asked, all);
    // These need a state or a body of their own; that they refuse as described is seen here.
    let refused: Vec<_> =
        all.difference(&contract.succeeded).map(|(_, path)| path.as_str()).collect();
    assert_eq!(
        refused,
        [
            "/v1/explain/bootstrap",
            "/v1/replication/bootstrap",
            "/v1/replication/discard-suffix",
            "/v1/replication/stream/pull",
            "/v1/replication/stream/snapshot",
        ]
    );
}

#[test]
fn the_document_names_no_schema_that_it_does_not_have() {
    let document = aerodb_http_api::openapi::document(true);
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let text = document.to_string();
    let named = text.split("#/components/schemas/").skip(1);
    let named: BTreeSet<_> = named.map(|rest| rest.split('"').next().unwrap_or_default()).collect();
    for name in &named {
        assert!(schemas.contains_key(*name), "{name}");
    }
    let without = aerodb_http_api::openapi::document(false);
    assert!(document["paths"].get("/v1/promotions").is_some());
    assert!(without["paths"].get("/v1/promotions").is_none());
}
