//! The explanations of this matrix, as files beside it.

use serde_json::Value;

/// Compares the explanation with the golden file of this name.
#[track_caller]
pub(crate) fn check(name: &str, explanation: &Value) {
    aerodb_tests::golden::check("tests/failure_matrix/golden", name, explanation);
}
