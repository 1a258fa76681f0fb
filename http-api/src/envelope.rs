//! The envelope of every inspection answer: what was looked at stands beside what was seen.
//!
//! Keeps: OAPI-2, OAPI-5.

use std::borrow::Cow;

use aerodb_core::hash::ClusterId;
use aerodb_core::id::{Boundary, Epoch, NodeId, Seq};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};

/// Whether an answer shows the state of the moment or a view that the caller named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Snapshot {
    /// The moment of the answer.
    Live,
    /// A commit that the caller named.
    Explicit,
}

/// The state that an answer was taken from. Unknown is `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObservedAt {
    /// The cluster.
    pub cluster_id: Option<ClusterId>,
    /// The node that answers.
    pub node_id: NodeId,
    /// The current epoch by its ledger.
    pub epoch: Option<Epoch>,
    /// The acknowledged bound; in an explicit view, the commit that was named.
    pub commit_id: Option<Boundary>,
    /// The end of its authority ledger.
    pub ledger_seq: Option<Seq>,
    /// Whether the view is live or was named.
    pub snapshot: Snapshot,
}

/// An inspection answer. Serialises to the envelope of DESIGN section 8.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct View<T> {
    /// The state that it was taken from.
    #[serde(rename = "observed_at")]
    pub observed: ObservedAt,
    /// What was asked for.
    pub data: T,
    /// Facts that a reader must know to read the data rightly, for example what is missing.
    pub notes: Vec<String>,
}

impl<T> View<T> {
    /// An answer without notes.
    #[must_use]
    pub const fn new(observed: ObservedAt, data: T) -> Self {
        Self { observed, data, notes: Vec::new() }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "View_of_{T}")]
struct Envelope<'a, T> {
    /// `v1`.
    api_version: &'static str,
    /// The state that it was taken from.
    observed_at: &'a ObservedAt,
    /// What was asked for.
    data: &'a T,
    /// Facts that a reader must know to read the data rightly.
    notes: &'a [String],
}

impl<T: JsonSchema> JsonSchema for View<T> {
    fn schema_name() -> Cow<'static, str> {
        Envelope::<T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Envelope::<T>::json_schema(generator)
    }
}

impl<T: Serialize> Serialize for View<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { observed, data, notes } = self;
        Envelope { api_version: "v1", observed_at: observed, data, notes }.serialize(serializer)
    }
}

impl<T: Serialize> IntoResponse for View<T> {
    fn into_response(self) -> Response {
        json(&self)
    }
}

/// The answer of an operation that is no inspection: `{"data": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Answer_of_{T}")]
pub struct Answer<T> {
    /// What was done.
    pub data: T,
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        json(&self)
    }
}

fn json(value: &impl Serialize) -> Response {
    // A value of our own types with text keys always serialises.
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Body::from(bytes));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
