//! `ledger verify`: integrity and completeness of both ledgers, and of the WAL, which the authority ledger is
//! held against.

use std::path::PathBuf;

use aerodb_core::rules::RULESET;
use aerodb_ledger::verify::{Integrity, LogReport, verify_directory};
use clap::Args;
use serde_json::json;

use super::directory::{Offline, Part, exit_of, part_rows};
use crate::cli::failure::Exit;
use crate::cli::progress::{Printing, WatchedDisk};
use crate::cli::status::notes;
use crate::cli::wal::{checkpoint_part, wal_part};
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
        let dir = &offline.dir;
        let dirs = [dir.authority_ledger(), dir.decision_ledger(), dir.wal()];
        let disk = WatchedDisk::over(output, Printing::AtTheEnd, &dirs);
        let report = verify_directory(&disk, dir.path(), &offline.known());
        drop(disk);
        if report.wal.integrity != Integrity::Ok {
            offline.notes.push(
                "the WAL could not be checked to its end (see wal verify): what it has seen of the \
                 authority ledger is not known"
                    .to_owned(),
            );
        }
        for (ruleset, count) in &report.authority_ledger.other_rulesets {
            offline.notes.push(format!(
                "{count} of the grants were decided under ruleset {ruleset}, this program has {RULESET}: \
                 everything of them was checked but that the rules give the recorded answer"
            ));
        }
        let (authority, decision) = (&report.authority_ledger, &report.decision_ledger);
        let mut parts = vec![
            offline.part(),
            part("authority ledger", authority),
            part("decision ledger", decision),
            wal_part(&report.wal),
        ];
        if report.checkpoint != Integrity::Ok {
            parts.push(checkpoint_part(&report.checkpoint));
        }
        let exit = exit_of(&parts);
        let json = json!({
            "node_id": offline.node_id(),
            "ok": exit == Exit::Done,
            "identity": offline.identity,
            "authority_ledger": authority,
            "decision_ledger": decision,
            "checkpoint": report.checkpoint,
            "wal": report.wal,
            "notes": offline.notes,
        });
        let text = part_rows(&parts) + &notes(&offline.notes);
        Ok(Shown::new(&json, text).exit(exit))
    }
}

/// A ledger as a part that was checked.
pub(super) fn part<'a>(name: &'static str, log: &'a LogReport) -> Part<'a> {
    let found = match &log.head {
        Some(head) => format!("through entry {}, hash {}", head.seq, short(&head.hash)),
        None => "no entries".to_owned(),
    };
    Part { name, integrity: &log.integrity, completeness: Some(&log.completeness), found }
}
