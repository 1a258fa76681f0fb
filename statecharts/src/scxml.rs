//! W3C SCXML (1 September 2015). The data of states stays in the code, so where one event has several
//! outcomes, the row tells them apart: the transition that the journal shows as event `cleared` and row `LA3`
//! is driven by the event `cleared.LA3`. A journal can so be played through any interpreter.

use std::fmt::Write as _;

use crate::{Chart, state_id};

/// The chart as an SCXML document.
#[must_use]
pub fn scxml(chart: &Chart) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing into a string has no way to fail. Names hold nothing that XML would have to escape.
    let _ = writeln!(
        text,
        "<scxml xmlns=\"http://www.w3.org/2005/07/scxml\" version=\"1.0\" datamodel=\"null\" name=\"{}\" initial=\"{}\">",
        chart.machine,
        state_id(chart.initial)
    );
    for state in &chart.states {
        let id = state_id(state);
        let rows: Vec<_> = chart.rows.iter().filter(|row| row.from == *state).collect();
        if rows.is_empty() {
            let _ = writeln!(text, "  <final id=\"{id}\"/>");
            continue;
        }
        let _ = writeln!(text, "  <state id=\"{id}\">");
        for row in rows {
            let (event, target) = (row.event, state_id(row.to));
            let _ = writeln!(
                text,
                "    <transition event=\"{event}.{}\" target=\"{target}\"/>",
                row.row
            );
        }
        text.push_str("  </state>\n");
    }
    text.push_str("</scxml>\n");
    text
}
