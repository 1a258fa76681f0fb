//! One HTTP request as a user makes it.

use std::time::Duration;

use serde_json::Value;

/// Status, headers that matter, body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body as text.
    pub text: String,
    /// The body as JSON; `null` when it is none.
    pub body: Value,
    /// The media type.
    pub content_type: Option<String>,
    /// The `ETag` header.
    pub etag: Option<String>,
    /// The `AeroDB-Commit-Id` header: the read view.
    pub view: Option<u64>,
    /// The `AeroDB-Epoch` header.
    pub epoch: Option<u64>,
}

impl Answer {
    /// The stable error code; empty on success.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Asserts the status and gives the answer on.
    ///
    /// # Panics
    /// When it is another one.
    #[track_caller]
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Asserts status and error code.
    ///
    /// # Panics
    /// When they are others.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.text);
        let offered = self.body["remedies"].as_array().is_some_and(|them| !them.is_empty());
        assert!(self.body["rule"].is_null() || offered, "a dead end: {}", self.text);
    }
}

/// Sends a request; `None` when no answer comes.
#[must_use]
pub fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Option<Answer> {
    send_within(None, method, url, headers, body)
}

/// The same; `None` also when no answer comes in time. The request is sent once, on a connection of its own.
#[must_use]
pub fn send_within(
    patience: Option<Duration>,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Option<Answer> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None);
    let agent: ureq::Agent = config.timeout_global(patience).build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = match body {
        Some(bytes) => agent.run(request.body(bytes.to_vec()).expect("a request")),
        None => agent.run(request.body(()).expect("a request")),
    };
    let mut response = response.ok()?;
    let status = response.status().as_u16();
    let header = |name| response.headers().get(name)?.to_str().ok().map(str::to_owned);
    let (etag, content_type) = (header("etag"), header("content-type"));
    let number = |name| header(name)?.parse().ok();
    let (view, epoch) = (number("aerodb-commit-id"), number("aerodb-epoch"));
    let text = response.body_mut().read_to_string().ok()?;
    let body = serde_json::from_str(&text).unwrap_or_default();
    Some(Answer { status, text, body, content_type, etag, view, epoch })
}
