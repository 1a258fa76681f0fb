//! `GET /openapi.json`.

use axum::extract::State;
use axum::response::Response;

use crate::extract::{NoParams, Params};
use crate::openapi::answer;
use crate::port::NodePort;
use crate::router::Api;

pub(crate) async fn openapi<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Response {
    answer(api.failover)
}
