//! The charts of the state machines. They are part of the program; the node is asked for where it stands.

use aerodb_core::machine::MachineName;
use aerodb_statecharts::{Format, chart};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::code::Code;
use crate::envelope::View;
use crate::extract::{NoParams, Params, PathId};
use crate::port::NodePort;
use crate::problem::Problem;
use crate::router::Api;
use crate::types::{ChartData, ChartSummary, MachineState};

pub(crate) async fn statecharts<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<Vec<ChartSummary>>, Problem> {
    let View { observed, data: states, notes } = api.port.machines().await?;
    let failover = api.failover;
    let summary = |machine: &MachineName| ChartSummary {
        machine: *machine,
        current: current(&states, *machine),
    };
    let data = MachineName::ALL.iter().filter(|it| exists(**it, failover)).map(summary).collect();
    Ok(View { observed, data, notes })
}

/// Without failover there is no promotion, and so no machine of it.
fn exists(machine: MachineName, failover: bool) -> bool {
    failover || machine != MachineName::Promotion
}

/// The query of a chart.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChartParams {
    #[serde(default)]
    format: Format,
}

pub(crate) async fn statechart<N: NodePort>(
    State(api): State<Api<N>>,
    PathId(name): PathId<String>,
    Params(ChartParams { format }): Params<ChartParams>,
) -> Result<Response, Problem> {
    let mut machines = MachineName::ALL.iter().filter(|it| exists(**it, api.failover));
    let machine = machines.find(|machine| machine.as_str() == name);
    let machine = *machine
        .ok_or_else(|| Problem::new(Code::NoSuchEntry, format!("there is no machine {name}")))?;
    let chart = chart(machine);
    match format {
        Format::Json => {
            let View { observed, data: states, notes } = api.port.machines().await?;
            let data = ChartData { current: current(&states, machine), chart };
            Ok(View { observed, data, notes }.into_response())
        }
        Format::Scxml | Format::Mermaid | Format::Dot => {
            let kind = [(header::CONTENT_TYPE, format.media_type())];
            Ok((kind, format.render(&chart)).into_response())
        }
    }
}

/// The state that the machine is in; `None` for one that a node has many of, or none now.
fn current(states: &[MachineState], machine: MachineName) -> Option<String> {
    let found = states.iter().find(|state| state.machine == machine.as_str());
    found.map(|state| state.state.clone())
}
