//! Promotions.

use aerodb_core::id::PromotionId;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::envelope::{Answer, View};
use crate::extract::{Deadline, NoParams, Params, PathId, Principal, read_json};
use crate::port::{Call, NodePort};
use crate::problem::Problem;
use crate::router::Api;
use crate::types::{PromoteRequest, Promoted, PromotionView};

/// The query of a promotion.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PromoteParams {
    #[serde(default)]
    dry_run: bool,
}

pub(crate) async fn promote<N: NodePort>(
    State(api): State<Api<N>>,
    Params(PromoteParams { dry_run }): Params<PromoteParams>,
    deadline: Deadline,
    principal: Principal,
    headers: HeaderMap,
    body: Body,
) -> Result<Answer<Promoted>, Problem> {
    let request: PromoteRequest =
        read_json(&headers, body, api.limits.command_bytes_max, deadline).await?;
    let Deadline(deadline) = deadline;
    let call = Call { principal, deadline };
    api.port.promote(request, dry_run, call).await.map(|data| Answer { data })
}

pub(crate) async fn promotions<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<Vec<PromotionView>>, Problem> {
    api.port.promotions().await
}

pub(crate) async fn promotion<N: NodePort>(
    State(api): State<Api<N>>,
    PathId(id): PathId<PromotionId>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<PromotionView>, Problem> {
    api.port.promotion(id).await
}
