//! What one operation takes and gives.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::code::Code;
use crate::problem::PROBLEM_JSON;

/// The media type of most bodies.
pub(super) const JSON: &str = "application/json";

/// Parameters, body, answers and refusals of one operation.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<(&'static str, Value)>,
    answers: Vec<(u16, Value)>,
    refusals: BTreeMap<u16, Vec<Code>>,
}

impl Described {
    /// An operation that refuses with these codes, each with its own status.
    pub(super) fn refusing(codes: &[Code]) -> Self {
        let mut refusals: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
        for code in codes {
            refusals.entry(code.status().as_u16()).or_default().push(*code);
        }
        Self { parameters: Vec::new(), body: None, answers: Vec::new(), refusals }
    }

    /// It refuses with these codes too.
    pub(super) fn refusing_too(mut self, codes: &[Code]) -> Self {
        for code in codes {
            let known = self.refusals.entry(code.status().as_u16()).or_default();
            if !known.contains(code) {
                known.push(*code);
            }
        }
        self
    }

    /// It refuses with these codes too, all of them with this status.
    pub(super) fn refusing_with(mut self, status: u16, codes: &[Code]) -> Self {
        self.refusals.entry(status).or_default().extend(codes);
        self
    }

    pub(super) fn taking(mut self, parameters: impl IntoIterator<Item = Value>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    pub(super) fn reading(mut self, media_type: &'static str, schema: Value) -> Self {
        self.body = Some((media_type, schema));
        self
    }

    /// It answers JSON of this schema.
    pub(super) fn giving(self, schema: &Value) -> Self {
        self.answering(200, "What was asked for.", &[JSON], schema)
    }

    /// The same with 202 when it goes on without the caller.
    pub(super) fn giving_later(self, schema: &Value) -> Self {
        self.giving(schema).answering(
            202,
            "Durable here, or begun, and not over yet when the caller's deadline passed.",
            &[JSON],
            schema,
        )
    }

    pub(super) fn answering(
        mut self,
        status: u16,
        says: &str,
        media_types: &[&str],
        schema: &Value,
    ) -> Self {
        let mut answer = json!({ "description": says });
        for media_type in media_types {
            answer["content"][*media_type] = json!({ "schema": schema });
        }
        self.answers.push((status, answer));
        self
    }

    /// The same answer in other forms.
    pub(super) fn also(mut self, media_types: &[&str], schema: &Value) -> Self {
        for (_, answer) in &mut self.answers {
            for media_type in media_types {
                answer["content"][*media_type] = json!({ "schema": schema });
            }
        }
        self
    }

    /// Adds headers to the answers so far: the read view that they were taken from.
    pub(super) fn of_a_view(mut self) -> Self {
        let headers = view_headers();
        for (_, answer) in &mut self.answers {
            answer["headers"] = headers.clone();
        }
        self
    }

    /// The answer to a read of one key carries the version too.
    pub(super) fn with_etag(mut self) -> Self {
        for (_, answer) in &mut self.answers {
            answer["headers"]["ETag"] = json!({
                "description": "The commit of the version, quoted.", "schema": { "type": "string" },
            });
        }
        self
    }

    /// Answers and refusals, by status.
    pub(super) fn responses(&self) -> Value {
        let mut responses = Map::new();
        for (status, answer) in &self.answers {
            responses.insert(status.to_string(), answer.clone());
        }
        for (status, codes) in &self.refusals {
            responses.insert(status.to_string(), refusal(codes));
        }
        responses.into()
    }
}

fn view_headers() -> Value {
    let number = json!({ "type": "integer", "minimum": 0 });
    json!({
        "AeroDB-Commit-Id": { "description": "The read view.", "schema": number },
        "AeroDB-Epoch": { "description": "The current epoch.", "schema": number },
        "AeroDB-Cluster-Id": { "description": "The cluster.", "schema": { "type": "string" } },
        "AeroDB-Consistency": {
            "description": "How fresh it is.",
            "schema": { "type": "string", "enum": ["linearizable", "snapshot"] },
        },
    })
}

fn refusal(codes: &[Code]) -> Value {
    let names: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
    let says: Vec<_> =
        codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.title())).collect();
    json!({
        "description": says.join("\n\n"),
        "content": { PROBLEM_JSON: { "schema": {
            "allOf": [{ "$ref": "#/components/schemas/ProblemBody" }],
            "properties": { "code": { "enum": names } },
        } } },
    })
}
