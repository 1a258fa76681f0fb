//! RFC 9457 problem details: the one shape of every error on the wire.
//!
//! Keeps: OAPI-9.

use aerodb_core::explain::{Explanation, Remedy};
use aerodb_core::hash::Hash;
use aerodb_core::id::{Address, CommitId, Epoch, NodeId, PromotionId};
use aerodb_core::rules::RuleId;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::code::Code;
use crate::types::{FailedCondition, RemedyView};

/// The media type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// One refusal or failure, as it is sent and as the client receives it. Boxed inside, because it travels
/// in the `Err` of every port method.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem(Box<ProblemBody>);

/// The members of a [`Problem`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemBody {
    /// `urn:aerodb:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the code means, the same text for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, for people.
    pub detail: String,
    /// The stable code.
    pub code: Code,
    /// The rule that stands against the request, where one applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
    /// The explanation, where there was a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Value>,
    /// What an operator can do about it, where there was a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedies: Option<Vec<RemedyView>>,
    /// Members of this code alone, for example `holder`, `commit_id`, `failed`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
    /// Headers beside the body.
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem with its code's own title and status.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(ProblemBody {
            kind: format!("urn:aerodb:problem:{code}"),
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            detail: detail.into(),
            code,
            rule: None,
            explanation: None,
            remedies: None,
            extra: Map::new(),
            headers: Vec::new(),
        }))
    }

    /// Names the rule that stands against the request, with what could change the answer: a refusal that a rule
    /// made is never a dead end. None only where the reader can do nothing, which the caller says why.
    #[must_use]
    pub fn rule(mut self, rule: RuleId, remedies: Vec<Remedy>) -> Self {
        self.0.rule = Some(rule);
        self.remedies(remedies)
    }

    /// Attaches the decision: its explanation, its first failed rule and what could change the answer.
    #[must_use]
    pub fn explained(mut self, explanation: &Explanation, remedies: Vec<Remedy>) -> Self {
        self.0.rule = explanation.first_failed().or(self.0.rule);
        self.0.explanation = Some(aerodb_core::explain_value(explanation));
        self.0.remedies = Some(remedies.into_iter().map(RemedyView::from).collect());
        self
    }

    /// Adds a member of this code alone; a value of our own types always serialises.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        self.0.extra.insert(name.to_owned(), aerodb_core::explain_value(&value));
        self
    }

    /// Answers with another status than the code's own; for health probes, which know 200 and 503 only.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.0.status = status.as_u16();
        self
    }

    /// Adds a header beside the body.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Says what could change the answer, where there was no decision to explain and no rule to name.
    #[must_use]
    pub fn remedies(mut self, remedies: Vec<Remedy>) -> Self {
        self.0.remedies = Some(remedies.into_iter().map(RemedyView::from).collect());
        self
    }

    /// `NOT_HOLDER`: names the holder by the ledger and where it is reached; unknown is `null`.
    #[must_use]
    pub fn not_holder(holder: Option<&NodeId>, address: Option<&Address>) -> Self {
        let name = holder.map_or("unknown", NodeId::as_str);
        Self::new(Code::NotHolder, format!("the holder is {name}"))
            .with("holder", holder)
            .with("address", address)
    }

    /// `NOT_ACKNOWLEDGED`: the write is in the log under this commit id and its fate is open.
    #[must_use]
    pub fn not_acknowledged(commit_id: CommitId, epoch: Epoch, detail: impl Into<String>) -> Self {
        Self::new(Code::NotAcknowledged, detail).with("commit_id", commit_id).with("epoch", epoch)
    }

    /// `PRECONDITION_FAILED`: lists each condition that does not hold with what is there instead.
    #[must_use]
    pub fn precondition_failed(failed: &[FailedCondition]) -> Self {
        let detail = format!("{} of the conditions do not hold", failed.len());
        Self::new(Code::PreconditionFailed, detail).with("failed", failed)
    }

    /// `DECISION_MOVED`: something that the decision reads is not what the dry run saw; nothing was done.
    #[must_use]
    pub fn decision_moved(expected: Hash, found: Hash) -> Self {
        Self::new(
            Code::DecisionMoved,
            format!("the dry run's digest is {expected}, now it is {found}"),
        )
        .with("expected_digest", expected)
        .with("digest", found)
    }

    /// `PROMOTION_DENIED`. An attempt has an id; a dry run has none.
    #[must_use]
    pub fn promotion_denied(
        promotion_id: Option<&PromotionId>,
        explanation: &Explanation,
        remedies: Vec<Remedy>,
    ) -> Self {
        let reason = explanation.conclusion.reason.as_deref().unwrap_or("undetermined");
        let problem = Self::new(Code::PromotionDenied, format!("not proven: {reason}"))
            .explained(explanation, remedies)
            .with("outcome", "denied");
        match promotion_id {
            Some(id) => problem.with("promotion_id", id),
            None => problem.with("dry_run", true),
        }
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// All members.
    #[must_use]
    pub fn body(&self) -> &ProblemBody {
        &self.0
    }

    /// Reads a problem as a peer sent it; `None` when the bytes are none.
    #[must_use]
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().map(|body| Self(Box::new(body)))
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.detail)?;
        match self.0.rule {
            Some(rule) => write!(f, " ({rule})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or_else(|_| self.0.code.status());
        // A value of our own types with text keys always serialises.
        let bytes = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], bytes).into_response();
        response.headers_mut().extend(self.0.headers);
        response
    }
}
