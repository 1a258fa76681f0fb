//! `/v1/kv/{key}`.

use aerodb_core::id::Boundary;
use aerodb_core::wal::Op;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::view_headers::view_headers;
use crate::code::Code;
use crate::envelope::Answer;
use crate::extract::{Deadline, Key, NoParams, Params, Principal, conditions, read_bytes};
use crate::port::NodePort;
use crate::problem::Problem;
use crate::router::Api;
use crate::types::{Consistency, ReadAnswer, ReadRequest, Write, WriteKind, WriteReceipt, Written};

fn receipt(key: String, written: Written) -> Answer<WriteReceipt> {
    let Written { commit_id, epoch, durability } = written;
    Answer { data: WriteReceipt { key: Some(key), commit_id, epoch, durability } }
}

pub(crate) async fn put<N: NodePort>(
    State(api): State<Api<N>>,
    key: Key,
    Params(NoParams {}): Params<NoParams>,
    Deadline(deadline): Deadline,
    principal: Principal,
    headers: HeaderMap,
    body: Body,
) -> Result<Answer<WriteReceipt>, Problem> {
    let value = read_bytes(body, api.limits.value_bytes_max).await?;
    let bytes = key.bytes();
    let conditions = conditions(&headers, &bytes)?;
    let ops = vec![Op::Put { key: bytes, value }];
    let write = Write { kind: WriteKind::Put, conditions, ops, deadline, principal };
    Ok(receipt(key.0, api.port.write(write).await?))
}

pub(crate) async fn delete<N: NodePort>(
    State(api): State<Api<N>>,
    key: Key,
    Params(NoParams {}): Params<NoParams>,
    Deadline(deadline): Deadline,
    principal: Principal,
    headers: HeaderMap,
) -> Result<Answer<WriteReceipt>, Problem> {
    let bytes = key.bytes();
    let conditions = conditions(&headers, &bytes)?;
    let ops = vec![Op::Delete { key: bytes }];
    let write = Write { kind: WriteKind::Delete, conditions, ops, deadline, principal };
    Ok(receipt(key.0, api.port.write(write).await?))
}

/// The query of a read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadParams {
    at: Option<Boundary>,
    min_commit: Option<Boundary>,
    consistency: Option<Consistency>,
}

pub(crate) async fn get<N: NodePort>(
    State(api): State<Api<N>>,
    key: Key,
    Params(params): Params<ReadParams>,
    Deadline(deadline): Deadline,
) -> Result<Response, Problem> {
    let ReadParams { at, min_commit, consistency } = params;
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
