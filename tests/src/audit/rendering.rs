//! The table as files: for people, for programs, and for the binary.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use aerodb_core::rules::RuleId;
use serde_json::{Value, json};

use super::table::counts;
use super::{Audit, AuditFault, Place, Row, Standing};

/// The files that are made of an audit, with their paths in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendering {
    files: [(&'static str, String); 3],
}

/// A cell lists so many places; the JSON beside has all of them.
const LISTED_MAX: usize = 4;

const HEAD: &str = "# Traceability

Every rule of the documents that AeroDB is built from, and every row of the crash matrix: where it is enforced, and
what proves it. Made from the code by `cargo run -p aerodb-tests --bin audit`, and checked fresh by the suite;
[AUDIT.json](AUDIT.json) holds the same, whole. The rules stand in [rules.toml](rules.toml).

Code says in its documentation what it keeps (`Keeps: P3-FS5.`), or names the rule that it decides by; a test says
what it proves (`Proves: P3-FS5.`), begins its name with the id, or compares with it. An id stands for all of its parts.
*Held by others* means that a rule restates others; it is as open as they are. *Open* means that the enforcement, the
proof, or the golden explanation is missing.
";

impl Rendering {
    /// Renders an audit.
    #[must_use]
    pub fn of(audit: &Audit) -> Self {
        Self {
            files: [
                ("docs/AUDIT.md", markdown(audit)),
                ("docs/AUDIT.json", lines(audit.rows.iter().map(whole))),
                ("http-api/src/types/evidence.json", served(audit)),
            ],
        }
    }

    /// The files in the repository that are not what they would be now.
    #[must_use]
    pub fn stale(&self, root: &Path) -> Vec<&'static str> {
        let differs = |(path, text): &&(&'static str, String)| {
            fs::read_to_string(root.join(path)).ok().as_ref() != Some(text)
        };
        self.files.iter().filter(differs).map(|(path, _)| *path).collect()
    }

    /// Writes the files.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write(&self, root: &Path) -> Result<(), AuditFault> {
        for (path, text) in &self.files {
            fs::write(root.join(path), text)
                .map_err(|error| AuditFault::File { path: (*path).to_owned(), error })?;
        }
        Ok(())
    }
}

/// A JSON array with one element a line, so that a change shows as one.
fn lines(values: impl Iterator<Item = Value>) -> String {
    let lines: Vec<_> = values.map(|value| value.to_string()).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

fn standing(row: &Row) -> &'static str {
    match row.standing {
        Standing::Held => "held",
        Standing::HeldBy => "held by others",
        Standing::NotApplicable => "not applicable",
        Standing::Open { .. } => "open",
    }
}

fn whole(row: &Row) -> Value {
    let Row { rule, code, tests, points, goldens, standing: how } = row;
    let missing = match how {
        Standing::Open { missing } => missing.clone(),
        Standing::Held | Standing::HeldBy | Standing::NotApplicable => Vec::new(),
    };
    json!({
        "rule": rule.id, "kind": rule.kind, "source": rule.source, "statement": rule.statement,
        "standing": standing(row), "missing": missing, "held_by": rule.held_by,
        "not_applicable": rule.not_applicable, "rules": rule.rules,
        "code": code, "tests": tests, "crash_points": points, "golden_files": goldens,
    })
}

/// Of the program's own rules, where each is enforced and what proves it: what `/v1/rules` shows.
fn served(audit: &Audit) -> String {
    let rows: BTreeMap<_, _> = audit.rows.iter().map(|row| (row.rule.id.as_str(), row)).collect();
    let places = |id: &str| -> (BTreeSet<Place>, BTreeSet<Place>) {
        // A rule whose parts stand in the documents has the places of all of them.
        let parts = rows
            .values()
            .filter(|row| row.rule.id == id || row.rule.id.starts_with(&format!("{id}.")));
        parts.fold(Default::default(), |(mut code, mut tests), row| {
            code.extend(row.code.iter().cloned());
            tests.extend(row.tests.iter().cloned());
            (code, tests)
        })
    };
    let entry = |rule: &RuleId| {
        let (code, tests) = places(rule.id());
        let entry = json!({ "enforced_by": code, "proved_by": tests });
        format!("{}: {entry}", json!(rule.id()))
    };
    let entries: Vec<_> = RuleId::ALL.iter().map(entry).collect();
    format!("{{\n{}\n}}\n", entries.join(",\n"))
}

fn markdown(audit: &Audit) -> String {
    let mut text = HEAD.to_owned();
    text += "\n| standing | rules |\n| --- | --- |\n";
    for (name, count) in counts(&audit.rows) {
        let _ = writeln!(text, "| {name} | {count} |");
    }
    let _ = writeln!(text, "| all | {} |", audit.rows.len());
    holes(&mut text, audit);
    let mut document = "";
    for row in &audit.rows {
        let of = row.rule.source.split([' ', ';', ',']).next().unwrap_or_default();
        if of != document {
            document = of;
            let _ = write!(
                text,
                "\n## {document}\n\n| rule | says | where and how |\n| --- | --- | --- |\n"
            );
        }
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            row.rule.id,
            cell(&row.rule.statement),
            cell(&how(row))
        );
    }
    text
}

fn holes(text: &mut String, audit: &Audit) {
    let holes: Vec<_> = audit.holes().filter(|row| row.rule.held_by.is_empty()).collect();
    if holes.is_empty() {
        return;
    }
    let _ = write!(text, "\n## Open\n\n{} rules are open", audit.holes().count());
    text.push_str(
        ", these and those that restate them:\n\n| rule | missing | why |\n| --- | --- | --- |\n",
    );
    for row in holes {
        let Standing::Open { missing } = &row.standing else { continue };
        let why = row.rule.open.as_deref().unwrap_or_default();
        let _ = writeln!(text, "| {} | {} | {} |", row.rule.id, missing.join(", "), cell(why));
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn how(row: &Row) -> String {
    if let Some(why) = &row.rule.not_applicable {
        return format!("*Not applicable.* {why}");
    }
    let mut parts = Vec::new();
    if let Standing::Open { .. } = row.standing {
        parts.push("**open**".to_owned());
    }
    if !row.rule.held_by.is_empty() {
        parts.push(format!("held by {}", row.rule.held_by.join(", ")));
    }
    if row.rule.is_row() && !row.rule.rules.is_empty() {
        parts.push(format!("about {}", row.rule.rules.join(", ")));
    }
    let listed = [
        ("code", texts(&row.code)),
        ("tests", texts(&row.tests)),
        ("crash points", texts(&row.points)),
        ("golden", texts(&row.goldens)),
    ];
    parts.extend(
        listed
            .into_iter()
            .filter(|(_, texts)| !texts.is_empty())
            .map(|(name, texts)| format!("{name}: {}", few(&texts))),
    );
    parts.join("<br>")
}

fn texts<T: ToString>(values: &BTreeSet<T>) -> Vec<String> {
    values.iter().map(|value| format!("`{}`", value.to_string())).collect()
}

fn few(texts: &[String]) -> String {
    let shown = texts[..texts.len().min(LISTED_MAX)].join(", ");
    match texts.len().saturating_sub(LISTED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
