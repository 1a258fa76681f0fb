//! `ledger verify`: integrity of both ledgers, and completeness against what the WAL has seen.

use std::path::PathBuf;

use aerodb_ledger::disk::RealDisk;
use aerodb_ledger::verify::{Completeness, Integrity, LogReport, verify_directory};
use clap::Args;
use serde_json::json;

use super::directory::{Offline, exit_of, integrity_rows};
use crate::cli::failure::Exit;
use crate::cli::status::notes;
use crate::cli::{Failure, Shown, short};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The directory of a stopped node, or a copy of one.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

impl Verify {
    pub(super) fn run(self) -> Result<Shown, Failure> {
        let mut offline = Offline::open(self.data_dir)?;
        let report = verify_directory(&RealDisk, offline.dir.path(), offline.owner());
        if report.wal.integrity != Integrity::Ok {
            offline.notes.push(
                "the WAL is damaged (see wal verify); completeness is judged by its sound part"
                    .to_owned(),
            );
        }
        let (authority, decision) = (&report.authority_ledger, &report.decision_ledger);
        let complete = report.completeness;
        let parts = [&offline.identity, &authority.integrity, &decision.integrity];
        let exit = match (exit_of(parts), complete) {
            (Exit::Done, Completeness::Fault { .. }) => Exit::Refused,
            (exit, _) => exit,
        };
        let json = json!({
            "node_id": offline.node_id(),
            "ok": exit == Exit::Done,
            "identity": offline.identity,
            "authority_ledger": authority,
            "decision_ledger": decision,
            "completeness": complete,
            "notes": offline.notes,
        });
        let text = integrity_rows([
            (
                "identity",
                &offline.identity,
                offline.node_id().map_or_else(String::new, |id| id.to_string()),
            ),
            ("authority ledger", &authority.integrity, found(authority)),
            ("decision ledger", &decision.integrity, found(decision)),
        ]) + &completeness(complete)
            + &notes(&offline.notes);
        Ok(Shown::new(&json, text).exit(exit))
    }
}

fn found(log: &LogReport) -> String {
    match &log.head {
        Some(head) => format!("through entry {}, hash {}", head.seq, short(&head.hash)),
        None => "no entries".to_owned(),
    }
}

fn completeness(found: Completeness) -> String {
    match found {
        Completeness::Ok => {
            "complete: the authority ledger holds all that the WAL has seen\n".to_owned()
        }
        Completeness::Fault { rule, seen, head } => format!(
            "INCOMPLETE ({rule}): the WAL has seen entry {} ({}), the authority ledger ends at {} ({})\n",
            seen.seq,
            short(&seen.hash),
            head.seq,
            short(&head.hash)
        ),
        Completeness::Unknown => {
            "completeness unknown: there is no WAL batch to hold the authority ledger against\n"
                .to_owned()
        }
    }
}
