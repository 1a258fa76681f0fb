//! State machines as they are inspected.

use aerodb_core::rules::RuleId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The current state of one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MachineState {
    /// The machine, for example `node_role`.
    pub machine: String,
    /// The state's name.
    pub state: String,
    /// What the state carries; `null` for nothing.
    pub data: Value,
}

/// One transition, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransitionView {
    /// Its place in the journal, one order for all machines.
    pub seq: u64,
    /// The machine.
    pub machine: String,
    /// The state before.
    pub from: String,
    /// The state after.
    pub to: String,
    /// What happened.
    pub event: String,
    /// The row of the machine's table that was taken, for example `PR3`.
    pub row: String,
    /// The rules that the row keeps.
    pub rules: Vec<RuleId>,
}
