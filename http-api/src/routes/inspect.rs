//! Inspection: each answer is a [`View`], and looking changes nothing.
//!
//! Keeps: OAPI-10.

use aerodb_core::id::Boundary;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::code::Code;
use crate::envelope::View;
use crate::extract::{NoParams, Params, PathId};
use crate::port::NodePort;
use crate::problem::Problem;
use crate::router::Api;
use crate::types::{
    AuthorityData, CheckpointsData, DigestRequest, MachineState, MemberView, MvccData,
    ReplicationData, SnapshotsData, StatusData, TransitionView, WalData,
};

/// The query of the status.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatusParams {
    #[serde(default)]
    digest: bool,
    at: Option<Boundary>,
}

pub(crate) async fn status<N: NodePort>(
    State(api): State<Api<N>>,
    Params(StatusParams { digest, at }): Params<StatusParams>,
) -> Result<View<StatusData>, Problem> {
    if at.is_some() && !digest {
        return Err(Problem::new(Code::InvalidParameter, "at is for digest=true"));
    }
    api.port.status(digest.then_some(DigestRequest { at })).await
}

pub(crate) async fn authority<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<AuthorityData>, Problem> {
    api.port.authority().await
}

pub(crate) async fn members<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<Vec<MemberView>>, Problem> {
    api.port.members().await
}

pub(crate) async fn replication<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<ReplicationData>, Problem> {
    api.port.replication().await
}

pub(crate) async fn wal<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<WalData>, Problem> {
    api.port.wal().await
}

pub(crate) async fn mvcc<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<MvccData>, Problem> {
    api.port.mvcc().await
}

pub(crate) async fn checkpoints<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<CheckpointsData>, Problem> {
    api.port.checkpoints().await
}

pub(crate) async fn snapshots<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<SnapshotsData>, Problem> {
    api.port.snapshots().await
}

pub(crate) async fn machines<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<Vec<MachineState>>, Problem> {
    api.port.machines().await
}

pub(crate) async fn machine<N: NodePort>(
    State(api): State<Api<N>>,
    PathId(machine): PathId<String>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<MachineState>, Problem> {
    api.port.machine(machine).await
}

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 1_000;

/// How many rows a page holds: 1 to 1,000, 100 by default.
pub(super) fn page(limit: Option<usize>) -> Result<usize, Problem> {
    match limit.unwrap_or(PAGE_DEFAULT) {
        limit @ 1..=PAGE_MAX => Ok(limit),
        _ => {
            let detail = format!("limit must be 1 to {PAGE_MAX}");
            Err(Problem::new(Code::InvalidParameter, detail))
        }
    }
}

/// The query of the journal.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransitionParams {
    machine: Option<String>,
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

pub(crate) async fn transitions<N: NodePort>(
    State(api): State<Api<N>>,
    Params(params): Params<TransitionParams>,
) -> Result<View<Vec<TransitionView>>, Problem> {
    api.port.transitions(params.machine, params.after, page(params.limit)?).await
}
