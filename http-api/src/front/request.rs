//! The next request of a connection, where it is one on a key that has arrived whole.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::Full;
use httparse::Status;

use crate::site::OnKey;

/// A head with more headers is not looked at here.
const HEADERS_MAX: usize = 16;
/// A head that is still incomplete with so many bytes is not waited for here.
const HEAD_BYTES_MAX: usize = 8 << 10;
/// A longer body is not looked at here.
const BODY_BYTES_MAX: usize = 16 << 10;

/// What a connection's unread bytes begin with.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // one at a time, taken apart at once: a box would be made for nothing
pub(super) enum Next {
    /// A whole request on one key; it has been taken off.
    Request(OnKey, Request<Full<Bytes>>),
    /// A head that may become one.
    Incomplete,
    /// Anything else.
    Other,
}

/// Takes the next request off the bytes. Total: what is not understood to the last header is
/// [`Next::Other`], and the bytes stay as they are.
pub(super) fn take(bytes: &mut BytesMut) -> Next {
    if bytes.is_empty() {
        return Next::Incomplete;
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Request::new(&mut headers);
    let head_bytes = match head.parse(bytes) {
        Ok(Status::Complete(head_bytes)) => head_bytes,
        Ok(Status::Partial) if bytes.len() < HEAD_BYTES_MAX => return Next::Incomplete,
        Ok(Status::Partial) | Err(_) => return Next::Other,
    };
    let Some((on_key, mut request, body_bytes)) = read_head(&head) else { return Next::Other };
    let whole = head_bytes + body_bytes;
    if bytes.len() < whole {
        // A body that comes late is waited for by its caller's deadline.
        return Next::Other;
    }
    *request.body_mut() = Full::new(Bytes::copy_from_slice(&bytes[head_bytes..whole]));
    bytes.advance(whole);
    Next::Request(on_key, request)
}

/// The request without its body, and how many bytes that has.
fn read_head(head: &httparse::Request<'_, '_>) -> Option<(OnKey, Request<Full<Bytes>>, usize)> {
    let method = match head.method? {
        "PUT" => Method::PUT,
        "GET" => Method::GET,
        "DELETE" => Method::DELETE,
        _ => return None,
    };
    if head.version != Some(1) {
        return None;
    }
    let (headers, body_bytes) = read_headers(head.headers)?;
    if body_bytes > 0 && method != Method::PUT {
        return None;
    }
    let mut request = Request::new(Full::default());
    *request.method_mut() = method;
    *request.uri_mut() = Uri::try_from(head.path?).ok()?;
    *request.headers_mut() = headers;
    Some((OnKey::of(&request)?, request, body_bytes))
}

/// The headers but for those that speak of the connection and the framing, and the length of the body. `None`
/// where these ask for anything but the usual.
fn read_headers(given: &[httparse::Header<'_>]) -> Option<(HeaderMap, usize)> {
    let (mut headers, mut length) = (HeaderMap::new(), None);
    for header in given {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("host") {
            // No answer depends on it.
        } else if is("content-length") {
            if length.replace(body_length(header.value)?).is_some() {
                return None;
            }
        } else if is("connection") {
            if !header.value.eq_ignore_ascii_case(b"keep-alive") {
                return None;
            }
        } else if is("transfer-encoding") || is("expect") || is("upgrade") {
            return None;
        } else {
            let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_bytes(header.value).ok()?);
        }
    }
    Some((headers, length.unwrap_or(0)))
}

fn body_length(digits: &[u8]) -> Option<usize> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let length: usize = std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()?;
    (length <= BODY_BYTES_MAX).then_some(length)
}

#[cfg(test)]
mod tests;
