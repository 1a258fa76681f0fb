//! `chart`: the state machines, derived by running them. It needs no node, unless the current state is asked
//! for.

use aerodb_core::machine::MachineName;
use aerodb_statecharts::{Format, chart};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::table::{Rows, or_dash};
use crate::cli::{Context, Failure, Shown};

/// The form of the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Form {
    /// W3C SCXML, for interpreters.
    Scxml,
    /// Mermaid, for documents.
    #[default]
    Mermaid,
    /// Graphviz.
    Dot,
    /// The chart as data.
    Json,
}

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Chart {
    /// The machine; all of them are listed when it is left out.
    #[arg(value_parser = machine)]
    machine: Option<MachineName>,
    /// The form.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// List the state that each machine of the node is in.
    #[arg(long, conflicts_with = "machine")]
    current: bool,
}

fn machine(text: &str) -> Result<MachineName, String> {
    let found = MachineName::ALL.iter().find(|machine| machine.as_str() == text).copied();
    found.ok_or_else(|| {
        let known: Vec<_> = MachineName::ALL.iter().map(|machine| machine.as_str()).collect();
        format!("the machines are {}", known.join(", "))
    })
}

impl Chart {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        match self.machine {
            Some(machine) => {
                let format = match self.format {
                    Form::Scxml => Format::Scxml,
                    Form::Mermaid => Format::Mermaid,
                    Form::Dot => Format::Dot,
                    Form::Json => Format::Json,
                };
                let chart = chart(machine);
                Ok(Shown::new(&json!({ "data": chart }), format.render(&chart)))
            }
            None if self.current => current(context).await,
            None => Ok(list()),
        }
    }
}

async fn current(context: &Context) -> Result<Shown, Failure> {
    let charts = context.client.statecharts().await?;
    let mut rows = Rows::new(["MACHINE", "CURRENT"]);
    for summary in &charts.data {
        rows.add([summary.machine.to_string(), or_dash(summary.current.as_ref())]);
    }
    Ok(Shown::new(&charts, rows.render()))
}

fn list() -> Shown {
    let mut rows = Rows::new(["MACHINE", "STATES", "TRANSITIONS"]);
    let charts: Vec<_> = MachineName::ALL.iter().map(|machine| chart(*machine)).collect();
    for chart in &charts {
        let counts = [chart.states.len(), chart.rows.len()].map(|count| count.to_string());
        let [states, transitions] = counts;
        rows.add([chart.machine.to_string(), states, transitions]);
    }
    Shown::new(&json!({ "data": charts }), rows.render())
}
