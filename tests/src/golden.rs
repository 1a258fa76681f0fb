//! Golden explanations: what differs between two clusters by nature is numbered, all the rest is compared.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// The explanation with every hash replaced by a number, the same for the same hash.
fn numbered(value: &Value, seen: &mut BTreeMap<String, usize>) -> Value {
    match value {
        Value::String(text) if is_hash(text) => {
            let next = seen.len() + 1;
            Value::String(format!("<hash {}>", seen.entry(text.clone()).or_insert(next)))
        }
        Value::Array(items) => items.iter().map(|item| numbered(item, seen)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), numbered(value, seen)));
            Value::Object(fields.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Compares with the golden file, or writes it when `AERODB_RENDER_GOLDEN` is set.
///
/// # Panics
/// When they differ.
#[track_caller]
pub fn assert_golden(path: impl AsRef<Path>, explanation: &Value) {
    let path = path.as_ref();
    let found = numbered(explanation, &mut BTreeMap::new());
    let found = serde_json::to_string_pretty(&found).expect("JSON") + "\n";
    if std::env::var_os("AERODB_RENDER_GOLDEN").is_some() {
        std::fs::write(path, &found).expect("a golden file");
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(golden, found, "{}; AERODB_RENDER_GOLDEN=1 writes it anew", path.display());
}
