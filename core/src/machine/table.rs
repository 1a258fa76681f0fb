//! What all machines have in common, and the table that running a machine over its exemplars gives.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules::RuleId;

/// The machines of DESIGN section 4 that run in a node.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum MachineName {
    /// Promotion lifecycle (table 4.1).
    Promotion,
    /// Node role (table 4.2).
    Role,
    /// Replica pipeline (table 4.3).
    Pipeline,
    /// One received WAL segment (table 4.4).
    Segment,
    /// Snapshot bootstrap (table 4.5).
    Bootstrap,
    /// Failure latch (table 4.8).
    Latch,
    /// Checkpoint in the making, or in force (table 4.9).
    Checkpoint,
    /// Node lifecycle (table 4.10).
    Lifecycle,
    /// One read (table 4.11).
    Read,
    /// One version of a key (table 4.13).
    Version,
    /// WAL writer (table 4.14).
    WalWriter,
}

impl MachineName {
    /// Every machine, in the order of the tables.
    pub const ALL: &'static [Self] = &[
        Self::Promotion,
        Self::Role,
        Self::Pipeline,
        Self::Segment,
        Self::Bootstrap,
        Self::Latch,
        Self::Checkpoint,
        Self::Lifecycle,
        Self::Read,
        Self::Version,
        Self::WalWriter,
    ];

    /// The word used in paths and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promotion => "promotion",
            Self::Role => "role",
            Self::Pipeline => "pipeline",
            Self::Segment => "segment",
            Self::Bootstrap => "bootstrap",
            Self::Latch => "latch",
            Self::Checkpoint => "checkpoint",
            Self::Lifecycle => "lifecycle",
            Self::Read => "read",
            Self::Version => "version",
            Self::WalWriter => "wal_writer",
        }
    }
}

impl fmt::Display for MachineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The stable id of one accepted arm, for example `PR3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Row(pub &'static str);

/// An accepted transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<S> {
    /// The state after it.
    pub next: S,
    /// The arm that accepted it.
    pub row: Row,
}

impl<S> Step<S> {
    pub(crate) const fn to(next: S, row: &'static str) -> Result<Self, Forbidden> {
        Ok(Self { next, row: Row(row) })
    }
}

/// A transition that no row allows; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{machine}: {event} is forbidden in {state} ({rule})")]
pub struct Forbidden {
    /// The machine.
    pub machine: MachineName,
    /// The state that it is in.
    pub state: &'static str,
    /// The event.
    pub event: &'static str,
    /// The rule that forbids it.
    pub rule: RuleId,
}

/// A machine: its states and events as values, its transitions as one total function.
pub trait Machine: Sized + Clone + PartialEq {
    /// What can happen to it.
    type Event;
    /// Its name.
    const NAME: MachineName;
    /// The rule that forbids what no row allows.
    const RULE: RuleId;

    /// The state's name.
    fn name(&self) -> &'static str;
    /// The event's name.
    fn event_name(event: &Self::Event) -> &'static str;
    /// Moves the machine.
    ///
    /// # Errors
    /// [`Forbidden`] for every pair without a row.
    fn transition(&self, event: &Self::Event) -> Result<Step<Self>, Forbidden>;
    /// The state that a process starts in.
    fn initial() -> Self;
    /// One example of every state.
    fn states() -> Vec<Self>;
    /// One example of every event, and of every side of every guard.
    fn events() -> Vec<Self::Event>;

    /// What to answer where no row applies.
    #[doc(hidden)]
    fn forbid(&self, event: &Self::Event) -> Result<Step<Self>, Forbidden> {
        Err(Forbidden {
            machine: Self::NAME,
            state: self.name(),
            event: Self::event_name(event),
            rule: Self::RULE,
        })
    }
}

/// One accepted transition as people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct TableRow {
    /// The arm's id.
    pub row: &'static str,
    /// State before.
    pub from: &'static str,
    /// Event.
    pub event: &'static str,
    /// State after.
    pub to: &'static str,
}

/// The machine's table, derived by running the function over one exemplar of every state and event,
/// so that it cannot drift from the code.
#[must_use]
pub fn table<M: Machine>() -> Vec<TableRow> {
    let mut rows = Vec::new();
    for state in M::states() {
        for event in M::events() {
            if let Ok(step) = state.transition(&event) {
                let row = TableRow {
                    row: step.row.0,
                    from: state.name(),
                    event: M::event_name(&event),
                    to: step.next.name(),
                };
                if !rows.contains(&row) {
                    rows.push(row);
                }
            }
        }
    }
    rows
}

#[cfg(test)]
pub(crate) fn rendered<M: Machine>() -> Vec<String> {
    table::<M>().iter().map(|r| format!("{} {} --{}--> {}", r.row, r.from, r.event, r.to)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_one_word_everywhere() {
        let words = [
            "promotion",
            "role",
            "pipeline",
            "segment",
            "bootstrap",
            "latch",
            "checkpoint",
            "lifecycle",
            "read",
            "version",
            "wal_writer",
        ];
        assert_eq!(MachineName::ALL.len(), words.len());
        for (machine, word) in MachineName::ALL.iter().zip(words) {
            assert_eq!((machine.as_str(), machine.to_string().as_str()), (word, word));
            assert_eq!(serde_json::to_value(machine).unwrap(), word);
        }
    }
}
