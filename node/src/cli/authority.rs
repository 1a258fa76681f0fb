//! `designate`, `release`, `relinquish`: what an operator asks of the holder; `relinquish --data-dir` of one that
//! is stopped.

use std::path::PathBuf;
use std::sync::Arc;

use aerodb_core::id::{Epoch, NodeId, Reason, RequestId};
use aerodb_http_api::client::ClientError;
use aerodb_http_api::types::{CommandBody, CommandDone, LedgerEntryView};
use aerodb_ledger::disk::{Disk, RealDisk};
use clap::Args;
use serde_json::json;

use crate::cli::arguments::epoch;
use crate::cli::decline::{offline, refused};
use crate::cli::evidence::read_evidence;
use crate::cli::failure::Exit;
use crate::cli::{Context, Failure, Shown, short};
use crate::directory::DataDir;
use crate::stopped::{self, Relinquishing};

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
        let (successor, evidence) = (Some(node_id), None);
        CommandBody { successor, expected_epoch, request_id, evidence, reason }
    }

    pub(super) async fn designate(self, context: &Context) -> Result<Shown, Failure> {
        done(context.client.designate(&self.body()).await)
    }
}

/// The arguments of `release`.
#[derive(Debug, Args)]
pub(super) struct Release {
    #[command(flatten)]
    asked: Asked,
    /// What `aerodb decline --output json` printed for that node: ends the obligation without it.
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
}

impl Release {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let evidence = read_evidence(self.evidence.as_slice())?;
        let body = CommandBody { evidence, ..self.asked.body() };
        done(context.client.release(&body).await)
    }
}

/// The arguments of `relinquish`.
#[derive(Debug, Args)]
pub(super) struct Relinquish {
    #[command(flatten)]
    asked: Asked,
    /// The directory of a stopped holder, instead of a running one; it starts sealed from then on.
    #[arg(long, value_name = "DIR", conflicts_with = "request_id")]
    data_dir: Option<PathBuf>,
}

impl Relinquish {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let Self { asked, data_dir } = self;
        let Some(dir) = data_dir else {
            return done(context.client.relinquish(&asked.body()).await);
        };
        let Asked { node_id, expected_epoch, reason, request_id: _ } = asked;
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let dir = DataDir::new(dir);
        match stopped::relinquish(dir, &disk, node_id, expected_epoch, offline(reason))? {
            Relinquishing::Refused(why) => Ok(refused(*why)),
            Relinquishing::Relinquished(signed) => {
                let entry = LedgerEntryView::from(&*signed);
                let text = format!(
                    "ledger entry {}: {} ({})\nstart the node: sealed, it serves the heir what it needs",
                    entry.seq,
                    entry.entry,
                    short(&entry.hash)
                );
                Ok(Shown::new(&json!({ "data": entry }), text))
            }
        }
    }
}

/// An entry that is not covered yet is durable, but nothing may be built on it: not acknowledged.
pub(super) fn done(answer: Result<CommandDone, ClientError>) -> Result<Shown, Failure> {
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
