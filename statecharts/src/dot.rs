//! Graphviz DOT.

use std::fmt::Write as _;

use crate::Chart;

/// The chart as a digraph, each edge labelled with its event and the arm that accepts it.
#[must_use]
pub fn dot(chart: &Chart) -> String {
    let mut text = String::new();
    // Writing into a string has no way to fail.
    let _ = writeln!(text, "digraph {} {{", chart.machine);
    text.push_str("    rankdir=LR;\n    node [shape=box, style=rounded];\n");
    text.push_str("    \"\" [shape=point];\n");
    let _ = writeln!(text, "    \"\" -> \"{}\";", chart.initial);
    for state in &chart.states {
        let _ = writeln!(text, "    \"{state}\";");
    }
    for row in &chart.rows {
        let _ = writeln!(
            text,
            "    \"{}\" -> \"{}\" [label=\"{} ({})\"];",
            row.from, row.to, row.event, row.row
        );
    }
    text.push_str("}\n");
    text
}
