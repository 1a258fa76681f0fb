//! `ledger replay`: every recorded decision, made again from its recorded facts.

use std::path::PathBuf;

use aerodb_ledger::disk::RealDisk;
use aerodb_ledger::verify::{
    ReplayedDecision, Verdict, replay_authority, replay_decisions, verify_authority,
    verify_decisions,
};
use clap::Args;
use serde_json::json;

use super::directory::{Offline, exit_of, integrity_rows};
use crate::cli::failure::Exit;
use crate::cli::status::{notes, word};
use crate::cli::table::{Rows, short};
use crate::cli::{Failure, Shown};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The directory of a stopped node, or a copy of one.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

impl Replay {
    pub(super) fn run(self) -> Result<Shown, Failure> {
        let offline = Offline::open(self.data_dir)?;
        let (dir, owner) = (&offline.dir, offline.owner());
        let (authority_report, authority) =
            verify_authority(&RealDisk, &dir.authority_ledger(), owner);
        let members = authority.as_ref().map(|read| &*read.authority);
        let (decision_report, decisions) =
            verify_decisions(&RealDisk, &dir.decision_ledger(), owner, members);
        let mut replayed = Vec::new();
        replayed.extend(authority.iter().flat_map(|read| replay_authority(&read.entries)));
        replayed.extend(decisions.iter().flat_map(|read| replay_decisions(&read.entries)));

        let (authority, decision) = (&authority_report.integrity, &decision_report.integrity);
        let genuine = exit_of([&offline.identity, authority, decision]);
        let exit = match genuine {
            Exit::Done => verdict(&replayed),
            Exit::Refused | Exit::Usage | Exit::Unreachable => genuine,
        };
        let json = json!({
            "node_id": offline.node_id(),
            "ok": exit == Exit::Done,
            "identity": offline.identity,
            "authority_ledger": authority,
            "decision_ledger": decision,
            "decisions": replayed,
            "notes": offline.notes,
        });
        let faults = match genuine {
            Exit::Done => String::new(),
            Exit::Refused | Exit::Usage | Exit::Unreachable => integrity_rows([
                ("identity", &offline.identity, String::new()),
                ("authority ledger", authority, String::new()),
                ("decision ledger", decision, String::new()),
            ]),
        };
        let text = render(&replayed) + &faults + &notes(&offline.notes);
        Ok(Shown::new(&json, text).exit(exit))
    }
}

/// A decision that was not made again is not proven, so it does not count as the same.
fn verdict(replayed: &[ReplayedDecision]) -> Exit {
    let same = replayed.iter().all(|decision| decision.verdict == Verdict::Same);
    if same { Exit::Done } else { Exit::Refused }
}

fn render(replayed: &[ReplayedDecision]) -> String {
    let mut rows = Rows::new(["LEDGER", "SEQ", "DECISION", "VERDICT", "RECORDED", "REPLAYED"]);
    for decision in replayed {
        rows.add([
            decision.log.as_str().to_owned(),
            decision.seq.to_string(),
            decision.kind.to_owned(),
            word(&decision.verdict),
            short(&decision.recorded),
            decision.replayed.map_or_else(|| "-".to_owned(), |digest| short(&digest)),
        ]);
    }
    let same = replayed.iter().filter(|decision| decision.verdict == Verdict::Same).count();
    format!("{}{same} of {} decisions come out the same\n", rows.render(), replayed.len())
}
