//! `discard-suffix`: sets aside what a node's log holds past its validated history; asked of a halted node, or
//! done on a stopped node's directory.

use std::path::PathBuf;
use std::sync::Arc;

use aerodb_core::authority::Annotation;
use aerodb_core::id::{Reason, RequestId};
use aerodb_http_api::types::{DiscardRequest, Discarded};
use aerodb_ledger::disk::{Disk, RealDisk};
use clap::Args;
use serde_json::json;

use crate::cli::table::{Rows, or_dash};
use crate::cli::{Context, Failure, Shown};
use crate::clock::now_ms;
use crate::directory::DataDir;
use crate::discard::{discard, look};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct DiscardSuffix {
    /// The directory of a stopped node; without it the node is asked.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Only list what would be set aside.
    #[arg(long)]
    dry_run: bool,
    /// Why; recorded in the node's decision ledger.
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    reason: Option<Reason>,
    /// Your name for the request: asked again, it gives the recorded outcome.
    #[arg(long, value_name = "ID", conflicts_with = "data_dir")]
    request_id: Option<RequestId>,
}

impl DiscardSuffix {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let Self { data_dir, dry_run, reason, request_id } = self;
        // A look is not recorded, so it needs no reason of its own.
        let reason = match reason {
            Some(reason) => reason,
            None => Reason::new("a look").map_err(|error| Failure::Usage(error.to_string()))?,
        };
        let discarded = match data_dir {
            Some(dir) => offline(&DataDir::new(dir), dry_run, reason)?,
            None => {
                let request = DiscardRequest { reason, request_id };
                context.client.discard_suffix(&request, dry_run).await?
            }
        };
        let json = json!({ "dry_run": dry_run, "data": discarded });
        Ok(Shown::new(&json, listing(&discarded, dry_run)))
    }
}

fn offline(dir: &DataDir, dry_run: bool, reason: Reason) -> Result<Discarded, Failure> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    if dry_run {
        return Ok(look(dir, &disk)?);
    }
    let operator = "offline".to_owned();
    Ok(discard(dir, &disk, Annotation { received_at_ms: now_ms(), operator, reason })?)
}

fn listing(discarded: &Discarded, dry_run: bool) -> String {
    let mut rows = Rows::new(["COMMIT", "EPOCH", "KEYS"]);
    for set in &discarded.commits {
        rows.add([set.commit_id.to_string(), set.epoch.to_string(), set.keys.join(" ")]);
    }
    let mut entries = Rows::new(["LEDGER ENTRY", "WHAT"]);
    for set in &discarded.entries {
        entries.add([set.seq.to_string(), set.entry.clone()]);
    }
    let entries = if discarded.entries.is_empty() {
        String::new()
    } else {
        format!("{}\n", entries.render())
    };
    let (kept, last) = (discarded.kept.boundary, discarded.discarded);
    let what = if dry_run { "would be set aside" } else { "set aside" };
    let aside = discarded.quarantine.as_ref().map(|name| format!("quarantine/{name}"));
    let more = discarded.commits_total - discarded.commits.len() as u64;
    let more = if more > 0 { format!("and {more} more\n") } else { String::new() };
    let cleared = discarded.cleared.map(|rule| rule.to_string());
    format!(
        "{}{more}{entries}{what}: everything after commit {kept}, through {last}; none of it was acknowledged\n\
         the log as it was: {}\nfailure cleared: {}\n",
        rows.render(),
        or_dash(aside),
        or_dash(cleared),
    )
}
