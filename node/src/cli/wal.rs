//! `wal verify`: every frame, batch, chain and epoch of a stopped node's write-ahead log, or of a copy.

use std::path::PathBuf;

use aerodb_ledger::disk::RealDisk;
use aerodb_ledger::verify::{WalReport, verify_authority, verify_checkpoint, verify_wal};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::failure::Exit;
use crate::cli::ledger::{Offline, exit_of, integrity_rows};
use crate::cli::status::notes;
use crate::cli::{Failure, Shown, short};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Wal {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check every byte of the log of a directory.
    Verify {
        /// The directory of a stopped node, or a copy of one.
        #[arg(long, value_name = "DIR")]
        data_dir: PathBuf,
    },
}

impl Wal {
    pub(super) fn run(self) -> Result<Shown, Failure> {
        let Command::Verify { data_dir } = self.command;
        let mut offline = Offline::open(data_dir)?;
        let dir = &offline.dir;
        let (_, authority) = verify_authority(&RealDisk, &dir.authority_ledger(), offline.owner());
        let authority = authority.map(|read| read.authority);
        let (marker, checkpoint) = verify_checkpoint(&RealDisk, dir.path());
        let wal = verify_wal(
            &RealDisk,
            &dir.wal(),
            offline.owner(),
            authority.as_deref(),
            checkpoint.as_ref(),
        );
        if !wal.epochs_checked {
            offline.notes.push(
                "the authority ledger is damaged (see ledger verify): epochs were not checked"
                    .to_owned(),
            );
        }
        if wal.recovery.as_ref().is_some_and(|found| found.unproven_tail.is_some()) {
            offline.notes.push(
                "the last batch is an unproven tail: it was never durable, and the node will set it \
                 aside at its next start"
                    .to_owned(),
            );
        }
        let exit = exit_of([&offline.identity, &marker, &wal.integrity]);
        let json = json!({
            "node_id": offline.node_id(),
            "ok": exit == Exit::Done,
            "checkpoint": marker,
            "wal": wal,
            "notes": offline.notes,
        });
        let text = integrity_rows([("wal", &wal.integrity, found(&wal))]) + &notes(&offline.notes);
        Ok(Shown::new(&json, text).exit(exit))
    }
}

fn found(wal: &WalReport) -> String {
    match &wal.end {
        Some(end) => format!(
            "{} batches, ends at commit {} with chain {}",
            wal.batches,
            end.boundary,
            short(&end.chain)
        ),
        None => "empty".to_owned(),
    }
}
