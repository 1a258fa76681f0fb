//! `decline`: has a node give up the next epoch for good; with `--data-dir` on a stopped node's directory.

use std::path::PathBuf;
use std::sync::Arc;

use aerodb_core::authority::Annotation;
use aerodb_core::id::{Epoch, Reason, RequestId};
use aerodb_http_api::types::{DeclineRequest, Declined, RemedyView};
use aerodb_ledger::disk::{Disk, RealDisk};
use clap::Args;
use serde_json::json;

use crate::cli::arguments::epoch;
use crate::cli::explanation::{render_explanation, render_remedies};
use crate::cli::failure::Exit;
use crate::cli::{Context, Failure, Shown};
use crate::clock::now_ms;
use crate::directory::DataDir;
use crate::stopped::{self, Declining, Refused};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Decline {
    /// The directory of a stopped node, instead of a running one.
    #[arg(long, value_name = "DIR", conflicts_with = "request_id")]
    data_dir: Option<PathBuf>,
    /// The epoch that you believe to be in force; the next one is declined.
    #[arg(long, value_name = "N", value_parser = epoch)]
    expected_epoch: Epoch,
    /// Why; recorded in the node's decision ledger.
    #[arg(long, value_name = "TEXT")]
    reason: Reason,
    /// Your name for the request: asked again, it gives the recorded outcome.
    #[arg(long, value_name = "ID")]
    request_id: Option<RequestId>,
}

impl Decline {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let Self { data_dir, expected_epoch, reason, request_id } = self;
        let Some(dir) = data_dir else {
            let request = DeclineRequest { expected_epoch, request_id, reason };
            return Ok(declined(&context.client.decline(&request).await?));
        };
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let annotation = offline(reason);
        match stopped::decline(&DataDir::new(dir), &disk, expected_epoch, annotation)? {
            Declining::Declined(seq, decline) => Ok(declined(&Declined { seq, decline })),
            Declining::Refused(why) => Ok(refused(why)),
        }
    }
}

/// The annotation of what is done on a stopped node's directory.
pub(super) fn offline(reason: Reason) -> Annotation {
    Annotation { received_at_ms: now_ms(), operator: "offline".to_owned(), reason }
}

/// The refusal of a command on a stopped node's directory.
pub(super) fn refused(Refused { explanation, remedies }: Refused) -> Shown {
    let explanation = aerodb_core::explain_value(&explanation);
    let remedies: Vec<RemedyView> = remedies.into_iter().map(RemedyView::from).collect();
    let text = render_explanation(&explanation) + "\n" + &render_remedies(&remedies);
    let json = json!({ "explanation": explanation, "remedies": remedies });
    Shown::new(&json, text).exit(Exit::Refused)
}

fn declined(declined: &Declined) -> Shown {
    let claim = &declined.decline.claim;
    let text = format!(
        "{} has declined epoch {} for good (entry {} of its decision ledger)\n         hand it on: --output json writes the certificate that release and promote take as --evidence FILE",
        claim.node_id, claim.epoch, declined.seq
    );
    Shown::new(&json!({ "data": declined }), text)
}
