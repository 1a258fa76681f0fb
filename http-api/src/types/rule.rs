//! `/v1/rules`: the catalogue, with where each rule is enforced and what proves it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aerodb_core::rules::RuleId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An item of the program's source; the whole file when the item is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourcePlace {
    /// The file's path in the repository.
    pub file: String,
    /// The function, type or test in it.
    pub item: String,
}

/// One rule of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleView {
    /// The stable id.
    pub rule_id: RuleId,
    /// What it requires.
    pub statement: String,
    /// The document and section that it comes from.
    pub source: String,
    /// The module that keeps it.
    pub enforced_in: String,
    /// Every place in the code that applies it.
    pub enforced_by: Vec<SourcePlace>,
    /// Every test that proves it.
    pub proved_by: Vec<SourcePlace>,
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
struct Evidence {
    enforced_by: Vec<SourcePlace>,
    proved_by: Vec<SourcePlace>,
}

/// Made of the sources by the audit, which also checks that it is fresh: see docs/AUDIT.md.
static EVIDENCE: LazyLock<BTreeMap<String, Evidence>> =
    // A rule that is newer than the file has no places yet; the audit fails until it is made anew.
    LazyLock::new(|| serde_json::from_str(include_str!("evidence.json")).unwrap_or_default());

impl From<RuleId> for RuleView {
    fn from(rule: RuleId) -> Self {
        let Evidence { enforced_by, proved_by } =
            EVIDENCE.get(rule.id()).cloned().unwrap_or_default();
        Self {
            rule_id: rule,
            statement: rule.statement().to_owned(),
            source: rule.source().to_owned(),
            enforced_in: rule.enforced_in().to_owned(),
            enforced_by,
            proved_by,
        }
    }
}
