//! Why something would be refused now, in two words.

use aerodb_core::rules::RuleId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::code::Code;

/// The code that a request would be answered with, and the rule behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// The code.
    pub code: Code,
    /// The rule, where one applies.
    pub rule: Option<RuleId>,
}
