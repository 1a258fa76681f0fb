//! An answer's bytes, as hyper writes them.

use std::io::Write;

use axum::response::Response;
use http_body_util::BodyExt;

use super::date::write_date;

/// Whether the connection goes on after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    KeepAlive,
    Close,
}

/// Appends the answer, which has a body of known length. One whose body cannot be had appends nothing.
pub(super) async fn write_answer(
    answer: Response,
    after: After,
    out: &mut Vec<u8>,
) -> Result<(), axum::Error> {
    let (head, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    let reason = head.status.canonical_reason().unwrap_or("<none>");
    for part in ["HTTP/1.1 ", head.status.as_str(), " ", reason, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    for (name, value) in &head.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    if after == After::Close {
        out.extend_from_slice(b"connection: close\r\n");
    }
    // Nothing that is written to a vector fails.
    let _ = write!(out, "content-length: {}\r\ndate: ", body.len());
    write_date(out);
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(&body);
    Ok(())
}
