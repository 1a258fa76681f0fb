//! `discard-suffix`: sets aside what a stopped node's log holds past its validated history.

use std::path::PathBuf;
use std::sync::Arc;

use aerodb_core::authority::Annotation;
use aerodb_core::id::Reason;
use aerodb_ledger::disk::{Disk, RealDisk};
use clap::Args;
use serde_json::json;

use crate::cli::table::{Rows, or_dash};
use crate::cli::{Failure, Shown};
use crate::clock::now_ms;
use crate::directory::DataDir;
use crate::discard::{Discarded, discard, look};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct DiscardSuffix {
    /// The directory of a stopped node.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Only list what would be set aside.
    #[arg(long)]
    dry_run: bool,
    /// Why; recorded in the node's decision ledger.
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    reason: Option<Reason>,
}

impl DiscardSuffix {
    pub(super) fn run(self) -> Result<Shown, Failure> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let dir = DataDir::new(self.data_dir);
        let discarded = match self.reason {
            Some(reason) if !self.dry_run => {
                let operator = "offline".to_owned();
                let annotation = Annotation { received_at_ms: now_ms(), operator, reason };
                discard(&dir, &disk, annotation)?
            }
            Some(_) | None => look(&dir, &disk)?,
        };
        let json = json!({ "dry_run": self.dry_run, "data": discarded });
        Ok(Shown::new(&json, listing(&discarded, self.dry_run)))
    }
}

fn listing(discarded: &Discarded, dry_run: bool) -> String {
    let mut rows = Rows::new(["COMMIT", "EPOCH", "KEYS"]);
    for set in &discarded.commits {
        rows.add([set.commit_id.to_string(), set.epoch.to_string(), set.keys.join(" ")]);
    }
    let (kept, last) = (discarded.kept.boundary, discarded.discarded);
    let what = if dry_run { "would be set aside" } else { "set aside" };
    let aside = discarded.quarantine.as_ref().map(|path| path.display().to_string());
    let cleared = discarded.cleared.map(|rule| rule.to_string());
    format!(
        "{}{what}: everything after commit {kept}, through {last}; none of it was acknowledged\n\
         the log as it was: {}\nfailure cleared: {}\n",
        rows.render(),
        or_dash(aside),
        or_dash(cleared),
    )
}
