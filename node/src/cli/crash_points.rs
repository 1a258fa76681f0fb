//! `crash-points`: the places that a test can name.

use aerodb_ledger::crash::Point;
use serde_json::json;

use crate::cli::Shown;

/// One a line.
pub(super) fn list() -> Shown {
    let names: Vec<_> = Point::ALL.iter().map(Point::to_string).collect();
    Shown::new(&json!({ "data": names }), names.join("\n"))
}
