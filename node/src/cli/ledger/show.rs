//! `ledger show`: the entries, of a node or of a directory.

use std::path::PathBuf;

use aerodb_http_api::types::{LedgerEntryView, LogName};
use aerodb_ledger::disk::RealDisk;
use aerodb_ledger::verify::{Integrity, LogReport, verify_authority, verify_decisions};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::directory::{Offline, exit_of, integrity_rows};
use crate::cli::status::notes;
use crate::cli::table::{Rows, compact, short};
use crate::cli::{Context, Failure, Shown};

/// Entries asked for at once.
const PAGE: usize = 500;

/// Which ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Log {
    /// The cluster's history of authority.
    #[default]
    Authority,
    /// The node's own record of attempts, refusals, halts and interventions.
    Decision,
}

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Which ledger.
    #[arg(long, value_enum, default_value_t)]
    log: Log,
    /// Read this directory instead of asking a node.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Show {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        match self.data_dir {
            Some(dir) => offline(self.log, &Offline::open(dir)?),
            None => online(self.log, context).await,
        }
    }
}

async fn online(log: Log, context: &Context) -> Result<Shown, Failure> {
    let log = match log {
        Log::Authority => LogName::Authority,
        Log::Decision => LogName::Decision,
    };
    let mut view = context.client.ledger(log, 0, PAGE).await?;
    let mut page = view.data.len();
    while page == PAGE {
        let after = view.data.last().map_or(0, |last| last.seq.get());
        let next = context.client.ledger(log, after, PAGE).await?;
        page = next.data.len();
        view.data.extend(next.data);
    }
    Ok(Shown::new(&view, render(&view.data) + &notes(&view.notes)))
}

fn offline(log: Log, offline: &Offline) -> Result<Shown, Failure> {
    let (report, entries) = read(log, offline);
    let exit = exit_of([&offline.identity, &report.integrity]);
    let json = json!({
        "node_id": offline.node_id(),
        "integrity": report.integrity,
        "data": entries,
        "notes": offline.notes,
    });
    let mut text = render(&entries);
    if let Integrity::Fault(_) = report.integrity {
        text += &integrity_rows([("ledger", &report.integrity, String::new())]);
    }
    Ok(Shown::new(&json, text + &notes(&offline.notes)).exit(exit))
}

/// The entries, none when the ledger is damaged: a part of it would look like the whole.
fn read(log: Log, offline: &Offline) -> (LogReport, Vec<LedgerEntryView>) {
    let (dir, owner) = (&offline.dir, offline.owner());
    let (report, authority) = verify_authority(&RealDisk, &dir.authority_ledger(), owner);
    match log {
        Log::Authority => {
            let stored =
                authority.map(|read| read.entries.after(None, usize::MAX)).unwrap_or_default();
            (report, stored.iter().map(|stored| (&*stored.entry).into()).collect())
        }
        Log::Decision => {
            let members = authority.as_ref().map(|read| &*read.authority);
            let (report, decisions) =
                verify_decisions(&RealDisk, &dir.decision_ledger(), owner, members);
            let stored =
                decisions.map(|read| read.entries.after(None, usize::MAX)).unwrap_or_default();
            (report, stored.iter().map(|stored| (&*stored.entry).into()).collect())
        }
    }
}

fn render(entries: &[LedgerEntryView]) -> String {
    let mut rows = Rows::new(["SEQ", "ENTRY", "AUTHOR", "SAYS", "HASH", "REASON"]);
    for entry in entries {
        rows.add([
            entry.seq.to_string(),
            entry.entry.clone(),
            entry.author.to_string(),
            says(entry),
            short(&entry.hash),
            entry.annotation.reason.to_string(),
        ]);
    }
    rows.render()
}

/// The body without what would fill a page: decisions and certificates stand in the JSON form.
fn says(entry: &LedgerEntryView) -> String {
    let members = entry.body.as_object().into_iter().flatten();
    let told = members.filter(|(name, value)| {
        !value.is_null() && name.as_str() != "decision" && name.as_str() != "certificate"
    });
    let pairs: Vec<String> =
        told.map(|(name, value)| format!("{name}={}", compact(value))).collect();
    pairs.join(" ")
}
