//! Explanations as files.

use std::path::Path;

use aerodb_tests::golden::{compare, named};
use serde_json::Value;

/// Compares the explanation with the golden file of this name.
#[track_caller]
pub(crate) fn check(name: &str, explanation: &Value) {
    let text = serde_json::to_string_pretty(&named(explanation)).expect("JSON") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/failure_matrix/golden");
    compare(&path.join(format!("{name}.json")), &text);
}
