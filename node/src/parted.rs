//! A ledger that runs past the parent of a later grant (DESIGN 3.4): the node held, and what it said there was
//! never covered, or the grant could not have been made without it. The node halts (F-V2), and `discard-suffix`
//! sets those entries aside, with every batch that is stamped with one of them.
//!
//! Why they were never covered, and nothing was acknowledged because of them: under obligation an entry is
//! covered by the receipt of the node that is owed. A grant on the designation is made by that very node, on its
//! own ledger, and from before it on it gives no receipt of the old epoch. A grant on any other basis follows a
//! relinquishment, and nothing of the relinquisher may follow that but a grant.

use std::sync::Arc;

use aerodb_core::authority::{Authority, Entry, EntryBody, SignedEntry};
use aerodb_core::machine::Failure;
use aerodb_core::position::LedgerHead;
use aerodb_core::rules::RuleId;
use aerodb_ledger::Stored;
use aerodb_ledger::authority::{Rejected, admit_entry, adopt_entry};
use serde_json::{Value, json};

/// The field of the failure's evidence that names the last entry to keep.
const KEPT: &str = "ledger_kept";

/// What the first entry of another ledger past the last common one means for this one.
#[derive(Debug, Clone, PartialEq)]
pub enum Parting {
    /// A later grant, made without what this ledger has past it.
    Deposed(Value),
    /// A later grant, and this ledger has another one: the epoch was granted twice.
    GrantedTwice(Value),
    /// No grant that this ledger as it was would admit; the other one is wrong, or there is nothing to learn.
    Nothing(String),
}

/// Judges by `ours`, all of this node's entries, from genesis on.
#[must_use]
pub fn judge(ours: &[Stored<SignedEntry>], common: LedgerHead, first: &SignedEntry) -> Parting {
    // The ledger there grows while it is asked: what it lacked at the first question, it may have pulled by the last.
    if ours.iter().any(|stored| stored.entry.entry.head() == first.entry.head()) {
        return Parting::Nothing(
            "it has come to what this ledger has past it; ask again".to_owned(),
        );
    }
    let mut state = match folded_to(ours, common) {
        Ok(Some(state)) => Some(state),
        Ok(None) => return Parting::Nothing("it has another beginning".to_owned()),
        Err(rejected) => return Parting::Nothing(rejected.to_string()),
    };
    if let Err(rejected) = adopt_entry(&mut state, first) {
        return Parting::Nothing(rejected.to_string());
    }
    let EntryBody::AuthorityGranted(grant) = &first.entry.body else {
        return Parting::Nothing(format!("entry {} there is no grant", first.entry.seq));
    };
    let ours = ours.iter().map(|stored| &stored.entry.entry);
    let suffix: Vec<&Entry> = ours.filter(|entry| entry.seq > common.seq).collect();
    let evidence = json!({
        "detail": "the ledger runs past the parent of a later grant",
        "granted_epoch": grant.epoch,
        "granted_to": grant.holder,
        "granted_start": grant.start,
        KEPT: common,
        "ledger_end": suffix.last().map(|entry| entry.head()),
        "entries": suffix.iter().map(|entry| entry.body.kind()).collect::<Vec<_>>(),
    });
    let granted = |entry: &&Entry| matches!(entry.body, EntryBody::AuthorityGranted(_));
    if suffix.iter().any(granted) {
        Parting::GrantedTwice(evidence)
    } else {
        Parting::Deposed(evidence)
    }
}

/// The last entry to keep, where the failure is about what follows it.
#[must_use]
pub fn kept_before(failure: &Failure) -> Option<LedgerHead> {
    if failure.rule != RuleId::FV2 {
        return None;
    }
    let evidence: Value = serde_json::from_str(&failure.evidence).ok()?;
    serde_json::from_value(evidence.get(KEPT)?.clone()).ok()
}

/// What a ledger says through its entry `head`, every entry admitted again; `None` when it has no such entry.
///
/// # Errors
/// [`Rejected`] when an entry may not stand where it stands.
pub fn folded_to(
    entries: &[Stored<SignedEntry>],
    head: LedgerHead,
) -> Result<Option<Arc<Authority>>, Rejected> {
    let mut state = None;
    for stored in entries.iter().take_while(|stored| stored.entry.entry.seq <= head.seq) {
        admit_entry(&mut state, &stored.entry)?;
    }
    Ok(state.filter(|authority| authority.head() == head))
}
