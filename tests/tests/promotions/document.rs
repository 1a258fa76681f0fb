//! `docs/promotions.md`, made from the tables.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use aerodb_core::rules::RuleId;
use aerodb_tests::golden;
use serde_json::Value;

use crate::table::{Row, Seen, Table};

const HEAD: &str = "\
# Every basis of a promotion, and every rule

Made by a run of the shipped binary, and kept fresh by the test that makes it: each basis is approved once, and each
of its rules is denied once. `AERODB_GOLDEN=write cargo test -p aerodb-tests --test promotions` writes it anew; the
whole explanations are in `tests/tests/promotions/golden/`.

A row says which rules it is about, what was done to the cluster before the question, what the answer was (with every
rule that did not hold, in the order of the explanation), and what the answer offered. Where no cluster can be brought
to break a rule, the row says why, and the same function was asked with the facts of the approved promotion, that one
changed.
";

/// Compares the document with what this run gives.
#[track_caller]
pub(crate) fn check(tables: &[Table]) {
    let mut text = HEAD.to_owned();
    for table in tables {
        add(&mut text, table);
    }
    text.push_str("\n## The rules\n\n| rule | what it says |\n| --- | --- |\n");
    for rule in rules(tables) {
        line(&mut text, &[rule.id(), rule.statement()]);
    }
    golden::fresh(Path::new("../docs/promotions.md"), &text);
}

/// Every rule that is named, in the order of the catalogue.
fn rules(tables: &[Table]) -> impl Iterator<Item = RuleId> {
    let rows = tables.iter().flat_map(|table| &table.rows);
    let named: BTreeSet<&str> = rows.flat_map(|row| row.rules.iter().copied()).collect();
    RuleId::ALL.iter().copied().filter(move |rule| named.contains(rule.id()))
}

fn line(text: &mut String, cells: &[&str]) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn add(text: &mut String, table: &Table) {
    let _ = write!(text, "\n## {}\n\n", table.title);
    line(text, &["rule", "what was done", "answer", "what could change it"]);
    line(text, &["---"; 4]);
    for row in &table.rows {
        let rules = if row.rules.is_empty() { "all hold".to_owned() } else { row.rules.join(", ") };
        line(text, &[&rules, &done(row), &conclusion(&row.explanation), &remedies(&row.remedies)]);
    }
}

fn done(row: &Row) -> String {
    match row.seen {
        Seen::OnTheBinary => row.done.to_owned(),
        Seen::Unreachable(why) => format!("*not reachable:* {}. Why not: {why}", row.done),
    }
}

fn text_of<'v>(value: &'v Value, what: &str) -> &'v str {
    value[what].as_str().unwrap_or_default()
}

fn conclusion(explanation: &Value) -> String {
    let conclusion = &explanation["conclusion"];
    match conclusion["reason"].as_str() {
        Some(reason) => format!("{}: {reason}", text_of(conclusion, "status")),
        None => text_of(conclusion, "status").to_owned(),
    }
}

/// Each action once, however many rules it is offered for.
fn remedies(remedies: &Value) -> String {
    let mut actions = Vec::new();
    for remedy in remedies.as_array().into_iter().flatten() {
        let node = remedy["node_id"].as_str().map(|node| format!(" on {node}")).unwrap_or_default();
        let (method, path) = (text_of(remedy, "method"), text_of(remedy, "path"));
        let action = format!("{}: `{method} {path}`{node}", text_of(remedy, "action"));
        if !actions.contains(&action) {
            actions.push(action);
        }
    }
    actions.join("; ")
}
