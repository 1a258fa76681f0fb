//! `ledger replay`: every recorded decision, made again from its recorded facts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aerodb_core::rules::RULESET;
use aerodb_ledger::verify::{
    LogReport, ReplayedDecision, Verdict, replay_authority_entry, replay_decision_entry,
    verify_authority, verify_decisions,
};
use clap::Args;
use serde_json::json;

use super::directory::{Offline, exit_of, part_rows};
use super::verify::part;
use crate::cli::failure::Exit;
use crate::cli::listing::{Form, Listing, Stop, printed};
use crate::cli::progress::{Printing, WatchedDisk};
use crate::cli::status::{notes, word};
use crate::cli::table::short;
use crate::cli::{Failure, Output, Shown};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The directory of a stopped node, or a copy of one.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

const FORM: Form =
    Form::Table(&["LEDGER", "SEQ", "DECISION", "RULESET", "VERDICT", "RECORDED", "REPLAYED"]);

/// The decisions replayed so far.
struct Replaying {
    listing: Listing,
    same: usize,
    /// Decisions of rules that this program does not have, by their version.
    other: BTreeMap<u32, usize>,
}

impl Replay {
    pub(super) fn run(self, output: Output) -> Result<Shown, Failure> {
        let offline = Offline::open(self.data_dir)?;
        match run(&offline, output) {
            Ok((replaying, authority, decisions)) => {
                conclude(&offline, replaying, &authority, &decisions)
            }
            Err(stop) => printed(Err(stop), Exit::Done),
        }
    }
}

fn run(offline: &Offline, output: Output) -> Result<(Replaying, LogReport, LogReport), Stop> {
    let (dir, known) = (&offline.dir, offline.known());
    let (authority_dir, decision_dir) = (dir.authority_ledger(), dir.decision_ledger());
    let dirs = [authority_dir.clone(), decision_dir.clone()];
    let disk = WatchedDisk::over(output, Printing::Meanwhile, &dirs);
    let head = json!({ "node_id": offline.node_id(), "identity": offline.identity });
    let listing = Listing::begin(output, FORM, &head, "decisions")?;
    let mut replaying = Replaying { listing, same: 0, other: BTreeMap::new() };
    let ledger = verify_authority(&disk, &authority_dir, &known, &mut |stored| {
        replaying.take(replay_authority_entry(&stored.entry))
    })?;
    let authority = ledger.authority.as_deref();
    let decisions = verify_decisions(&disk, &decision_dir, &known, authority, &mut |stored| {
        replaying.take(replay_decision_entry(&stored.entry))
    })?;
    Ok((replaying, ledger.report, decisions))
}

impl Replaying {
    fn take(&mut self, replayed: Option<ReplayedDecision>) -> Result<(), Stop> {
        let Some(decision) = replayed else { return Ok(()) };
        // What was not made again is not proven, so it does not count as the same.
        match decision.verdict {
            Verdict::Same => self.same += 1,
            Verdict::Differs => {}
            Verdict::OtherRuleset => *self.other.entry(decision.ruleset).or_default() += 1,
        }
        self.listing.item(|| aerodb_core::explain_value(&decision), || cells(&decision))
    }
}

fn cells(decision: &ReplayedDecision) -> Vec<String> {
    vec![
        decision.log.as_str().to_owned(),
        decision.seq.to_string(),
        decision.kind.to_owned(),
        decision.ruleset.to_string(),
        word(&decision.verdict),
        short(&decision.recorded),
        decision.replayed.map_or_else(|| "-".to_owned(), |digest| short(&digest)),
    ]
}

fn conclude(
    offline: &Offline,
    replaying: Replaying,
    authority: &LogReport,
    decisions: &LogReport,
) -> Result<Shown, Failure> {
    let parts =
        [offline.part(), part("authority ledger", authority), part("decision ledger", decisions)];
    let Replaying { listing, same, other } = replaying;
    let other = other_rulesets(&other);
    let all = listing.len();
    let genuine = exit_of(&parts);
    let (exit, faults) = match genuine {
        Exit::Done if same == all => (Exit::Done, String::new()),
        Exit::Done => (Exit::Refused, String::new()),
        Exit::Refused | Exit::Usage | Exit::Unreachable => (genuine, part_rows(&parts)),
    };
    let tail = json!({
        "ok": exit == Exit::Done,
        "same": same,
        "ruleset": RULESET,
        "other_rulesets": other,
        "authority_ledger": authority,
        "decision_ledger": decisions,
        "notes": offline.notes,
    });
    let verdict = format!("{same} of {all} decisions come out the same\n");
    let said = other.iter().map(|line| format!("{line}\n")).collect::<String>();
    listing.end(&tail, &(verdict + &said + &faults + &notes(&offline.notes)), exit)
}

/// What was not made again, and why.
fn other_rulesets(other: &BTreeMap<u32, usize>) -> Vec<String> {
    let line = |(ruleset, count): (&u32, &usize)| {
        format!("{count} made under ruleset {ruleset}, this program has {RULESET}: not made again")
    };
    other.iter().map(line).collect()
}
