//! `checkpoint`: have a node take one.

use aerodb_core::id::Reason;
use aerodb_http_api::types::{CheckpointRequest, CheckpointTaken};
use clap::Args;
use serde_json::json;

use crate::cli::{Context, Failure, Shown};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Checkpoint {
    /// Why; the node logs it.
    #[arg(long, value_name = "TEXT")]
    reason: Reason,
}

impl Checkpoint {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let request = CheckpointRequest { reason: self.reason };
        let taken = context.client.take_checkpoint(&request).await?;
        Ok(Shown::new(&json!({ "data": taken }), text(&taken)))
    }
}

fn text(taken: &CheckpointTaken) -> String {
    let Some(checkpoint) = &taken.checkpoint else {
        return "the checkpoint is still being taken; /v1/checkpoints shows when it is complete"
            .to_owned();
    };
    let at = format!(
        "checkpoint at commit {}: {} keys, {} versions, {} bytes",
        checkpoint.commit_id, checkpoint.keys, checkpoint.versions, checkpoint.snapshot_bytes
    );
    if taken.unchanged {
        return format!("{at}; it was there already, nothing was acknowledged since");
    }
    format!(
        "{at}; the log is kept from commit {} on, {} segments and {} older snapshots removed",
        checkpoint.wal_kept_from.boundary.get() + 1,
        taken.segments_removed,
        taken.snapshots_removed
    )
}
