//! Explanations (DESIGN section 7).

use aerodb_core::explain::Explanation;
use aerodb_core::id::{Boundary, CommitId, PromotionId};
use axum::extract::State;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::envelope::View;
use crate::extract::{NoParams, Params, PathId, check_key};
use crate::port::NodePort;
use crate::problem::Problem;
use crate::router::Api;

pub(crate) async fn promotion<N: NodePort>(
    State(api): State<Api<N>>,
    PathId(id): PathId<PromotionId>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<Explanation>, Problem> {
    api.port.explain_promotion(id).await
}

pub(crate) async fn replication<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<Explanation>, Problem> {
    api.port.explain_replication().await
}

/// The query of a read's explanation.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadParams {
    key: String,
    at: Option<Boundary>,
}

pub(crate) async fn read<N: NodePort>(
    State(api): State<Api<N>>,
    Params(ReadParams { key, at }): Params<ReadParams>,
) -> Result<View<Explanation>, Problem> {
    check_key(&key)?;
    api.port.explain_read(Bytes::from(key), at).await
}

pub(crate) async fn write<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<Explanation>, Problem> {
    api.port.explain_write().await
}

pub(crate) async fn bootstrap<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<Explanation>, Problem> {
    api.port.explain_bootstrap().await
}

pub(crate) async fn checkpoint<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<Explanation>, Problem> {
    api.port.explain_checkpoint().await
}

/// The query of a batch's explanation.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SegmentParams {
    commit: CommitId,
}

pub(crate) async fn segment<N: NodePort>(
    State(api): State<Api<N>>,
    Params(SegmentParams { commit }): Params<SegmentParams>,
) -> Result<View<Explanation>, Problem> {
    api.port.explain_segment(commit).await
}

pub(crate) async fn recovery<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<Explanation>, Problem> {
    api.port.explain_recovery().await
}
