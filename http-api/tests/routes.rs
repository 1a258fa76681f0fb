//! The table of routes against the router, and what every route has in common.

mod support;

use std::collections::BTreeSet;

use aerodb_http_api::code::Code;
use aerodb_http_api::route::{ROUTES, Route, Verb};
use support::serve;

/// A path that names something the fake node has.
fn example(route: &Route) -> String {
    match route.path {
        "/v1/rules/{id}" => "/v1/rules/P6-A1".to_owned(),
        "/v1/statecharts/{machine}" => "/v1/statecharts/role".to_owned(),
        path => path
            .replace("{key}", "k")
            .replace("{id}", "n1-1")
            .replace("{machine}", "node_role")
            .replace("{log}", "authority")
            .replace("{seq}", "1"),
    }
}

/// Proves: OAPI-6.
#[tokio::test]
async fn every_route_of_the_table_is_served() {
    let served = serve().await;
    served.ask("PUT /v1/kv/k", b"v").await;
    for route in ROUTES {
        let answer = served.ask(&format!("{} {}", route.verb.as_str(), example(route)), b"").await;
        assert!(![404, 405].contains(&answer.status), "{route:?}: {answer:?}");
    }
}

#[tokio::test]
async fn every_route_refuses_an_unknown_query_parameter() {
    let served = serve().await;
    for route in ROUTES {
        let target = format!("{} {}?no_such=1", route.verb.as_str(), example(route));
        let answer = served.ask(&target, b"").await;
        answer.is_problem(Code::InvalidParameter);
    }
    assert!(served.node.writes.lock().unwrap().is_empty());
    assert!(served.node.commands.lock().unwrap().is_empty());
}

/// Proves: OAPI-9.
#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_405_and_allow_names_what_it_has() {
    let served = serve().await;
    for route in ROUTES {
        let mut allowed: BTreeSet<&str> = ROUTES
            .iter()
            .filter(|other| other.path == route.path)
            .map(|other| other.verb.as_str())
            .collect();
        if allowed.contains(Verb::Get.as_str()) {
            allowed.insert("HEAD");
        }
        for method in ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "PURGE"] {
            if allowed.contains(method) {
                continue;
            }
            let answer = served.ask(&format!("{method} {}", example(route)), b"{}").await;
            assert_eq!(answer.status, 405, "{method} {}", route.path);
            let given: BTreeSet<&str> =
                answer.header("allow").unwrap_or_default().split(',').map(str::trim).collect();
            assert_eq!(given, allowed, "{method} {}", route.path);
            if method != "HEAD" {
                answer.is_problem(Code::MethodNotAllowed);
            }
        }
    }
}

#[tokio::test]
async fn a_path_that_is_not_there_is_a_problem_too() {
    let served = serve().await;
    for path in ["/", "/v1", "/v2/status", "/v1/status/", "/v1/promotions/", "/write", "/%ff"] {
        served.get(path).await.is_problem(Code::NoSuchRoute);
    }
    served.ask("POST /v1/nothing", &[0; 100_000]).await.is_problem(Code::NoSuchRoute);
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let served = serve().await;
    for route in ROUTES.iter().filter(|route| route.verb == Verb::Get) {
        let path = example(route);
        let (get, head) = (served.get(&path).await, served.ask(&format!("HEAD {path}"), b"").await);
        assert_eq!(get.status, head.status, "{path}");
        assert_eq!(get.header("content-type"), head.header("content-type"), "{path}");
        assert!(head.body.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn an_id_that_cannot_be_one_names_nothing() {
    let served = serve().await;
    for path in [
        "/v1/rules/P9-X",
        "/v1/promotions/none",
        "/v1/promotions/%00",
        "/v1/promotions/%ff",
        "/v1/explain/promotion/none",
        "/v1/state/no_such_machine",
        "/v1/statecharts/no_such_machine",
        "/v1/ledger/authority/0",
        "/v1/ledger/authority/x",
        "/v1/ledger/authority/99",
        "/v1/ledger/wal/1",
    ] {
        served.get(path).await.is_problem(Code::NoSuchEntry);
    }
    let target = "DELETE /v1/members/-bad?expected_epoch=1&reason=x";
    served.ask(target, b"").await.is_problem(Code::NoSuchEntry);
}

/// Proves: OAPI-10.
#[tokio::test]
async fn parameters_that_are_malformed_or_repeated_are_refused() {
    let served = serve().await;
    for target in [
        "/v1/status?digest=maybe",
        "/v1/status?digest=true&digest=true",
        "/v1/kv/a?at=1&at=2",
        "/v1/kv/a?at=x",
        "/v1/kv/a?min_commit=%31%ff",
        "/v1/transitions?limit=0",
        "/v1/ledger?log=wal",
        "/v1/ledger?after=-1",
        "/v1/explain/read",
        "/v1/explain/read?key=",
        "/v1/promotions?dry_run=true",
        "/readyz?verbose=loud",
        "/replica?max_lag=-1",
    ] {
        served.get(target).await.is_problem(Code::InvalidParameter);
    }
}
