//! `/v1/kv/{key}`.

use aerodb_core::id::Boundary;
use aerodb_core::wal::Op;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;

use super::view_headers::view_headers;
use crate::code::Code;
use crate::envelope::Answer;
use crate::extract::{
    Deadline, Key, Params, Payload, Principal, conditions, no_params, read_bytes,
};
use crate::port::NodePort;
use crate::problem::Problem;
use crate::router::Api;
use crate::threads::RequestThread;
use crate::types::{Consistency, ReadAnswer, ReadRequest, Write, WriteKind, WriteReceipt, Written};

fn receipt(key: String, written: Written) -> Answer<WriteReceipt> {
    let Written { commit_id, epoch, durability } = written;
    Answer { data: WriteReceipt { key: Some(key), commit_id, epoch, durability } }
}

pub(crate) async fn put<N: NodePort, B: Payload>(
    State(api): State<Api<N>>,
    principal: Principal,
    thread: RequestThread,
    request: Request<B>,
) -> Result<Answer<WriteReceipt>, Problem> {
    let (head, body) = request.into_parts();
    let (key, deadline) = addressed(&head)?;
    let value = read_bytes(body, api.limits.value_bytes_max, deadline).await?;
    let bytes = key.bytes();
    let conditions = conditions(&head.headers, &bytes)?;
    drop(head);
    let ops = vec![Op::Put { key: bytes, value: detached(value) }];
    let Deadline(deadline) = deadline;
    let write = Write { kind: WriteKind::Put, conditions, ops, deadline, principal, thread };
    Ok(receipt(key.0, api.port.write(write).await?))
}

pub(crate) async fn delete<N: NodePort, B: Payload>(
    State(api): State<Api<N>>,
    principal: Principal,
    thread: RequestThread,
    request: Request<B>,
) -> Result<Answer<WriteReceipt>, Problem> {
    let (head, _) = request.into_parts();
    let (key, Deadline(deadline)) = addressed(&head)?;
    let bytes = key.bytes();
    let conditions = conditions(&head.headers, &bytes)?;
    drop(head);
    let ops = vec![Op::Delete { key: bytes }];
    let write = Write { kind: WriteKind::Delete, conditions, ops, deadline, principal, thread };
    Ok(receipt(key.0, api.port.write(write).await?))
}

/// A value up to this many bytes is copied out of its connection's buffer.
const DETACH_BYTES_MAX: usize = 16 << 10;

/// The value, holding on to its connection's buffer only where a copy would cost more than a new buffer.
/// With that, and the head dropped, the connection reads on into the buffer that it has; otherwise each write
/// that waits for the disk makes it allocate another.
fn detached(value: Bytes) -> Bytes {
    if value.len() <= DETACH_BYTES_MAX { Bytes::copy_from_slice(&value) } else { value }
}

/// The key of a write and when its caller wants to be answered.
fn addressed(head: &Parts) -> Result<(Key, Deadline), Problem> {
    let key = Key::of(&head.uri)?;
    no_params(&head.uri)?;
    Ok((key, Deadline::of(&head.headers)?))
}

/// A commit that is named is a snapshot: nothing says that what came after it is seen.
pub(super) fn check_view(
    at: Option<Boundary>,
    consistency: Option<Consistency>,
) -> Result<(), Problem> {
    match (at, consistency) {
        (Some(_), Some(Consistency::Linearizable)) => {
            let detail = "a read at a named commit is a snapshot; leave out at or consistency";
            Err(Problem::new(Code::InvalidParameter, detail))
        }
        (Some(_) | None, Some(Consistency::Snapshot) | None)
        | (None, Some(Consistency::Linearizable)) => Ok(()),
    }
}

/// The query of a read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadParams {
    at: Option<Boundary>,
    min_commit: Option<Boundary>,
    consistency: Option<Consistency>,
}

pub(crate) async fn get<N: NodePort, B: Payload>(
    State(api): State<Api<N>>,
    request: Request<B>,
) -> Result<Response, Problem> {
    let (head, _) = request.into_parts();
    let key = Key::of(&head.uri)?;
    let Params(ReadParams { at, min_commit, consistency }) = Params::of(&head.uri)?;
    let Deadline(deadline) = Deadline::of(&head.headers)?;
    check_view(at, consistency)?;
    let request = ReadRequest { key: key.bytes(), at, min_commit, consistency, deadline };
    let ReadAnswer { value, boundary, epoch, cluster, consistency } =
        api.port.read(request).await?;
    let view = view_headers(boundary, epoch, &cluster, consistency);
    match value {
        Some((version, value)) => {
            let content: [(HeaderName, String); 2] = [
                (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                (header::ETAG, format!("\"{version}\"")),
            ];
            Ok((view, content, value).into_response())
        }
        None => {
            let absent = Problem::new(Code::KeyNotFound, format!("no value at commit {boundary}"));
            Err(view.into_iter().fold(absent, |absent, (name, value)| absent.header(name, value)))
        }
    }
}
