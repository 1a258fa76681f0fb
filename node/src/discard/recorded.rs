//! What the record says of a discarding that is over.

use std::collections::BTreeMap;

use aerodb_core::decision::record::DecisionBody;
use aerodb_core::id::Seq;
use aerodb_http_api::types::Discarded;
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::Disk;

use crate::directory::DataDir;
use crate::discard::DiscardError;
use crate::identity::IdentityFile;
use crate::witness::frame;

/// What an entry says was set aside; `None` for an entry of another kind. The commits are in the quarantined log.
#[must_use]
pub fn told(seq: Seq, body: &DecisionBody) -> Option<Discarded> {
    let DecisionBody::SuffixDiscarded {
        cleared,
        kept,
        discarded,
        quarantine,
        commits_total,
        entries_total,
        entries,
        request: _,
    } = body
    else {
        return None;
    };
    Some(Discarded {
        seq: Some(seq),
        kept: *kept,
        discarded: *discarded,
        cleared: *cleared,
        commits_total: *commits_total,
        commits: Vec::new(),
        entries_total: *entries_total,
        entries: entries.clone(),
        quarantine: Some(quarantine.clone()),
    })
}

/// The last discarding of a stopped node.
pub(super) fn last(dir: &DataDir, disk: &dyn Disk) -> Result<Discarded, DiscardError> {
    let identity = IdentityFile::read(disk, dir.path())?;
    let owner = identity.key().public_key();
    let read = DecisionLedger::open_read_only(
        disk,
        &dir.decision_ledger(),
        Some(&owner),
        BTreeMap::new(),
        frame(identity.stamp.decision_frame),
    )?;
    let entries = read.entries.after(None, usize::MAX);
    let told = entries.iter().rev().find_map(|stored| {
        let entry = &stored.entry.entry;
        told(entry.seq, &entry.body)
    });
    told.ok_or_else(|| DiscardError::Record("no discarding is in it".to_owned()))
}
