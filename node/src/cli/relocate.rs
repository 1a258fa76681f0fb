//! `relocate`: which of two directories of a stopped node has its identity from now on.

use std::path::PathBuf;
use std::sync::Arc;

use aerodb_core::id::Reason;
use aerodb_ledger::disk::{Disk, RealDisk};
use clap::Args;
use serde_json::json;

use crate::cli::decline::{offline, refused};
use crate::cli::explanation::render_explanation;
use crate::cli::{Failure, Shown};
use crate::directory::DataDir;
use crate::stopped::{self, Relocating};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Relocate {
    /// The directory that shall have the node's identity: a copy, or the original.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// The other one, which is retired: it never starts again. Without it, only what stands against it is said.
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Only say what would come of it; nothing is changed.
    #[arg(long)]
    dry_run: bool,
    /// Why; recorded in the node's decision ledger.
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    reason: Option<Reason>,
}

impl Relocate {
    pub(super) fn run(self) -> Result<Shown, Failure> {
        let Self { data_dir, from, dry_run, reason } = self;
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let (kept, left) = (DataDir::new(data_dir), from.map(DataDir::new));
        let annotation = offline(reason_or_look(reason)?);
        match stopped::relocate(&kept, left.as_ref(), &disk, dry_run, annotation)? {
            Relocating::Refused(why) => Ok(refused(*why)),
            Relocating::Relocated { seq, explanation } => {
                let explanation = aerodb_core::explain_value(&*explanation);
                let left = left.as_ref().map(|dir| dir.path().display().to_string());
                let (kept, left) = (kept.path().display(), left.unwrap_or_default());
                let text = match dry_run {
                    true => format!("{kept} would have the identity, {left} would be retired\n"),
                    false => format!(
                        "{kept} has the identity now (aerodb serve --data-dir {kept})\n\
                         {left} is retired: it never starts again; what lies in it stays\n"
                    ),
                };
                let data = json!({
                    "seq": seq,
                    "kept": kept.to_string(),
                    "retired": left,
                    "explanation": explanation,
                });
                let json = json!({ "dry_run": dry_run, "data": data });
                Ok(Shown::new(&json, text + "\n" + &render_explanation(&explanation)))
            }
        }
    }
}

/// A look is not recorded, so it needs no reason of its own.
pub(super) fn reason_or_look(reason: Option<Reason>) -> Result<Reason, Failure> {
    let look = || Reason::new("a look").map_err(|error| Failure::Usage(error.to_string()));
    reason.map_or_else(look, Ok)
}
