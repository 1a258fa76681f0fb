//! `POST /v1/replication/stream/pull`.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use crate::code::Code;
use crate::connection::ConnectionGuard;
use crate::extract::{NoParams, Params, check_media_type, read_bytes};
use crate::port::NodePort;
use crate::problem::Problem;
use crate::router::Api;
use crate::stream::{
    BodyError, PULL_MEDIA_TYPE, PULL_REQUEST_BYTES_MAX, PullRequest, decode, encode,
};

pub(crate) async fn pull<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
    guard: Option<Extension<ConnectionGuard>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let bytes = read_bytes(body, PULL_REQUEST_BYTES_MAX).await?;
    check_media_type(&headers, PULL_MEDIA_TYPE)?;
    let request: PullRequest = decode(&bytes)
        .map_err(|error: BodyError| Problem::new(Code::InvalidRequest, error.to_string()))?;
    let Some(Extension(guard)) = guard else {
        let detail = "a pull needs a connection whose end can be seen";
        return Err(Problem::new(Code::InvalidRequest, detail));
    };
    let answer = api.port.pull(request, guard).await?;
    Ok(([(header::CONTENT_TYPE, PULL_MEDIA_TYPE)], encode(&answer)).into_response())
}
