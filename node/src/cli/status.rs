//! `status`: a node at a glance.

use aerodb_core::id::Boundary;
use aerodb_http_api::envelope::View;
use aerodb_http_api::types::{AuthorityData, StateDigest, StatusData};
use clap::Args;

use crate::cli::arguments::boundary;
use crate::cli::table::{compact, facts, or_dash, short};
use crate::cli::{Context, Failure, Shown};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// Show the digest of the applied state too; the node has to read all of it.
    #[arg(long)]
    digest: bool,
    /// The commit that the digest is wanted of; the newest that may be shown by default.
    #[arg(long, requires = "digest", value_name = "COMMIT", value_parser = boundary)]
    at: Option<Boundary>,
}

impl Status {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let status = if self.digest {
            context.client.status_at(self.at).await?
        } else {
            context.client.status(false).await?
        };
        Ok(Shown::new(&status, render(&status)))
    }
}

/// The word that a value of ours has in JSON.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    compact(&aerodb_core::explain_value(value))
}

fn render(status: &View<StatusData>) -> String {
    let data = &status.data;
    let (tips, store) = (&data.tips, &data.store);
    let reads = match (data.read_safety.safe, data.read_safety.code, data.read_safety.rule) {
        (true, _, _) => "safe".to_owned(),
        (false, code, rule) => format!("refused: {} ({})", or_dash(code), or_dash(rule)),
    };
    let text = facts([
        ("node", data.node_id.to_string()),
        ("cluster", cluster(status)),
        ("lifecycle", word(&data.lifecycle)),
        ("role", word(&data.role)),
        ("authority", authority(&data.authority)),
        ("successor", successor(&data.authority)),
        ("durability", or_dash(data.durability.map(|durability| durability.as_str()))),
        ("writes", writes(&data.authority)),
        ("reads", reads),
        ("wal tip", or_dash(tips.wal_tip)),
        ("acknowledged", or_dash(tips.acknowledged)),
        ("applied", or_dash(tips.applied)),
        ("ledger seq", or_dash(status.observed.ledger_seq)),
        ("upstream", or_dash(data.upstream.as_ref())),
        (
            "store",
            format!("{} keys, {} versions, {} bytes", store.keys, store.versions, store.bytes),
        ),
        ("state digest", digest(data.state_digest)),
    ]);
    let halt = data.halt.as_ref().map(|halt| {
        format!("HALTED on {}: {} {}\n", halt.rule, halt.rule.statement(), compact(&halt.evidence))
    });
    text + &halt.unwrap_or_default() + &notes(&status.notes)
}

fn digest(state: Option<StateDigest>) -> String {
    match state.map(|StateDigest { commit_id, digest }| (commit_id, digest)) {
        Some((Some(commit), Some(digest))) => format!("{digest} at commit {commit}"),
        Some(_) | None => "-".to_owned(),
    }
}

fn cluster(status: &View<StatusData>) -> String {
    let id = or_dash(status.observed.cluster_id.map(|id| short(&id)));
    format!("{} ({id})", or_dash(status.data.cluster_name.as_ref()))
}

fn authority(authority: &AuthorityData) -> String {
    let status = or_dash(authority.status.as_ref().map(word));
    format!(
        "epoch {}, {status} by {}",
        or_dash(authority.epoch),
        or_dash(authority.holder.as_ref())
    )
}

fn successor(authority: &AuthorityData) -> String {
    or_dash(
        authority
            .successor
            .as_ref()
            .map(|heir| format!("{} ({})", heir.node_id, word(&heir.state))),
    )
}

fn writes(authority: &AuthorityData) -> String {
    match &authority.refusal {
        Some(refusal) => format!("refused: {} ({})", refusal.code, or_dash(refusal.rule)),
        None => "admitted".to_owned(),
    }
}

/// The notes of an answer, one a line.
pub(super) fn notes(notes: &[String]) -> String {
    notes.iter().map(|note| format!("note: {note}\n")).collect()
}
