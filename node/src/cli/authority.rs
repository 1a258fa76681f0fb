//! `designate`, `release`, `relinquish`: what an operator asks of the holder.

use aerodb_core::id::{Epoch, NodeId, Reason, RequestId};
use aerodb_http_api::client::ClientError;
use aerodb_http_api::types::{CommandBody, CommandDone};
use clap::Args;
use serde_json::json;

use crate::cli::arguments::epoch;
use crate::cli::failure::Exit;
use crate::cli::{Context, Failure, Shown, short};

/// What all of them take. The epoch is never filled in for the operator: naming it is what makes the
/// request explicit (P6-A3).
#[derive(Debug, Args)]
pub(super) struct Asked {
    /// The node that it is about.
    node_id: NodeId,
    /// The epoch that you believe to be in force.
    #[arg(long, value_name = "N", value_parser = epoch)]
    expected_epoch: Epoch,
    /// Why; recorded in the ledger.
    #[arg(long, value_name = "TEXT")]
    reason: Reason,
    /// Your name for the request: asked again, it gives the recorded outcome.
    #[arg(long, value_name = "ID")]
    request_id: Option<RequestId>,
}

impl Asked {
    fn body(self) -> CommandBody {
        let Self { node_id, expected_epoch, reason, request_id } = self;
        CommandBody { successor: Some(node_id), expected_epoch, request_id, reason }
    }
    pub(super) async fn designate(self, context: &Context) -> Result<Shown, Failure> {
        done(context.client.designate(&self.body()).await)
    }

    pub(super) async fn release(self, context: &Context) -> Result<Shown, Failure> {
        done(context.client.release(&self.body()).await)
    }

    pub(super) async fn relinquish(self, context: &Context) -> Result<Shown, Failure> {
        done(context.client.relinquish(&self.body()).await)
    }
}

/// An entry that is not covered yet is durable, but nothing may be built on it: not acknowledged.
fn done(answer: Result<CommandDone, ClientError>) -> Result<Shown, Failure> {
    let done = answer?;
    let CommandDone { entry, covered } = &done;
    let text = format!("ledger entry {}: {} ({})", entry.seq, entry.entry, short(&entry.hash));
    let json = json!({ "data": done });
    if *covered {
        return Ok(Shown::new(&json, text));
    }
    let text = format!(
        "{text}\nnot covered yet: it is durable on the holder, and the successor does not have it; \
         see /v1/authority for when it does"
    );
    Ok(Shown::new(&json, text).exit(Exit::Refused))
}
