//! `ledger show`: the entries, of a node or of a directory.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aerodb_core::id::Seq;
use aerodb_http_api::types::{LedgerEntryView, LogName};
use aerodb_ledger::verify::{
    Completeness, Integrity, LogReport, verify_authority, verify_decisions,
};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::directory::{Offline, exit_of, part_rows};
use super::verify::part;
use crate::cli::failure::Exit;
use crate::cli::listing::{Form, Listing, Stop, printed};
use crate::cli::progress::{Printing, WatchedDisk};
use crate::cli::status::notes;
use crate::cli::table::{compact, short};
use crate::cli::{Context, Failure, Output, Shown};

/// Entries asked for at once.
const PAGE: usize = 500;

const FORM: Form = Form::Table(&["SEQ", "ENTRY", "AUTHOR", "SAYS", "HASH", "REASON"]);

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
    /// Only entries after this one.
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
    /// At most so many entries.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

impl Show {
    pub(super) async fn run(mut self, context: &Context) -> Result<Shown, Failure> {
        match self.data_dir.take() {
            Some(dir) => self.offline(&Offline::open(dir)?, context.output),
            None => self.online(context).await,
        }
    }

    async fn online(&self, context: &Context) -> Result<Shown, Failure> {
        let log = match self.log {
            Log::Authority => LogName::Authority,
            Log::Decision => LogName::Decision,
        };
        let mut left = self.limit.unwrap_or(usize::MAX);
        // One more than is shown: whether there is more is part of the answer.
        let page = |left: usize| left.saturating_add(1).min(PAGE);
        let mut view = context.client.ledger(log, self.after, page(left)).await?;
        let Value::Object(mut head) = aerodb_core::explain_value(&view) else {
            return Err(Failure::Unreadable("the answer is no object".to_owned()));
        };
        head.retain(|name, _| name != "data" && name != "notes");
        let mut listing = match Listing::begin(context.output, FORM, &head.into(), "data") {
            Ok(listing) => listing,
            Err(stop) => return printed(Err(stop), Exit::Done),
        };
        let more = loop {
            let (asked, found) = (page(left), view.data.len());
            if let Err(stop) =
                view.data.iter().take(left).try_for_each(|view| show(&mut listing, view))
            {
                return printed(Err(stop), Exit::Done);
            }
            let Some(last) = view.data.last().filter(|_| found == asked) else { break false };
            if found > left {
                break true;
            }
            left -= found;
            view = match context.client.ledger(log, last.seq.get(), page(left)).await {
                Ok(view) => view,
                Err(error) => return cut(listing, &error.into()),
            };
        };
        let tail = json!({ "more": more, "notes": view.notes });
        listing.end(&tail, &(more_line(more) + &notes(&view.notes)), Exit::Done)
    }

    fn offline(&self, offline: &Offline, output: Output) -> Result<Shown, Failure> {
        match self.read(offline, output) {
            Ok((listing, report, more)) => {
                let parts = [offline.part(), part("ledger", &report)];
                let exit = exit_of(&parts);
                let tail = json!({
                    "integrity": report.integrity,
                    "completeness": report.completeness,
                    "more": more,
                    "notes": offline.notes,
                });
                let wrong = match exit {
                    Exit::Done => String::new(),
                    Exit::Refused | Exit::Usage | Exit::Unreachable => part_rows(&parts),
                };
                listing.end(&tail, &(more_line(more) + &wrong + &notes(&offline.notes)), exit)
            }
            Err(stop) => printed(Err(stop), Exit::Done),
        }
    }

    /// Prints the entries, those before a fault too, and gives what the check found; at the limit it ends
    /// with what was read so far.
    fn read(&self, offline: &Offline, output: Output) -> Result<(Listing, LogReport, bool), Stop> {
        let (dir, known) = (&offline.dir, offline.known());
        let (authority_dir, decision_dir) = (dir.authority_ledger(), dir.decision_ledger());
        let dirs = [authority_dir.clone(), decision_dir.clone()];
        let dirs = match self.log {
            Log::Authority => &dirs[..1],
            Log::Decision => &dirs,
        };
        let disk = WatchedDisk::over(output, Printing::Meanwhile, dirs);
        let head = json!({ "node_id": offline.node_id(), "identity": offline.identity });
        let mut listing = Listing::begin(output, FORM, &head, "data")?;
        let found = match self.log {
            Log::Authority => verify_authority(&disk, &authority_dir, &known, &mut |stored| {
                self.take(&mut listing, stored.entry.entry.seq, || (&*stored.entry).into())
            })
            .map(|ledger| ledger.report),
            Log::Decision => {
                let ledger =
                    verify_authority(&disk, &authority_dir, &known, &mut |_| Ok::<(), Stop>(()))?;
                let authority = ledger.authority.as_deref();
                verify_decisions(&disk, &decision_dir, &known, authority, &mut |stored| {
                    self.take(&mut listing, stored.entry.entry.seq, || (&*stored.entry).into())
                })
            }
        };
        match found {
            Ok(report) => Ok((listing, report, false)),
            Err(Stop::Enough) => Ok((listing, sound_so_far(), true)),
            Err(stop) => Err(stop),
        }
    }

    fn take(
        &self,
        listing: &mut Listing,
        seq: Seq,
        view: impl FnOnce() -> LedgerEntryView,
    ) -> Result<(), Stop> {
        if seq.get() <= self.after {
            return Ok(());
        }
        if self.limit.is_some_and(|limit| listing.len() >= limit) {
            return Err(Stop::Enough);
        }
        show(listing, &view())
    }
}

/// Ends a list whose rest could not be had.
pub(super) fn cut(listing: Listing, failure: &Failure) -> Result<Shown, Failure> {
    let text = format!("the list is cut: {failure}\n");
    listing.end(&json!({ "error": failure.json() }), &text, failure.exit())
}

/// Prints an entry.
fn show(listing: &mut Listing, entry: &LedgerEntryView) -> Result<(), Stop> {
    listing.item(|| aerodb_core::explain_value(entry), || cells(entry))
}

/// Of a ledger that was read up to the limit.
const fn sound_so_far() -> LogReport {
    let (integrity, completeness) = (Integrity::Ok, Completeness::Unknown);
    LogReport {
        integrity,
        completeness,
        recovery: None,
        head: None,
        other_rulesets: BTreeMap::new(),
    }
}

fn more_line(more: bool) -> String {
    if more { "there are more (--after, --limit)\n".to_owned() } else { String::new() }
}

/// An entry as a row.
pub(super) fn cells(entry: &LedgerEntryView) -> Vec<String> {
    vec![
        entry.seq.to_string(),
        entry.entry.clone(),
        entry.author.to_string(),
        says(entry),
        short(&entry.hash),
        entry.annotation.reason.to_string(),
    ]
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
