//! What is read of the log past the validated history: as much as is listed.

use aerodb_core::wal::{Op, RawBatch};
use aerodb_http_api::types::SetAside;

/// The most commits that are listed; the quarantined log holds them all.
const LISTED_MAX: usize = 1000;

/// Batches that are set aside.
#[derive(Debug, Default)]
pub(super) struct Suffix {
    /// How many.
    pub(super) batches: u64,
    /// How many commits could be read of them.
    pub(super) commits_total: u64,
    /// The first of these.
    pub(super) commits: Vec<SetAside>,
}

impl Suffix {
    /// Takes the next batch.
    pub(super) fn take(&mut self, raw: &RawBatch) {
        self.batches += 1;
        for set_aside in readable(raw) {
            self.commits_total += 1;
            if self.commits.len() < LISTED_MAX {
                self.commits.push(set_aside);
            }
        }
    }
}

/// What can be read of a batch that is set aside; received bytes may be no batch at all.
fn readable(raw: &RawBatch) -> Vec<SetAside> {
    let Ok(batch) = raw.decode() else { return Vec::new() };
    let key = |op: &Op| String::from_utf8_lossy(op.key()).into_owned();
    let epoch = batch.epoch();
    batch
        .commits()
        .map(|(commit_id, commit)| SetAside {
            commit_id,
            epoch,
            keys: commit.ops.iter().map(key).collect(),
        })
        .collect()
}
