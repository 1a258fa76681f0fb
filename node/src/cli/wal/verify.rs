//! `wal verify`: every frame, batch, chain and epoch of a write-ahead log.

use std::convert::Infallible;
use std::path::PathBuf;

use aerodb_core::rules::RuleId;
use aerodb_ledger::verify::{
    Integrity, WalReport, verify_authority, verify_checkpoint, verify_wal,
};
use clap::Args;
use serde_json::json;

use crate::cli::failure::Exit;
use crate::cli::ledger::{Offline, Part, exit_of, part_rows};
use crate::cli::progress::{Printing, WatchedDisk};
use crate::cli::status::notes;
use crate::cli::{Failure, Output, Shown, short};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The directory of a stopped node, or a copy of one.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

impl Verify {
    pub(super) fn run(self, output: Output) -> Result<Shown, Failure> {
        let mut offline = Offline::open(self.data_dir)?;
        let (ledger_dir, wal_dir) = (offline.dir.authority_ledger(), offline.dir.wal());
        let dirs = [ledger_dir.clone(), wal_dir.clone()];
        let disk = WatchedDisk::over(output, Printing::AtTheEnd, &dirs);
        let known = offline.known();
        let Ok(ledger) =
            verify_authority(&disk, &ledger_dir, &known, &mut |_| Ok::<(), Infallible>(()));
        let (marker, checkpoint) = verify_checkpoint(&disk, offline.dir.path());
        let wal = verify_wal(&disk, &wal_dir, &known, &ledger, checkpoint.as_ref());
        drop(disk);
        offline.notes.extend(remarks(&wal));
        let mut parts = vec![offline.part()];
        if checkpoint.is_some() || marker != Integrity::Ok {
            parts.push(checkpoint_part(&marker));
        }
        parts.push(wal_part(&wal));
        let exit = exit_of(&parts);
        let json = json!({
            "node_id": offline.node_id(),
            "ok": exit == Exit::Done,
            "identity": offline.identity,
            "checkpoint": marker,
            "wal": wal,
            "notes": offline.notes,
        });
        let text = part_rows(&parts) + &notes(&offline.notes);
        Ok(Shown::new(&json, text).exit(exit))
    }
}

/// The checkpoint, marker and snapshot, as a part that was checked.
pub(in crate::cli) fn checkpoint_part(marker: &Integrity) -> Part<'_> {
    let found = "the marker, and every byte of its snapshot".to_owned();
    Part { name: "checkpoint", integrity: marker, completeness: None, found }
}

/// The WAL as a part that was checked.
pub(in crate::cli) fn wal_part(wal: &WalReport) -> Part<'_> {
    let found = match &wal.end {
        Some(end) => format!(
            "{} batches, ends at commit {} with chain {}",
            wal.batches,
            end.boundary,
            short(&end.chain)
        ),
        None => "empty".to_owned(),
    };
    Part { name: "wal", integrity: &wal.integrity, completeness: Some(&wal.completeness), found }
}

/// What a reader should know beside the verdict.
fn remarks(wal: &WalReport) -> Vec<String> {
    let mut remarks = Vec::new();
    if !wal.epochs_checked {
        remarks.push(
            "the authority ledger is damaged (see ledger verify): epochs were not checked"
                .to_owned(),
        );
    }
    if wal.recovery.as_ref().is_some_and(|found| found.unproven_tail.is_some()) {
        remarks.push(
            "the last batch is an unproven tail: unless a witness says that it was durable, the node \
             sets it aside at its next start"
                .to_owned(),
        );
    }
    if let Integrity::Fault(fault) = &wal.integrity
        && [RuleId::P5I4, RuleId::Ri3, RuleId::FV2].contains(&fault.rule)
    {
        remarks.push(
            "from there on the log does not follow the cluster's history; on a replica, discard-suffix \
             --dry-run shows what that is"
                .to_owned(),
        );
    }
    remarks
}
