//! `POST /v1/replication/stream/pull` and `…/snapshot`.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use crate::code::Code;
use crate::connection::ConnectionGuard;
use crate::extract::{Deadline, NoParams, Params, check_media_type, read_bytes};
use crate::port::NodePort;
use crate::problem::Problem;
use crate::router::Api;
use crate::stream::{
    PULL_MEDIA_TYPE, PULL_REQUEST_BYTES_MAX, PullRequest, SnapshotRequest, decode, encode,
};

/// A question of a replica, with the connection that it came over.
async fn read<T: DeserializeOwned>(
    guard: Option<Extension<ConnectionGuard>>,
    headers: &HeaderMap,
    body: Body,
    what: &str,
) -> Result<(T, ConnectionGuard), Problem> {
    let bytes = read_bytes(body, PULL_REQUEST_BYTES_MAX, Deadline::DEFAULT).await?;
    check_media_type(headers, PULL_MEDIA_TYPE)?;
    let request = decode(&bytes)
        .map_err(|error| Problem::new(Code::InvalidRequest, format!("not a {what}: {error}")))?;
    let Some(Extension(guard)) = guard else {
        let detail = "a pull needs a connection whose end can be seen";
        return Err(Problem::new(Code::InvalidRequest, detail));
    };
    Ok((request, guard))
}

pub(crate) async fn pull<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
    guard: Option<Extension<ConnectionGuard>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (request, guard) = read::<PullRequest>(guard, &headers, body, "pull request").await?;
    let answer = api.port.pull(request, guard).await?;
    Ok(([(header::CONTENT_TYPE, PULL_MEDIA_TYPE)], encode(&answer)).into_response())
}

pub(crate) async fn snapshot<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
    guard: Option<Extension<ConnectionGuard>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (request, guard) =
        read::<SnapshotRequest>(guard, &headers, body, "snapshot request").await?;
    let chunk = api.port.snapshot(request, guard).await?;
    Ok(([(header::CONTENT_TYPE, PULL_MEDIA_TYPE)], encode(&chunk)).into_response())
}
