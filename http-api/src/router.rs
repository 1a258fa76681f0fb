//! The router: every [`Route`] of the table with its handler, and problem details for the rest.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Uri;
use axum::routing::{MethodRouter, on};

use crate::code::Code;
use crate::extract::{Limits, drain};
use crate::port::NodePort;
use crate::problem::Problem;
use crate::route::{Operation, ROUTES, Route};
use crate::routes::{
    command, discard, events, explain, health, inspect, kv, ledger, metrics, openapi, promotion,
    rules, scan, statecharts, stream, txn,
};

/// What every handler has at hand.
#[derive(Debug)]
pub(crate) struct Api<N> {
    pub(crate) port: Arc<N>,
    pub(crate) limits: Limits,
    /// Whether promotion exists here.
    pub(crate) failover: bool,
}

impl<N> Clone for Api<N> {
    fn clone(&self) -> Self {
        Self { port: Arc::clone(&self.port), limits: self.limits, failover: self.failover }
    }
}

/// The routes of the table; without failover, those of promotion are not there.
pub(crate) fn router<N: NodePort>(api: Api<N>) -> Router {
    let served = ROUTES.iter().filter(|route| api.failover || !route.operation.promotes());
    let routes = served.fold(Router::new(), mount);
    routes.fallback(no_such_route).method_not_allowed_fallback(method_not_allowed).with_state(api)
}

fn mount<N: NodePort>(router: Router<Api<N>>, route: &Route) -> Router<Api<N>> {
    match route.path.strip_suffix("/{key}") {
        // A key may hold slashes, and an empty one must reach the handler to be refused as a key.
        Some(base) => router
            .route(&format!("{base}/{{*key}}"), endpoint(route))
            .route(&format!("{base}/"), endpoint(route)),
        None => router.route(route.path, endpoint(route)),
    }
}

fn endpoint<N: NodePort>(route: &Route) -> MethodRouter<Api<N>> {
    let filter = route.verb.filter();
    match route.operation {
        Operation::PutKey => on(filter, kv::put::<N, Body>),
        Operation::GetKey => on(filter, kv::get::<N, Body>),
        Operation::DeleteKey => on(filter, kv::delete::<N, Body>),
        Operation::Scan => on(filter, scan::scan::<N>),
        Operation::Txn => on(filter, txn::txn::<N>),
        Operation::Status => on(filter, inspect::status::<N>),
        Operation::Authority => on(filter, inspect::authority::<N>),
        Operation::Members => on(filter, inspect::members::<N>),
        Operation::Admit => on(filter, command::admit::<N>),
        Operation::Remove => on(filter, command::remove::<N>),
        Operation::Designate => on(filter, command::designate::<N>),
        Operation::Release => on(filter, command::release::<N>),
        Operation::Relinquish => on(filter, command::relinquish::<N>),
        Operation::Decline => on(filter, command::decline::<N>),
        Operation::Promote => on(filter, promotion::promote::<N>),
        Operation::Promotions => on(filter, promotion::promotions::<N>),
        Operation::Promotion => on(filter, promotion::promotion::<N>),
        Operation::Follow => on(filter, command::follow::<N>),
        Operation::Resume => on(filter, command::resume::<N>),
        Operation::Bootstrap => on(filter, command::bootstrap::<N>),
        Operation::DiscardSuffix => on(filter, discard::discard_suffix::<N>),
        Operation::Replication => on(filter, inspect::replication::<N>),
        Operation::Wal => on(filter, inspect::wal::<N>),
        Operation::Mvcc => on(filter, inspect::mvcc::<N>),
        Operation::Checkpoints => on(filter, inspect::checkpoints::<N>),
        Operation::TakeCheckpoint => on(filter, command::take_checkpoint::<N>),
        Operation::Snapshots => on(filter, inspect::snapshots::<N>),
        Operation::Machines => on(filter, inspect::machines::<N>),
        Operation::Machine => on(filter, inspect::machine::<N>),
        Operation::Transitions => on(filter, inspect::transitions::<N>),
        Operation::Events => on(filter, events::events::<N>),
        Operation::Metrics => on(filter, metrics::metrics::<N>),
        Operation::Statecharts => on(filter, statecharts::statecharts::<N>),
        Operation::Statechart => on(filter, statecharts::statechart::<N>),
        Operation::Ledger => on(filter, ledger::ledger::<N>),
        Operation::LedgerEntry => on(filter, ledger::entry::<N>),
        Operation::ExplainPromotion => on(filter, explain::promotion::<N>),
        Operation::ExplainReplication => on(filter, explain::replication::<N>),
        Operation::ExplainRead => on(filter, explain::read::<N>),
        Operation::ExplainWrite => on(filter, explain::write::<N>),
        Operation::ExplainRecovery => on(filter, explain::recovery::<N>),
        Operation::ExplainBootstrap => on(filter, explain::bootstrap::<N>),
        Operation::ExplainSegment => on(filter, explain::segment::<N>),
        Operation::ExplainCheckpoint => on(filter, explain::checkpoint::<N>),
        Operation::Rules => on(filter, rules::rules::<N>),
        Operation::Rule => on(filter, rules::rule::<N>),
        Operation::Livez | Operation::LivezOptions => on(filter, health::livez::<N>),
        Operation::Readyz | Operation::ReadyzOptions => on(filter, health::readyz::<N>),
        Operation::Primary | Operation::PrimaryOptions => on(filter, health::primary::<N>),
        Operation::Replica | Operation::ReplicaOptions => on(filter, health::replica::<N>),
        Operation::ReadOnly | Operation::ReadOnlyOptions => on(filter, health::read_only::<N>),
        Operation::Sync | Operation::SyncOptions => on(filter, health::sync::<N>),
        Operation::History => on(filter, ledger::history::<N>),
        Operation::OpenApi => on(filter, openapi::openapi::<N>),
        Operation::Pull => on(filter, stream::pull::<N>),
        Operation::Snapshot => on(filter, stream::snapshot::<N>),
    }
}

async fn no_such_route(uri: Uri, request: Request) -> Problem {
    drain(request.into_body());
    Problem::new(Code::NoSuchRoute, format!("there is no route {}", uri.path()))
}

/// The `Allow` header is added by the router, which knows what the path has.
async fn method_not_allowed(request: Request) -> Problem {
    let detail = format!("{} does not know {}", request.uri().path(), request.method());
    drain(request.into_body());
    Problem::new(Code::MethodNotAllowed, detail)
}
