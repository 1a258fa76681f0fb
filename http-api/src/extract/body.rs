//! Request bodies, bounded. A body that is cut short or too long is read to no effect.

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use crate::code::Code;
use crate::problem::Problem;

/// How large request bodies may be, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// One value.
    pub value_bytes_max: usize,
    /// The JSON of a command.
    pub command_bytes_max: usize,
    /// The JSON of a transaction.
    pub txn_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { value_bytes_max: 1 << 20, command_bytes_max: 64 << 10, txn_bytes_max: 4 << 20 }
    }
}

/// Of a body that nobody wants, so much is read and thrown away, because a peer that is still sending
/// when the connection closes loses the answer.
const DRAIN_BYTES_MAX: usize = 8 << 20;

/// The whole body. One that arrived in one piece is not copied.
pub(crate) async fn read_bytes<B: HttpBody<Data = Bytes> + Unpin>(
    mut body: B,
    bytes_max: usize,
) -> Result<Bytes, Problem> {
    let too_large =
        || Problem::new(Code::TooLarge, format!("the body has more than {bytes_max} bytes"));
    if body.size_hint().lower() > bytes_max as u64 {
        drain(body).await;
        return Err(too_large());
    }
    let (mut whole, mut pieces) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            let detail = "the body ended before it was complete; nothing was done";
            Problem::new(Code::InvalidRequest, detail)
        })?;
        // Trailers carry nothing that we know.
        let piece = frame.into_data().unwrap_or_default();
        if whole.len() + pieces.len() + piece.len() > bytes_max {
            drain(body).await;
            return Err(too_large());
        }
        if whole.is_empty() && pieces.is_empty() {
            whole = piece;
            continue;
        }
        pieces.extend_from_slice(&std::mem::take(&mut whole));
        pieces.extend_from_slice(&piece);
    }
    Ok(if pieces.is_empty() { whole } else { pieces.freeze() })
}

/// Reads a body to its end, or to [`DRAIN_BYTES_MAX`], keeping nothing.
pub(crate) async fn drain<B: HttpBody<Data = Bytes> + Unpin>(mut body: B) {
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, Bytes::len);
        if bytes > DRAIN_BYTES_MAX {
            return;
        }
    }
}

/// The whole body as JSON. `T` must deny unknown fields.
pub(crate) async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<T, Problem> {
    let bytes = read_bytes(body, bytes_max).await?;
    check_media_type(headers, "application/json")?;
    serde_json::from_slice(&bytes).map_err(|error| invalid_json(&error))
}

/// The essence of the content type, its parameters left out.
pub(crate) fn check_media_type(headers: &HeaderMap, expected: &'static str) -> Result<(), Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = given.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(expected) {
        Ok(())
    } else {
        let detail = format!("the body must be sent as content-type {expected}");
        Err(Problem::new(Code::UnsupportedMediaType, detail))
    }
}

fn invalid_json(error: &serde_json::Error) -> Problem {
    let detail = error.to_string();
    if detail.starts_with("unknown field `force`") {
        let detail = "there is no force: an operation that is not proven safe is refused, and the \
                      explanation of the refusal names what could change it";
        return Problem::new(Code::InvalidRequest, detail);
    }
    Problem::new(Code::InvalidRequest, detail)
}
