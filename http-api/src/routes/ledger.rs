//! The ledgers, and the epochs that follow from them.

use aerodb_core::id::Seq;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use super::inspect::page;
use crate::envelope::View;
use crate::extract::{NoParams, Params, PathId};
use crate::port::NodePort;
use crate::problem::Problem;
use crate::router::Api;
use crate::types::{HistoryEntry, LedgerEntryView, LogName};

/// The query of a ledger.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LedgerParams {
    #[serde(default)]
    log: LogName,
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

pub(crate) async fn ledger<N: NodePort>(
    State(api): State<Api<N>>,
    Params(params): Params<LedgerParams>,
) -> Result<View<Vec<LedgerEntryView>>, Problem> {
    api.port.ledger(params.log, params.after, page(params.limit)?).await
}

pub(crate) async fn entry<N: NodePort>(
    State(api): State<Api<N>>,
    PathId((log, seq)): PathId<(LogName, Seq)>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<View<LedgerEntryView>, Problem> {
    api.port.ledger_entry(log, seq).await
}

/// A plain list, as the tools that read such histories expect it.
pub(crate) async fn history<N: NodePort>(
    State(api): State<Api<N>>,
    Params(NoParams {}): Params<NoParams>,
) -> Result<Json<Vec<HistoryEntry>>, Problem> {
    api.port.history().await.map(|view| Json(view.data))
}
