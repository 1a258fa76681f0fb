//! Charts of the state machines, derived by running the transition functions over one exemplar of every
//! state and event (DESIGN section 4), so that a chart cannot drift from the code. The renderings under
//! `charts/` are committed, and a test holds them to the code.

mod dot;
mod format;
mod mermaid;
mod name;
mod scxml;

use aerodb_core::machine::{
    Bootstrap, Checkpoint, Latch, Lifecycle, Machine, MachineName, Pipeline, Promotion, Read, Role,
    Segment, TableRow, Version, WalWriter, table,
};
use schemars::JsonSchema;
use serde::Serialize;

pub use dot::dot;
pub use format::Format;
pub use mermaid::mermaid;
pub use name::state_id;
pub use scxml::scxml;

/// A machine's chart as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Chart {
    /// The machine.
    pub machine: MachineName,
    /// The state that a process starts in.
    pub initial: &'static str,
    /// Every state, in the order of the machine's own list.
    pub states: Vec<&'static str>,
    /// Every accepted transition.
    #[serde(rename = "transitions")]
    pub rows: Vec<TableRow>,
}

fn of<M: Machine>() -> Chart {
    Chart {
        machine: M::NAME,
        initial: M::initial().name(),
        states: M::states().iter().map(Machine::name).collect(),
        rows: table::<M>(),
    }
}

/// The chart of a machine.
#[must_use]
pub fn chart(machine: MachineName) -> Chart {
    match machine {
        MachineName::Promotion => of::<Promotion>(),
        MachineName::Role => of::<Role>(),
        MachineName::Pipeline => of::<Pipeline>(),
        MachineName::Segment => of::<Segment>(),
        MachineName::Bootstrap => of::<Bootstrap>(),
        MachineName::Latch => of::<Latch>(),
        MachineName::Checkpoint => of::<Checkpoint>(),
        MachineName::Lifecycle => of::<Lifecycle>(),
        MachineName::Read => of::<Read>(),
        MachineName::Version => of::<Version>(),
        MachineName::WalWriter => of::<WalWriter>(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_committed_charts_are_what_the_code_gives() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts");
        let mut expected = Vec::new();
        for machine in MachineName::ALL {
            let chart = chart(*machine);
            for format in Format::ALL {
                let path = dir.join(format!("{machine}.{}", format.extension()));
                let rendered = format.render(&chart);
                if std::env::var_os("AERODB_RENDER_CHARTS").is_some() {
                    std::fs::write(&path, &rendered).unwrap();
                }
                let committed = std::fs::read_to_string(&path).unwrap_or_default();
                let how =
                    "AERODB_RENDER_CHARTS=1 cargo test -p aerodb-statecharts renders them anew";
                assert_eq!(committed, rendered, "{} is stale; {how}", path.display());
                expected.push(path);
            }
        }
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            assert!(expected.contains(&path), "{} is of no machine", path.display());
        }
    }

    /// So that an interpreter takes exactly the transition that the machine took.
    #[test]
    fn a_state_an_event_and_a_row_have_one_outcome_and_ids_are_of_one_state() {
        for machine in MachineName::ALL {
            let chart = chart(*machine);
            let mut ids: Vec<_> = chart.states.iter().map(|state| state_id(state)).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), chart.states.len(), "{machine}");
            for row in &chart.rows {
                let same = |other: &&TableRow| {
                    (other.from, other.event, other.row) == (row.from, row.event, row.row)
                };
                assert_eq!(chart.rows.iter().filter(same).count(), 1, "{machine} {row:?}");
                assert!(chart.states.contains(&row.to), "{machine} {row:?}");
            }
        }
    }

    #[test]
    fn the_readme_shows_the_charts_of_role_and_promotion() {
        let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
        let readme = std::fs::read_to_string(readme).unwrap();
        for machine in [MachineName::Role, MachineName::Promotion] {
            let chart = mermaid(&chart(machine));
            assert!(readme.contains(&chart), "the README's chart of {machine} is stale");
        }
    }

    #[test]
    fn every_state_can_be_reached_from_the_initial_one() {
        for machine in MachineName::ALL {
            let chart = chart(*machine);
            let mut reached = vec![chart.initial];
            let mut at = 0;
            while let Some(state) = reached.get(at).copied() {
                let next = chart.rows.iter().filter(|row| row.from == state).map(|row| row.to);
                let new: Vec<_> = next.filter(|to| !reached.contains(to)).collect();
                reached.extend(new);
                at += 1;
            }
            let lost: Vec<_> =
                chart.states.iter().filter(|state| !reached.contains(state)).collect();
            // The writer of an epoch starts open: a new one is made for each epoch.
            let expected: &[&str] =
                if *machine == MachineName::WalWriter { &["Open", "Poisoned"] } else { &[] };
            assert_eq!(lost, expected.iter().collect::<Vec<_>>(), "{machine}");
        }
    }
}
