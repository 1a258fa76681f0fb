//! Setting a suffix aside, or looking at it.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::envelope::Answer;
use crate::extract::{Deadline, Params, Principal, read_json};
use crate::port::{Call, NodePort};
use crate::problem::Problem;
use crate::router::Api;
use crate::types::{DiscardRequest, Discarded};

/// The query of a discarding.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiscardParams {
    #[serde(default)]
    dry_run: bool,
}

pub(crate) async fn discard_suffix<N: NodePort>(
    State(api): State<Api<N>>,
    Params(DiscardParams { dry_run }): Params<DiscardParams>,
    deadline: Deadline,
    principal: Principal,
    headers: HeaderMap,
    body: Body,
) -> Result<Answer<Discarded>, Problem> {
    let request: DiscardRequest =
        read_json(&headers, body, api.limits.command_bytes_max, deadline).await?;
    let Deadline(deadline) = deadline;
    let call = Call { principal, deadline };
    api.port.discard_suffix(request, dry_run, call).await.map(|data| Answer { data })
}
