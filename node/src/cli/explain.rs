//! `explain`: why.

use aerodb_core::id::{Boundary, CommitId, PromotionId};
use clap::{Args, Subcommand};

use crate::cli::arguments::{boundary, commit};
use crate::cli::explanation::render_explanation;
use crate::cli::status::notes;
use crate::cli::{Context, Failure, Shown};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Explain {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Why a promotion was approved or denied.
    Promotion {
        /// The attempt, as its answer named it.
        id: PromotionId,
    },
    /// Whether the node would admit a write now.
    Write,
    /// What a read would show, and why.
    Read {
        /// The key.
        key: String,
        /// At this commit.
        #[arg(long, value_name = "COMMIT", value_parser = boundary)]
        at: Option<Boundary>,
    },
    /// Whether the batch that holds a commit continues the history.
    Segment {
        /// The commit.
        #[arg(value_parser = commit)]
        commit: CommitId,
    },
    /// Whether the last snapshot received was taken over.
    Bootstrap,
    /// Whether the node's checkpoint can be relied on.
    Checkpoint,
    /// What recovery found and did at the last start.
    Recovery,
    /// Whether reads are safe on the node.
    Replication,
}

impl Explain {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let client = &context.client;
        let view = match self.what {
            What::Promotion { id } => client.explain_promotion(&id).await?,
            What::Write => client.explain_write().await?,
            What::Read { key, at } => client.explain_read(&key, at).await?,
            What::Segment { commit } => client.explain_segment(commit).await?,
            What::Bootstrap => client.explain_bootstrap().await?,
            What::Checkpoint => client.explain_checkpoint().await?,
            What::Recovery => client.explain_recovery().await?,
            What::Replication => client.explain_replication().await?,
        };
        Ok(Shown::new(&view, render_explanation(&view.data) + &notes(&view.notes)))
    }
}
