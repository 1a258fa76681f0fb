//! The audit: what the nodes left on their disks, checked by commands that trust none of them.

use serde_json::Value;

use super::error::DemoError;
use super::node::{aerodb, line};
use super::story::Story;

impl Story {
    pub(super) fn audit(&mut self) -> Result<(), DemoError> {
        for index in 0..3 {
            let node = [&self.n1, &self.n2, &self.n3][index];
            let (id, dir) = (node.id.clone(), node.dir_text());
            self.steps.begin(format!("audit {id}"));
            let report = self.checked(&["ledger", "verify", "--data-dir", &dir])?;
            let complete = report["authority_ledger"]["completeness"]["status"].as_str();
            let complete = complete.unwrap_or("unknown");
            let head = &report["authority_ledger"]["head"]["seq"];
            self.steps
                .saw(format!("genuine through ledger entry {head}; completeness: {complete}"));
            let report = self.checked(&["ledger", "replay", "--data-dir", &dir])?;
            let decisions = report["decisions"].as_array().map_or(0, Vec::len);
            self.steps.saw(format!("decisions made again, all with the same outcome: {decisions}"));
            self.tally.ledgers_replayed += 1;
            self.tally.decisions_replayed += decisions;
            let report = self.checked(&["wal", "verify", "--data-dir", &dir])?;
            let end = &report["wal"]["end"]["commit_id"];
            self.steps.saw(format!("the log is genuine through commit {end}"));
        }
        Ok(())
    }

    /// Runs a check, which must find nothing wrong.
    fn checked(&mut self, args: &[&str]) -> Result<Value, DemoError> {
        self.steps.by_hand(line(args));
        let json: Vec<&str> = args.iter().copied().chain(["--output", "json"]).collect();
        let report = aerodb(&json)?;
        serde_json::from_str(&report).map_err(|error| DemoError::system("read a report", error))
    }
}
