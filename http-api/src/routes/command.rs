//! Operator commands: to the holder, and to a replica.

use aerodb_core::id::{Epoch, NodeId, Reason};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::code::Code;
use crate::envelope::Answer;
use crate::extract::{Deadline, NoParams, Params, PathId, Principal, read_json};
use crate::port::{Call, NodePort};
use crate::problem::Problem;
use crate::router::Api;
use crate::types::{
    AdmitRequest, AuthorityAction, AuthorityCommand, BootstrapRequest, CheckpointRequest,
    CommandBody, CommandDone, FollowRequest, Intervened, ResumeRequest,
};

/// What every command comes with, its body still unread.
pub(crate) struct Incoming {
    call: Call,
    headers: HeaderMap,
    body: Body,
}

impl<S: Send + Sync> axum::extract::FromRequest<S> for Incoming {
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Problem> {
        use axum::extract::FromRequestParts;
        let (mut parts, body) = request.into_parts();
        let Params(NoParams {}) = Params::from_request_parts(&mut parts, state).await?;
        let Deadline(deadline) = Deadline::from_request_parts(&mut parts, state).await?;
        let principal = match Principal::from_request_parts(&mut parts, state).await {
            Ok(principal) => principal,
            Err(never) => match never {},
        };
        Ok(Self { call: Call { principal, deadline }, headers: parts.headers, body })
    }
}

impl Incoming {
    async fn read<T: DeserializeOwned>(self, bytes_max: usize) -> Result<(T, Call), Problem> {
        Ok((read_json(&self.headers, self.body, bytes_max).await?, self.call))
    }
}

/// 200 once the entry is covered; 202 while it is durable here only.
fn done(done: CommandDone) -> Response {
    let status = if done.covered { StatusCode::OK } else { StatusCode::ACCEPTED };
    (status, Answer { data: done }).into_response()
}

pub(crate) async fn admit<N: NodePort>(
    State(api): State<Api<N>>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let (request, call) = incoming.read::<AdmitRequest>(api.limits.command_bytes_max).await?;
    api.port.admit(request, call).await.map(done)
}

/// The query of a removal, which has no body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoveParams {
    expected_epoch: Epoch,
    reason: Reason,
}

pub(crate) async fn remove<N: NodePort>(
    State(api): State<Api<N>>,
    PathId(node): PathId<NodeId>,
    Params(RemoveParams { expected_epoch, reason }): Params<RemoveParams>,
    Deadline(deadline): Deadline,
    principal: Principal,
) -> Result<Response, Problem> {
    let call = Call { principal, deadline };
    api.port.remove(node, expected_epoch, reason, call).await.map(done)
}

fn named(successor: Option<NodeId>) -> Result<NodeId, Problem> {
    successor.ok_or_else(|| Problem::new(Code::InvalidRequest, "missing field `successor`"))
}

async fn command<N: NodePort>(
    api: Api<N>,
    incoming: Incoming,
    action: fn(Option<NodeId>) -> Result<AuthorityAction, Problem>,
) -> Result<Response, Problem> {
    let (body, call) = incoming.read::<CommandBody>(api.limits.command_bytes_max).await?;
    let CommandBody { successor, expected_epoch, request_id, reason } = body;
    let action = action(successor)?;
    let command = AuthorityCommand { action, expected_epoch, request_id, reason };
    api.port.command(command, call).await.map(done)
}

pub(crate) async fn designate<N: NodePort>(
    State(api): State<Api<N>>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    command(api, incoming, |heir| named(heir).map(AuthorityAction::Designate)).await
}

pub(crate) async fn release<N: NodePort>(
    State(api): State<Api<N>>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    command(api, incoming, |heir| Ok(AuthorityAction::Release(heir))).await
}

pub(crate) async fn relinquish<N: NodePort>(
    State(api): State<Api<N>>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    command(api, incoming, |heir| named(heir).map(AuthorityAction::Relinquish)).await
}

pub(crate) async fn follow<N: NodePort>(
    State(api): State<Api<N>>,
    incoming: Incoming,
) -> Result<Answer<Intervened>, Problem> {
    let (request, call) = incoming.read::<FollowRequest>(api.limits.command_bytes_max).await?;
    api.port.follow(request, call).await.map(|data| Answer { data })
}

pub(crate) async fn resume<N: NodePort>(
    State(api): State<Api<N>>,
    incoming: Incoming,
) -> Result<Answer<Intervened>, Problem> {
    let (request, call) = incoming.read::<ResumeRequest>(api.limits.command_bytes_max).await?;
    api.port.resume(request, call).await.map(|data| Answer { data })
}

pub(crate) async fn bootstrap<N: NodePort>(
    State(api): State<Api<N>>,
    incoming: Incoming,
) -> Result<Answer<Intervened>, Problem> {
    let (request, call) = incoming.read::<BootstrapRequest>(api.limits.command_bytes_max).await?;
    api.port.bootstrap(request, call).await.map(|data| Answer { data })
}

pub(crate) async fn take_checkpoint<N: NodePort>(
    State(api): State<Api<N>>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let (request, call) = incoming.read::<CheckpointRequest>(api.limits.command_bytes_max).await?;
    let taken = api.port.take_checkpoint(request, call).await?;
    let status = if taken.complete { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Answer { data: taken }).into_response())
}
