//! `promote`: asks a node to take authority, or with `--dry-run` what would come of it; with `--data-dir`
//! the dry run is made on a stopped node's directory, or a copy of one.

use std::path::PathBuf;

use aerodb_core::hash::Hash;
use aerodb_core::id::{Epoch, NodeId, Reason, RequestId};
use aerodb_http_api::client::ClientError;
use aerodb_http_api::code::Code;
use aerodb_http_api::types::{Brought, Evidence, Outcome, PromoteRequest, Promoted, RemedyView};
use clap::Args;
use serde_json::{Value, json};

use crate::cli::arguments::epoch;
use crate::cli::evidence::read_evidence;
use crate::cli::explanation::{render_explanation, render_remedies};
use crate::cli::failure::Exit;
use crate::cli::{Context, Failure, Shown};
use crate::directory::DataDir;
use crate::offline::{OfflineError, dry_run};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Promote {
    /// Only say what would come of it; nothing is done and nothing recorded.
    #[arg(long)]
    dry_run: bool,
    /// Decide on this directory instead of asking a node; with --dry-run only.
    #[arg(long, value_name = "DIR", requires = "dry_run")]
    data_dir: Option<PathBuf>,
    /// The epoch that you believe to be in force.
    #[arg(long, value_name = "N", value_parser = epoch)]
    expected_epoch: Epoch,
    /// The node that you mean, so that a wrong address is noticed.
    #[arg(long, value_name = "ID")]
    replica_id: Option<NodeId>,
    /// Your name for the request: asked again, it gives the recorded outcome.
    #[arg(long, value_name = "ID")]
    request_id: Option<RequestId>,
    /// The digest of a dry run: if anything that the decision reads has moved since, nothing happens.
    #[arg(long, value_name = "HEX")]
    expected_digest: Option<Hash>,
    /// What the node has not pulled, as --output json prints it: of `decline`, on which the relinquisher is granted
    /// the epoch; of `ledger show` or `relinquish`, entries that are adopted with the grant. May be given again.
    #[arg(long, value_name = "FILE")]
    evidence: Vec<PathBuf>,
    /// Why; recorded in the ledger. A dry run needs none.
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    reason: Option<Reason>,
}

impl Promote {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let evidence = read_evidence(&self.evidence)?;
        if let Some(dir) = self.data_dir {
            return offline(&DataDir::new(dir), self.expected_epoch, self.replica_id, evidence);
        }
        let dry_run = self.dry_run;
        match context.client.promote(&self.request(evidence)?, dry_run).await {
            Ok(promoted) if dry_run => Ok(shown(&promoted.explanation, &[])),
            Ok(promoted) => Ok(granted(&promoted)),
            Err(ClientError::Problem(problem))
                if dry_run && problem.code() == Code::PromotionDenied =>
            {
                let body = problem.body();
                let explanation = body.explanation.clone().unwrap_or_default();
                Ok(shown(&explanation, body.remedies.as_deref().unwrap_or_default()))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn request(self, evidence: Option<Vec<Evidence>>) -> Result<PromoteRequest, Failure> {
        let Self { expected_epoch, replica_id, request_id, expected_digest, reason, .. } = self;
        let reason = match reason {
            Some(reason) => reason,
            None => Reason::new("dry run").map_err(|error| Failure::Usage(error.to_string()))?,
        };
        Ok(PromoteRequest {
            expected_epoch,
            replica_id,
            request_id,
            expected_digest,
            evidence,
            reason,
        })
    }
}

fn offline(
    dir: &DataDir,
    expected_epoch: Epoch,
    replica_id: Option<NodeId>,
    evidence: Option<Vec<Evidence>>,
) -> Result<Shown, Failure> {
    let brought = Brought::of(evidence).map_err(|what| Failure::Usage(what.to_owned()))?;
    let (explanation, remedies) =
        dry_run(dir, expected_epoch, replica_id, brought).map_err(undecided)?;
    let remedies: Vec<RemedyView> = remedies.into_iter().map(RemedyView::from).collect();
    Ok(shown(&aerodb_core::explain_value(&explanation), &remedies))
}

fn undecided(error: OfflineError) -> Failure {
    match error {
        OfflineError::Identity(error) => error.into(),
        OfflineError::Fault(fault) => fault.into(),
        OfflineError::Checkpoint(error) => error.into(),
        OfflineError::Evidence(unfit) => Failure::Refused(unfit.to_string()),
        OfflineError::Retired(retired) => Failure::Refused(retired.to_string()),
        OfflineError::Replay(refused) => Failure::Refused(refused.to_string()),
    }
}

/// A dry run's answer, the same bytes whether a node gave it or a directory.
fn shown(explanation: &Value, remedies: &[RemedyView]) -> Shown {
    let approved = explanation["conclusion"]["reason"].is_null();
    let (outcome, exit) = match approved {
        true => (Outcome::Approved, Exit::Done),
        false => (Outcome::Denied, Exit::Refused),
    };
    let json = json!({ "dry_run": true, "outcome": outcome, "explanation": explanation });
    let text = render_explanation(explanation) + "\n" + &render_remedies(remedies);
    Shown::new(&json, text).exit(exit)
}

fn granted(promoted: &Promoted) -> Shown {
    let Promoted { promotion_id, epoch, holder, start_commit, explanation, .. } = promoted;
    let id = promotion_id.as_ref().map(|id| format!("promotion {id}: ")).unwrap_or_default();
    let text = format!(
        "{id}{holder} holds epoch {epoch}, which starts after commit {start_commit}\n\n{}",
        render_explanation(explanation)
    );
    Shown::new(&json!({ "data": promoted }), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_is_one_object_of_three_members_in_this_order() {
        let denied = json!({ "conclusion": { "status": "denied", "reason": "P6-A1" } });
        let denial = shown(&denied, &[]);
        assert_eq!(
            denial.json().to_string(),
            r#"{"dry_run":true,"outcome":"denied","explanation":{"conclusion":{"status":"denied","reason":"P6-A1"}}}"#
        );
        assert_eq!(denial.exit_code(), Exit::Refused);
        let approved = json!({ "conclusion": { "status": "approved", "reason": null } });
        assert_eq!(shown(&approved, &[]).exit_code(), Exit::Done);
    }
}
