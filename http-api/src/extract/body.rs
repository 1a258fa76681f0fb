//! Request bodies, bounded in length and in time. A body that is cut short, too long or too late is read to no
//! effect.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Frame;
use serde::de::DeserializeOwned;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout, timeout_at};

use crate::code::Code;
use crate::extract::Deadline;
use crate::problem::Problem;

/// A body of whichever kind the connection or the router gives.
pub(crate) trait Payload: HttpBody<Data = Bytes> + Unpin + Send + 'static {}

impl<B: HttpBody<Data = Bytes> + Unpin + Send + 'static> Payload for B {}

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

/// And for so long.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

/// The whole body, which must have arrived by the deadline. One that arrived in one piece is not copied.
///
/// # Errors
/// `TOO_LARGE`, at once where the head says so; `INVALID_REQUEST` for a body that ends or stalls too early.
pub(crate) async fn read_bytes<B: Payload>(
    mut body: B,
    bytes_max: usize,
    Deadline(deadline): Deadline,
) -> Result<Bytes, Problem> {
    let too_large =
        || Problem::new(Code::TooLarge, format!("the body has more than {bytes_max} bytes"));
    if body.size_hint().lower() > bytes_max as u64 {
        drain(body);
        return Err(too_large());
    }
    let until = Instant::now() + deadline;
    let (mut whole, mut pieces) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = next(&mut body, until).await? {
        // Trailers carry nothing that we know.
        let piece = frame.into_data().unwrap_or_default();
        if whole.len() + pieces.len() + piece.len() > bytes_max {
            drain(body);
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

/// The next piece of a body; `None` at its end.
async fn next<B: Payload>(body: &mut B, until: Instant) -> Result<Option<Frame<Bytes>>, Problem> {
    let frame = match first_look(body).await {
        Poll::Ready(frame) => frame,
        Poll::Pending => {
            // What came with the head is handed over when the connection looks again: only a body that is
            // really waited for costs a timer.
            yield_now().await;
            timeout_at(until, body.frame()).await.map_err(|_| stalled())?
        }
    };
    frame.transpose().map_err(|_| {
        let detail = "the body ended before it was complete; nothing was done";
        Problem::new(Code::InvalidRequest, detail)
    })
}

/// Whether there is a piece already.
async fn first_look<B: Payload>(body: &mut B) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
    poll_fn(|context| Poll::Ready(Pin::new(&mut *body).poll_frame(context))).await
}

/// What comes late belongs to no request any more, so the connection ends.
fn stalled() -> Problem {
    let detail = "the body did not arrive before the deadline; nothing was done";
    Problem::new(Code::InvalidRequest, detail)
        .header(header::CONNECTION, HeaderValue::from_static("close"))
}

/// Reads on, beside the answer, a body that nobody wants: to its end, to [`DRAIN_BYTES_MAX`], or for
/// [`DRAIN_TIME_MAX`]; keeping nothing.
pub(crate) fn drain<B: Payload>(mut body: B) {
    if body.is_end_stream() {
        return;
    }
    let to_the_end = async move {
        let mut bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > DRAIN_BYTES_MAX {
                return;
            }
        }
    };
    tokio::spawn(timeout(DRAIN_TIME_MAX, to_the_end));
}

/// The whole body as JSON. `T` must deny unknown fields.
pub(crate) async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
    deadline: Deadline,
) -> Result<T, Problem> {
    let bytes = read_bytes(body, bytes_max, deadline).await?;
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
