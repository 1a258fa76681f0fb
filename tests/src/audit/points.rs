//! The crash points, and the rows of the matrix that each belongs to: its documentation names them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use aerodb_ledger::crash::Point;

use super::AuditFault;
use super::marks::Marks;

/// Where the points are documented.
const FILE: &str = "ledger/src/crash.rs";

/// The names of the points, by row.
pub(super) type Points = BTreeMap<String, BTreeSet<&'static str>>;

/// Reads which row each point belongs to.
pub(super) fn by_row(root: &Path) -> Result<Points, AuditFault> {
    let text = fs::read_to_string(root.join(FILE))
        .map_err(|error| AuditFault::File { path: FILE.to_owned(), error })?;
    let names: BTreeMap<String, &'static str> =
        Point::ALL.iter().map(|point| (format!("{point:?},"), point.name())).collect();
    let (mut rows, mut cited) = (Points::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        if let Some(documentation) = line.strip_prefix("///") {
            cited.extend(rows_in(documentation));
            continue;
        }
        if let Some(name) = names.get(line) {
            for row in &cited {
                rows.entry(row.clone()).or_default().insert(*name);
            }
        }
        cited.clear();
    }
    Ok(rows)
}

fn rows_in(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter(|word| word.starts_with("M-")).map(str::to_owned)
}

/// The points that no test names.
pub(super) fn untested(marks: &Marks) -> impl Iterator<Item = &'static str> {
    Point::ALL.iter().map(|point| point.name()).filter(|name| !marks.quoted.contains_key(*name))
}
