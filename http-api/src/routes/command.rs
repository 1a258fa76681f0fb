//! Operator commands: to the holder, and to a replica.

use aerodb_core::authority::SignedDecline;
use aerodb_core::id::{Epoch, NodeId, Reason};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
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
    CommandBody, CommandDone, DeclineRequest, Declined, Evidence, FollowRequest, Intervened,
    ResumeRequest,
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
        Ok((
            read_json(&self.headers, self.body, bytes_max, Deadline(self.call.deadline)).await?,
            self.call,
        ))
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
#[derive(Debug, Deserialize, JsonSchema)]
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

/// What a command may rest on beside the ledger.
type Brought = (Option<NodeId>, Option<SignedDecline>);

fn named((successor, evidence): Brought) -> Result<NodeId, Problem> {
    match (successor, evidence) {
        (Some(successor), None) => Ok(successor),
        (None, _) => Err(Problem::new(Code::InvalidRequest, "missing field `successor`")),
        (Some(_), Some(_)) => {
            let detail = "only a release takes evidence";
            Err(Problem::new(Code::InvalidRequest, detail).with("field", "evidence"))
        }
    }
}

/// With a certificate, the obligation ends by it; it must be of the node that the request names.
fn released((successor, evidence): Brought) -> Result<AuthorityAction, Problem> {
    let Some(decline) = evidence else { return Ok(AuthorityAction::Release(successor)) };
    if successor.is_some_and(|named| named != decline.claim.node_id) {
        let detail = "the certificate is of another node than `successor`";
        return Err(Problem::new(Code::InvalidRequest, detail).with("field", "evidence"));
    }
    Ok(AuthorityAction::EndObligation(decline))
}

async fn command<N: NodePort>(
    api: Api<N>,
    incoming: Incoming,
    action: fn(Brought) -> Result<AuthorityAction, Problem>,
) -> Result<Response, Problem> {
    let (body, call) = incoming.read::<CommandBody>(api.limits.command_bytes_max).await?;
    let CommandBody { successor, expected_epoch, request_id, evidence, reason } = body;
    let evidence = Evidence::single(evidence)
        .map_err(|what| Problem::new(Code::InvalidRequest, what).with("field", "evidence"))?;
    let action = action((successor, evidence))?;
    let command = AuthorityCommand { action, expected_epoch, request_id, reason };
    api.port.command(command, call).await.map(done)
}

pub(crate) async fn designate<N: NodePort>(
    State(api): State<Api<N>>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    command(api, incoming, |brought| named(brought).map(AuthorityAction::Designate)).await
}

pub(crate) async fn release<N: NodePort>(
    State(api): State<Api<N>>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    command(api, incoming, released).await
}

pub(crate) async fn relinquish<N: NodePort>(
    State(api): State<Api<N>>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    command(api, incoming, |brought| named(brought).map(AuthorityAction::Relinquish)).await
}

pub(crate) async fn decline<N: NodePort>(
    State(api): State<Api<N>>,
    incoming: Incoming,
) -> Result<Answer<Declined>, Problem> {
    let (request, call) = incoming.read::<DeclineRequest>(api.limits.command_bytes_max).await?;
    api.port.decline(request, call).await.map(|data| Answer { data })
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
