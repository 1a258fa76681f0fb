//! Tables that read well at 80 to 120 columns and grep well in a pipe: no lines, no colours.

use std::fmt::Display;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde_json::Value;

const WIDTH: u16 = 110;
const SHORT: usize = 12;

/// A table with a heading.
pub(super) struct Rows(Table);

impl Rows {
    /// An empty table with this heading.
    pub(super) fn new<const N: usize>(heading: [&str; N]) -> Self {
        Self::with_heading(&heading)
    }

    /// As [`Rows::new`], for as many columns as the heading has.
    pub(super) fn with_heading(heading: &[&str]) -> Self {
        let mut table = Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(WIDTH).set_header(heading);
        Self(table)
    }

    /// Adds a row of as many cells as there are columns.
    pub(super) fn push(&mut self, cells: Vec<String>) {
        self.0.add_row(cells);
    }

    /// Adds a row.
    pub(super) fn add<const N: usize>(&mut self, cells: [String; N]) {
        self.0.add_row(cells);
    }

    /// The text, without blanks at line ends.
    pub(super) fn render(mut self) -> String {
        for column in self.0.column_iter_mut() {
            column.set_padding((0, 2));
        }
        trimmed(&self.0.to_string())
    }
}

fn trimmed(text: &str) -> String {
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Names beside values, one a line.
pub(super) fn facts<const N: usize>(facts: [(&str, String); N]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = facts.iter().map(|(name, value)| format!("{name:width$}  {value}\n"));
    lines.collect()
}

/// A hash, key or digest as tables show it; JSON has it in full.
#[must_use]
pub fn short(hash: &impl Display) -> String {
    shortened(&hash.to_string())
}

fn shortened(text: &str) -> String {
    let head: String = text.chars().take(SHORT).collect();
    if head.len() < text.len() { head + "…" } else { head }
}

/// The value, or `-` for what is not known or not there.
pub(super) fn or_dash(value: Option<impl Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A JSON value on one line, without quotes where none are needed, hashes shortened.
pub(super) fn compact(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) if is_hash(text) => shortened(text),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(compact).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("{name}={}", compact(value))).collect();
            format!("{{{}}}", members.join(" "))
        }
    }
}

fn is_hash(text: &str) -> bool {
    (text.len() == 64 || text.len() == 128) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_has_no_lines_and_no_blanks_at_line_ends() {
        let mut rows = Rows::new(["NODE", "ADDRESS"]);
        rows.add(["n1".to_owned(), "http://127.0.0.1:7401".to_owned()]);
        rows.add(["longer".to_owned(), "-".to_owned()]);
        let expected = "NODE    ADDRESS\nn1      http://127.0.0.1:7401\nlonger  -\n";
        assert_eq!(rows.render(), expected);
    }

    #[test]
    fn a_long_cell_wraps_within_the_width() {
        let mut rows = Rows::new(["RULE", "EVIDENCE"]);
        rows.add(["P6-S1".to_owned(), "word ".repeat(60)]);
        let text = rows.render();
        assert!(text.lines().count() > 2);
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(WIDTH)), "{text}");
    }

    #[test]
    fn a_value_is_compact_and_its_hashes_are_short() {
        let hash = "ab".repeat(32);
        let value = json!({ "commit_id": 12, "chain": hash, "halt": null, "who": ["n1", "n2"] });
        assert_eq!(compact(&value), "{commit_id=12 chain=abababababab… halt=- who=[n1, n2]}");
    }
}
