//! Parameters in paths, queries and headers.

use schemars::JsonSchema;
use serde_json::{Value, json};

use super::schemas::Schemas;

/// The parameters of a query: the fields of the type that it is read into.
pub(super) fn query<T: JsonSchema>(schemas: &mut Schemas) -> Vec<Value> {
    let schema = schemas.written_out::<T>();
    let required = |name: &str| {
        let all = schema["required"].as_array();
        all.is_some_and(|names| names.iter().any(|it| it == name))
    };
    let fields = schema["properties"].as_object().into_iter().flatten();
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = without_null(schema.clone());
        let described = schema.as_object_mut().and_then(|it| it.shift_remove("description"));
        let mut parameter = json!({
            "name": name, "in": "query", "required": required(name), "schema": schema,
        });
        if let Some(description) = described {
            parameter["description"] = description;
        }
        parameter
    };
    fields.map(parameter).collect()
}

/// In a query, absent is absent: there is no `null`.
fn without_null(mut schema: Value) -> Value {
    if let Some(kinds) = schema["type"].as_array() {
        let kind = kinds.iter().find(|kind| *kind != "null").cloned();
        schema["type"] = kind.unwrap_or_default();
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        let some = choices.iter().find(|choice| choice["type"] != "null").cloned();
        let described = schema.get("description").cloned();
        schema = some.unwrap_or_default();
        if let Some(description) = described {
            schema["description"] = description;
        }
    }
    if let Some(fields) = schema.as_object_mut() {
        fields.retain(|name, value| !(value.is_null() && (name == "default" || name == "type")));
    }
    schema
}

/// A parameter in the path.
pub(super) fn path<T: JsonSchema>(schemas: &mut Schemas, name: &str, says: &str) -> Value {
    let schema = schemas.read::<T>();
    json!({ "name": name, "in": "path", "required": true, "description": says, "schema": schema })
}

/// A key, which may span segments.
pub(super) fn key() -> Value {
    json!({
        "name": "key", "in": "path", "required": true,
        "description": "UTF-8, 1 to 1,024 bytes, percent-encoded; slashes may stand as they are.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 1024 },
    })
}

fn header(name: &str, says: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "header", "required": false, "description": says, "schema": schema })
}

/// When the caller wants to be answered.
pub(super) fn deadline() -> Value {
    let says =
        "When the caller wants to be answered, in milliseconds. It never shapes what happens.";
    let schema = json!({ "type": "integer", "minimum": 1, "maximum": 600_000, "default": 30_000 });
    header("AeroDB-Deadline-Ms", says, &schema)
}

/// The conditions of a write.
pub(super) fn conditions() -> [Value; 2] {
    let text = json!({ "type": "string" });
    [
        header(
            "If-Match",
            "`\"<commit>\"` of the version that must be there, or `*` for any.",
            &text,
        ),
        header("If-None-Match", "`*`: the key must have no value.", &text),
    ]
}

/// Where a stream of events is taken up again.
pub(super) fn last_event_id() -> Value {
    let schema = json!({ "type": "integer", "minimum": 0 });
    header("Last-Event-ID", "The last event that the client has.", &schema)
}
