//! Mermaid `stateDiagram-v2`.

use std::fmt::Write as _;

use crate::{Chart, state_id};

/// The chart as Mermaid text, each transition labelled with its event and the arm that accepts it.
#[must_use]
pub fn mermaid(chart: &Chart) -> String {
    let mut text = String::from("stateDiagram-v2\n");
    // Writing into a string has no way to fail.
    for state in &chart.states {
        let _ = writeln!(text, "    state \"{state}\" as {}", state_id(state));
    }
    let _ = writeln!(text, "    [*] --> {}", state_id(chart.initial));
    for row in &chart.rows {
        let _ = writeln!(
            text,
            "    {} --> {} : {} ({})",
            state_id(row.from),
            state_id(row.to),
            row.event,
            row.row
        );
    }
    text
}
