//! The probes of load balancers and orchestrators: 200 or 503, decided from one look at the node.

use aerodb_core::explain::Remedy;
use aerodb_core::machine::RoleName;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::envelope::Answer;
use crate::extract::{NoParams, Params};
use crate::port::NodePort;
use crate::problem::Problem;
use crate::router::Api;
use crate::types::{Gate, Health, Obstacle, Refusal};

/// One check, as `/readyz?verbose` lists it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Check {
    name: &'static str,
    ok: bool,
    refusal: Option<Refusal>,
}

/// What a probe that succeeds says.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Passed {
    role: RoleName,
    lag: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Vec<Check>>,
}

fn blocked(obstacle: Obstacle) -> Problem {
    let Obstacle { code, rule, detail } = obstacle;
    let problem = Problem::new(code, detail).status(StatusCode::SERVICE_UNAVAILABLE);
    match rule {
        Some(rule) => {
            let action = "see in what state the node is, and by what";
            problem.rule(rule, vec![Remedy::look(rule, action, None, "/v1/status")])
        }
        None => problem,
    }
}

fn unsafe_read(detail: impl Into<String>) -> Obstacle {
    Obstacle { code: Code::ReadUnsafe, rule: None, detail: detail.into() }
}

/// An OPTIONS answer has the probe's status and no body.
fn answer(method: &Method, health: &Health, gate: Gate, checks: Option<Vec<Check>>) -> Response {
    let response = match gate {
        Ok(()) => {
            let data = Passed { role: health.role, lag: health.lag, checks };
            Answer { data }.into_response()
        }
        Err(obstacle) => {
            let problem = blocked(obstacle).with("role", health.role);
            checks.map_or(problem.clone(), |checks| problem.with("checks", checks)).into_response()
        }
    };
    if method == Method::OPTIONS { without_body(&response) } else { response }
}

fn without_body(response: &Response) -> Response {
    let mut empty = Response::new(Body::empty());
    *empty.status_mut() = response.status();
    empty.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET,HEAD,OPTIONS"));
    empty
}

fn check(name: &'static str, gate: &Gate) -> Check {
    let refusal =
        gate.as_ref().err().map(|obstacle| Refusal { code: obstacle.code, rule: obstacle.rule });
    Check { name, ok: gate.is_ok(), refusal }
}

fn checks(health: &Health) -> Vec<Check> {
    vec![
        check("live", &health.live),
        check("ready", &health.ready),
        check("writes", &health.writes),
        check("reads", &health.reads),
        check("sync", &health.sync),
    ]
}

pub(crate) async fn livez<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
    method: Method,
) -> Response {
    let health = api.port.health().await;
    answer(&method, &health, health.live.clone(), None)
}

/// The query of `/readyz`; `verbose` needs no value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadyParams {
    verbose: Option<String>,
}

pub(crate) async fn readyz<N: NodePort>(
    State(api): State<Api<N>>,
    Params(ReadyParams { verbose }): Params<ReadyParams>,
    method: Method,
) -> Result<Response, Problem> {
    let verbose = match verbose.as_deref() {
        None | Some("false") => false,
        Some("" | "true") => true,
        Some(_) => return Err(Problem::new(Code::InvalidParameter, "verbose is true or false")),
    };
    let health = api.port.health().await;
    Ok(answer(&method, &health, health.ready.clone(), verbose.then(|| checks(&health))))
}

pub(crate) async fn primary<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
    method: Method,
) -> Response {
    let health = api.port.health().await;
    answer(&method, &health, health.writes.clone(), None)
}

/// The query of `/replica`: the most commits that it may be behind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplicaParams {
    max_lag: Option<u64>,
}

/// Only a replica, only while its reads are safe, and with `max_lag` only if the lag is known to be within.
fn replica_gate(health: &Health, max_lag: Option<u64>) -> Gate {
    match health.role {
        RoleName::ReplicaActive => {}
        RoleName::Uninitialized
        | RoleName::PrimaryActive
        | RoleName::PrimarySealed
        | RoleName::ReplicationHalted => {
            return Err(unsafe_read(format!("the role is {:?}, not a replica", health.role)));
        }
    }
    health.reads.clone()?;
    match (max_lag, health.lag) {
        (None, _) => Ok(()),
        (Some(most), Some(lag)) if lag <= most => Ok(()),
        (Some(most), Some(lag)) => {
            Err(unsafe_read(format!("{lag} commits behind, asked for at most {most}")))
        }
        (Some(_), None) => Err(unsafe_read("how far it is behind is not known")),
    }
}

pub(crate) async fn replica<N: NodePort>(
    State(api): State<Api<N>>,
    Params(ReplicaParams { max_lag }): Params<ReplicaParams>,
    method: Method,
) -> Response {
    let health = api.port.health().await;
    answer(&method, &health, replica_gate(&health, max_lag), None)
}

pub(crate) async fn read_only<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
    method: Method,
) -> Response {
    let health = api.port.health().await;
    answer(&method, &health, health.reads.clone(), None)
}

pub(crate) async fn sync<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
    method: Method,
) -> Response {
    let health = api.port.health().await;
    answer(&method, &health, health.sync.clone(), None)
}
