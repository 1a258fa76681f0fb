//! What is answered to bytes that are no HTTP. hyper answers them itself, with a status alone, before any handler
//! is asked; here its answer gets the problem document that every other error has.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::http::StatusCode;
use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::code::Code;
use crate::problem::{PROBLEM_JSON, Problem};

/// A stream whose answers without a body, if they are errors, leave with one.
#[derive(Debug)]
pub(crate) struct Answering<S> {
    stream: S,
    /// What is written instead of what hyper gave, and how much that was.
    instead: Option<(Bytes, usize)>,
}

impl<S> Answering<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Self { stream, instead: None }
    }
}

/// The status of an error that is a head and nothing else. No handler of ours answers so.
fn bodiless_error(written: &[u8]) -> Option<StatusCode> {
    let status = written.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5))?;
    let is_error = status[0] == b'4' && written.ends_with(b"\r\n\r\n");
    let empty = b"\r\ncontent-length: 0\r\n";
    let is_bodiless = is_error && written.windows(empty.len()).any(|window| window == empty);
    is_bodiless.then(|| StatusCode::from_bytes(status).ok())?
}

/// The whole answer, after which hyper closes the connection.
fn answer(status: StatusCode) -> Bytes {
    let code = match status {
        StatusCode::URI_TOO_LONG | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Code::TooLarge,
        _ => Code::InvalidRequest,
    };
    let detail = match code {
        Code::TooLarge => "the head of the request is too large; nothing was done",
        _ => "what was sent is no HTTP/1.1 request; nothing was done",
    };
    let problem = Problem::new(code, detail).status(status);
    // A value of our own types with text keys always serialises.
    let body = serde_json::to_string(problem.body()).unwrap_or_default();
    let length = body.len();
    Bytes::from(format!(
        "HTTP/1.1 {status}\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    ))
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Answering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        written: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.instead.is_none() {
            let Some(status) = bodiless_error(written) else {
                return Pin::new(&mut this.stream).poll_write(context, written);
            };
            this.instead = Some((answer(status), written.len()));
        }
        let Some((rest, given)) = &mut this.instead else { return Poll::Ready(Ok(0)) };
        while rest.has_remaining() {
            let sent = ready!(Pin::new(&mut this.stream).poll_write(context, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            rest.advance(sent);
        }
        let given = *given;
        this.instead = None;
        Poll::Ready(Ok(given))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            // A head alone.
            [head] => self.poll_write(context, head),
            _ => Pin::new(&mut self.stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Answering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}
