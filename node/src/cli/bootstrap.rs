//! `bootstrap`: has a replica take the holder's snapshot over, and shows how far it is until the snapshot is in
//! force. The replica starts again from it, and is out of reach for as long as that takes.

use std::time::{Duration, Instant};

use aerodb_core::id::{Reason, RequestId};
use aerodb_http_api::client::ClientError;
use aerodb_http_api::types::{BootstrapData, BootstrapRequest, BootstrapState, ReplicationData};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::cli::{Context, Failure, Output, Shown};

/// How often the node is asked.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// A node that is out of reach for so long is not just starting again.
const OUT_OF_REACH_MAX: Duration = Duration::from_secs(120);

const TEMPLATE: &str =
    "{msg} [{bar:30}] {bytes}/{total_bytes} {binary_bytes_per_sec} {percent}% {elapsed}";

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Bootstrap {
    /// Why; recorded in the decision ledger.
    #[arg(long, value_name = "TEXT")]
    reason: Reason,
    /// Your name for the request: asked again, it gives the recorded outcome.
    #[arg(long, value_name = "ID")]
    request_id: Option<RequestId>,
}

impl Bootstrap {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let Self { reason, request_id } = self;
        let begun = context.client.bootstrap(&BootstrapRequest { reason, request_id }).await?;
        let bar = bar(context.output);
        let replication = watch(context, &bar).await;
        bar.finish_and_clear();
        let replication = replication?;
        let commit = replication.replica_commit_id;
        let data = json!({ "data": { "seq": begun.seq, "upstream": begun.upstream, "replica_commit_id": commit } });
        let at = commit.map_or_else(|| "an unknown commit".to_owned(), |it| format!("commit {it}"));
        let text = format!(
            "the snapshot of {} is in force, the node is at {at} (decision ledger entry {})",
            begun.upstream, begun.seq
        );
        Ok(Shown::new(&data, text))
    }
}

/// Asks until the snapshot is in force, or the attempt has ended without one.
async fn watch(context: &Context, bar: &ProgressBar) -> Result<ReplicationData, Failure> {
    let mut reached = Instant::now();
    loop {
        match context.client.replication().await {
            Ok(view) => {
                reached = Instant::now();
                match view.data.snapshot_bootstrap_state {
                    BootstrapState::Complete => return Ok(view.data),
                    BootstrapState::NotStarted => return Err(ended(view.data.bootstrap.as_ref())),
                    BootstrapState::InProgress => show(bar, view.data.bootstrap.as_ref()),
                }
            }
            Err(ClientError::Problem(problem)) => return Err(ClientError::Problem(problem).into()),
            Err(error) if reached.elapsed() > OUT_OF_REACH_MAX => return Err(error.into()),
            // It starts again from the snapshot, or has not got as far yet.
            Err(_) => bar.set_message("starting again"),
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

fn ended(bootstrap: Option<&BootstrapData>) -> Failure {
    let why = bootstrap.and_then(|it| it.failure.as_deref()).unwrap_or(
        "the node was started again before the snapshot was in force; what had arrived is discarded",
    );
    Failure::Refused(format!("the bootstrap came to nothing: {why}"))
}

fn bar(output: Output) -> ProgressBar {
    let target = match output {
        Output::Table => ProgressDrawTarget::stderr(),
        Output::Json => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(None, target);
    // The template is a constant, which a test checks.
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

fn show(bar: &ProgressBar, bootstrap: Option<&BootstrapData>) {
    let Some(bootstrap) = bootstrap else { return };
    bar.set_message(message(bootstrap));
    if let Some(total) = bootstrap.bytes_total {
        bar.set_length(total);
    }
    bar.set_position(bootstrap.bytes_received);
}

fn message(bootstrap: &BootstrapData) -> String {
    let BootstrapData { state, chunks_received, chunks_total, .. } = bootstrap;
    match chunks_total {
        Some(total) => format!("{state}, chunk {chunks_received} of {total}"),
        None => state.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_says_state_chunks_and_bytes() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
        let bootstrap = BootstrapData {
            state: "Transferring".to_owned(),
            cut_commit_id: None,
            bytes_received: 5,
            bytes_total: Some(7),
            chunks_received: 1,
            chunks_total: Some(2),
            rule: None,
            failure: None,
        };
        assert_eq!(message(&bootstrap), "Transferring, chunk 1 of 2");
        let bar = bar(Output::Json);
        show(&bar, Some(&bootstrap));
        assert_eq!((bar.position(), bar.length()), (5, Some(7)));
    }
}
