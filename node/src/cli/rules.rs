//! `rules`: the catalogue that this program decides by. It needs no node.

use aerodb_core::rules::{RULESET, RuleId};
use aerodb_http_api::types::RuleView;
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
    let text = facts([
        ("rule", rule.to_string()),
        ("statement", rule.statement().to_owned()),
        ("source", rule.source().to_owned()),
        ("enforced in", rule.enforced_in().to_owned()),
    ]);
    Shown::new(&json!({ "ruleset": RULESET, "data": RuleView::from(rule) }), text)
}

fn all() -> Shown {
    let mut rows = Rows::new(["RULE", "STATEMENT"]);
    for rule in RuleId::ALL {
        rows.add([rule.to_string(), rule.statement().to_owned()]);
    }
    let data: Vec<RuleView> = RuleId::ALL.iter().copied().map(RuleView::from).collect();
    Shown::new(&json!({ "ruleset": RULESET, "data": data }), rows.render())
}
