//! The probes of load balancers and orchestrators.
#![allow(clippy::unwrap_used)]

mod support;

use aerodb_core::machine::RoleName;
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::types::{Gate, Health, Obstacle};
use support::{Served, serve};

fn closed(code: Code, rule: RuleId) -> Gate {
    Err(Obstacle { code, rule: Some(rule), detail: "closed".to_owned() })
}

async fn statuses(served: &Served, health: Health) -> Vec<u16> {
    *served.node.health.lock().unwrap() = health;
    let mut statuses = Vec::new();
    for probe in ["/livez", "/readyz", "/primary", "/replica", "/read-only", "/sync"] {
        let get = served.get(probe).await;
        for method in ["HEAD", "OPTIONS"] {
            let other = served.ask(&format!("{method} {probe}"), b"").await;
            assert_eq!((other.status, other.body.len()), (get.status, 0), "{method} {probe}");
        }
        statuses.push(get.status);
    }
    statuses
}

fn healthy(role: RoleName) -> Health {
    let writes = match role {
        RoleName::PrimaryActive => Ok(()),
        RoleName::Uninitialized
        | RoleName::ReplicaActive
        | RoleName::PrimarySealed
        | RoleName::ReplicationHalted => closed(Code::NotHolder, RuleId::Rm3),
    };
    let sync = closed(Code::SuccessorRequired, RuleId::Au10);
    Health { live: Ok(()), ready: Ok(()), role, writes, reads: Ok(()), lag: None, sync }
}

#[tokio::test]
async fn each_probe_answers_for_what_it_is_named_for() {
    let served = serve().await;
    let holder = healthy(RoleName::PrimaryActive);
    assert_eq!(statuses(&served, holder.clone()).await, [200, 200, 200, 503, 200, 503]);

    let no_writes = Health { writes: closed(Code::SuccessorDetached, RuleId::Au10), ..holder };
    assert_eq!(statuses(&served, no_writes).await, [200, 200, 503, 503, 200, 503]);

    let replica = healthy(RoleName::ReplicaActive);
    assert_eq!(statuses(&served, replica.clone()).await, [200, 200, 503, 200, 200, 503]);
    let successor = Health { sync: Ok(()), ..replica.clone() };
    assert_eq!(statuses(&served, successor).await, [200, 200, 503, 200, 200, 200]);
    let blocked = Health { reads: closed(Code::ReadUnsafe, RuleId::FRs1), ..replica };
    assert_eq!(statuses(&served, blocked).await, [200, 200, 503, 503, 503, 503]);

    let recovering = Health {
        ready: closed(Code::Recovering, RuleId::R3),
        writes: closed(Code::Recovering, RuleId::R3),
        reads: closed(Code::Recovering, RuleId::R3),
        ..healthy(RoleName::PrimaryActive)
    };
    assert_eq!(statuses(&served, recovering).await, [200, 503, 503, 503, 503, 503]);
}

#[tokio::test]
async fn a_lag_that_is_not_known_is_not_within_any_bound() {
    let served = serve().await;
    for (lag, max_lag, status) in
        [(None, 1000, 503), (Some(5), 5, 200), (Some(6), 5, 503), (Some(0), 0, 200)]
    {
        let health = Health { lag, ..healthy(RoleName::ReplicaActive) };
        *served.node.health.lock().unwrap() = health;
        let answer = served.get(&format!("/replica?max_lag={max_lag}")).await;
        assert_eq!(answer.status, status, "{lag:?} within {max_lag}");
    }
}

#[tokio::test]
async fn a_probe_that_fails_says_why() {
    let served = serve().await;
    *served.node.health.lock().unwrap() = healthy(RoleName::ReplicaActive);
    let answer = served.get("/primary").await;
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = answer.json();
    assert_eq!(answer.status, 503, "whatever status the code has elsewhere");
    assert_eq!(
        (&problem["status"], &problem["code"], &problem["rule"]),
        (&503.into(), &"NOT_HOLDER".into(), &"RM-3".into())
    );
}

#[tokio::test]
async fn readyz_lists_its_checks_when_asked() {
    let served = serve().await;
    assert_eq!(served.get("/readyz").await.json()["data"].get("checks"), None);
    let checks = served.get("/readyz?verbose").await.json()["data"]["checks"].clone();
    let names: Vec<_> = checks.as_array().unwrap().iter().map(|check| &check["name"]).collect();
    assert_eq!(names, ["live", "ready", "writes", "reads", "sync"]);
    assert_eq!(checks[4]["refusal"]["code"], "SUCCESSOR_REQUIRED");
}
