//! `rules`: the catalogue that this program decides by. It needs no node.

use aerodb_core::rules::{RULESET, RuleId};
use aerodb_http_api::types::{RuleView, SourcePlace};
use clap::Args;
use serde_json::json;

use crate::cli::table::{Rows, facts};
use crate::cli::{Failure, Shown};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Rules {
    /// Only this rule, in full.
    rule: Option<RuleId>,
}

impl Rules {
    pub(super) fn run(self) -> Result<Shown, Failure> {
        Ok(self.rule.map_or_else(all, one))
    }
}

fn one(rule: RuleId) -> Shown {
    let view = RuleView::from(rule);
    let head = facts([
        ("rule", rule.to_string()),
        ("statement", view.statement.clone()),
        ("source", view.source.clone()),
        ("enforced in", view.enforced_in.clone()),
    ]);
    let (code, tests) = (lines(&view.enforced_by), lines(&view.proved_by));
    let text = format!("{head}\nenforced by\n{code}\nproved by\n{tests}");
    Shown::new(&json!({ "ruleset": RULESET, "data": view }), text)
}

/// One place a line.
fn lines(places: &[SourcePlace]) -> String {
    places.iter().map(|SourcePlace { file, item }| format!("  {file}  {item}\n")).collect()
}

fn all() -> Shown {
    let mut rows = Rows::new(["RULE", "STATEMENT"]);
    for rule in RuleId::ALL {
        rows.add([rule.to_string(), rule.statement().to_owned()]);
    }
    let data: Vec<RuleView> = RuleId::ALL.iter().copied().map(RuleView::from).collect();
    Shown::new(&json!({ "ruleset": RULESET, "data": data }), rows.render())
}
