//! `/v1/rules`: the catalogue.

use aerodb_core::rules::RuleId;
use serde::{Deserialize, Serialize};

/// One rule of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleView {
    /// The stable id.
    pub rule_id: RuleId,
    /// What it requires.
    pub statement: String,
    /// The document and section that it comes from.
    pub source: String,
    /// The module that keeps it.
    pub enforced_in: String,
}

impl From<RuleId> for RuleView {
    fn from(rule: RuleId) -> Self {
        Self {
            rule_id: rule,
            statement: rule.statement().to_owned(),
            source: rule.source().to_owned(),
            enforced_in: rule.enforced_in().to_owned(),
        }
    }
}
