//! Charts of state machines.

use aerodb_core::machine::MachineName;
use aerodb_statecharts::Chart;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One machine and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChartSummary {
    /// The machine.
    pub machine: MachineName,
    /// The state that it is in on this node; `null` for a machine that a node has many of, such as segments.
    pub current: Option<String>,
}

/// A machine's chart, derived by running it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChartData {
    /// The state that it is in on this node; `null` for a machine that a node has many of.
    pub current: Option<String>,
    /// States and transitions.
    #[serde(flatten)]
    pub chart: Chart,
}
