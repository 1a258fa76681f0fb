//! One request, one answer.

use std::error::Error as _;
use std::time::Duration;

use aerodb_core::id::Address;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderName};
use hyper::http::request::Builder;
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::ClientError;
use crate::envelope::Answer;
use crate::problem::Problem;

/// The most that is read of one answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Below the server's own, so that a connection is not reused in the moment that it is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// What stands for itself in a path segment or a query.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// A query from pairs; empty for none.
pub(super) fn query(pairs: &[(&str, Option<String>)]) -> String {
    let given = pairs.iter().filter_map(|(name, value)| {
        value.as_ref().map(|value| format!("{name}={}", encoded(value)))
    });
    let text = given.collect::<Vec<_>>().join("&");
    if text.is_empty() { text } else { format!("?{text}") }
}

/// A client of one node. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    address: Address,
    deadline: Option<Duration>,
    http: legacy::Client<HttpConnector, Full<Bytes>>,
}

/// An answer with its status already found to be a success.
pub(super) struct Received {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Client {
    /// A client of the node at `address`. Nothing is connected yet.
    #[must_use]
    pub fn new(address: Address) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let http = legacy::Client::builder(TokioExecutor::new())
            .retry_canceled_requests(false)
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        Self { address, deadline: None, http }
    }

    /// The same client, asking to be answered within `deadline` (sent as `AeroDB-Deadline-Ms`).
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The node that it talks to.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// The answer of any GET route, as JSON: everything that this client has no method for.
    ///
    /// # Errors
    /// [`ClientError`]; a refusal is [`ClientError::Problem`].
    pub async fn get_json(&self, path: &str) -> Result<Value, ClientError> {
        self.get(path).await
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let received = self.send(Method::GET, path, &[], Bytes::new()).await?;
        self.parse(&received.body)
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| self.protocol(&error.to_string()))?;
        let json = [(CONTENT_TYPE, "application/json".to_owned())];
        let received = self.send(Method::POST, path, &json, Bytes::from(body)).await?;
        self.parse::<Answer<T>>(&received.body).map(|answer| answer.data)
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, String)],
        body: Bytes,
    ) -> Result<Received, ClientError> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.address));
        if let Some(deadline) = self.deadline {
            request = request.header("aerodb-deadline-ms", deadline.as_millis().to_string());
        }
        let request = headers.iter().fold(request, |request: Builder, (name, value)| {
            request.header(name.clone(), value.as_str())
        });
        let request =
            request.body(Full::new(body)).map_err(|error| self.protocol(&error.to_string()))?;
        let response = self.http.request(request).await.map_err(|error| self.transport(&error))?;
        receive(&self.address, response, ANSWER_BYTES_MAX).await
    }

    pub(super) fn parse<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(body).map_err(|error| self.protocol(&error.to_string()))
    }

    pub(super) fn protocol(&self, what: &str) -> ClientError {
        ClientError::Protocol { address: self.address.clone(), what: what.to_owned() }
    }

    fn transport(&self, error: &legacy::Error) -> ClientError {
        let (address, cause) = (self.address.clone(), root_cause(error));
        if error.is_connect() {
            ClientError::Unreachable { address, cause }
        } else {
            ClientError::Interrupted { address, cause }
        }
    }
}

/// The innermost cause, which is the one that says something.
pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Reads the whole answer, and tells a refusal from a success.
pub(super) async fn receive(
    address: &Address,
    response: Response<Incoming>,
    bytes_max: usize,
) -> Result<Received, ClientError> {
    let (parts, body) = response.into_parts();
    let collected = Limited::new(body, bytes_max).collect().await;
    let body = collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
        let address = address.clone();
        match error.downcast::<hyper::Error>() {
            Ok(error) => {
                let cause = error.source().map_or_else(|| error.to_string(), root_cause);
                ClientError::Interrupted { address, cause: format!("the body was cut: {cause}") }
            }
            Err(_) => {
                let what = format!("the body has more than {bytes_max} bytes");
                ClientError::Protocol { address, what }
            }
        }
    })?;
    if parts.status.is_success() {
        return Ok(Received { headers: parts.headers, body });
    }
    Err(Problem::from_json(&body).map_or_else(
        || ClientError::Protocol {
            address: address.clone(),
            what: format!("status {} without problem details", parts.status),
        },
        ClientError::Problem,
    ))
}
