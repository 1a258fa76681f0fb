//! The fold: one entry at a time, each checked against the state that it lands on. The same function
//! runs when an entry is made, adopted from a peer, read back at start, replayed by an auditor, and
//! explored by the model checker. A grant that was decided under other rules than this program has folds like any
//! other, if it came to a yes: a ledger stays readable. It is taken into a ledger that does not have it only by a
//! program that has those rules (AU-19).
//!
//! Signatures are not looked at here; the ledger crate checks them before it calls this.
//!
//! Keeps: P6-A2, P6-A3, P6-F2, P6-RC7, P6-D2, RM-7.

mod change;
mod grant;
mod members;
mod succession;

use std::collections::{BTreeMap, BTreeSet};

use crate::authority::{Authority, Entry, EntryBody, EpochStart, Illegal, Membership, Tenure};
use crate::hash::{ClusterId, Hash};
use crate::id::{Epoch, NodeId, Seq};
use crate::position::{LedgerHead, Position};
use crate::rules::RULESET;

use change::Change;
use grant::check_grant;
use members::{check_admission, check_removal};
use succession::{check_certificate, check_designation, check_release, check_relinquishment};

/// Folds one entry into the state before it (`None` before genesis), which is left as it is: the copy
/// costs as much as the ledger is long. A fold over many entries is [`Authority::found`] and then
/// [`Authority::take`].
///
/// # Errors
/// [`Illegal`] when the entry may not stand there.
pub fn evolve(state: Option<&Authority>, entry: &Entry) -> Result<Authority, Illegal> {
    let Some(state) = state else {
        return Authority::found(entry);
    };
    let mut next = state.clone();
    next.take(entry)?;
    Ok(next)
}

impl Authority {
    /// The state that a ledger's first entry gives.
    ///
    /// # Errors
    /// [`Illegal`] when it may not stand there.
    pub fn found(entry: &Entry) -> Result<Self, Illegal> {
        found(entry)
    }

    /// Folds the next entry in. What it changes is decided before anything is changed.
    ///
    /// # Errors
    /// [`Illegal`] when the entry may not stand there; the state is then unchanged.
    pub fn take(&mut self, entry: &Entry) -> Result<(), Illegal> {
        check_place(self, entry)?;
        let head = entry.head();
        let change = judge(self, entry, head)?;
        self.apply(change);
        self.hashes.push(head.hash);
        Ok(())
    }
}

impl Entry {
    /// Whether an entry that this node's ledger does not have may be taken into it: what it was decided by can be
    /// done again here. What a ledger holds already is read whatever rules it was decided by.
    ///
    /// # Errors
    /// [`Illegal::Ruleset`] for a grant of rules that this program does not have (AU-19).
    pub fn check_adoptable(&self) -> Result<(), Illegal> {
        match &self.body {
            EntryBody::AuthorityGranted(grant) if grant.decision.ruleset != RULESET => {
                Err(Illegal::Ruleset { found: grant.decision.ruleset })
            }
            EntryBody::AuthorityGranted(_)
            | EntryBody::Genesis(_)
            | EntryBody::MemberAdmitted { .. }
            | EntryBody::MemberRemoved { .. }
            | EntryBody::SuccessorDesignated { .. }
            | EntryBody::SuccessorReleased { .. }
            | EntryBody::ObligationEnded { .. }
            | EntryBody::AuthorityRelinquished { .. } => Ok(()),
        }
    }
}

fn found(entry: &Entry) -> Result<Authority, Illegal> {
    let EntryBody::Genesis(genesis) = &entry.body else {
        return Err(Illegal::Genesis { seq: entry.seq, kind: entry.body.kind() });
    };
    if entry.seq != Seq::FIRST {
        return Err(Illegal::Number { expected: Seq::FIRST, found: entry.seq });
    }
    if entry.previous != Hash::NONE_BEFORE {
        return Err(Illegal::Previous {
            seq: entry.seq,
            expected: Hash::NONE_BEFORE,
            found: entry.previous,
        });
    }
    check_author(&genesis.founder.node_id, &entry.author)?;
    let head = entry.head();
    let cluster = ClusterId(head.hash.0);
    let founder = genesis.founder.clone();
    let first = EpochStart {
        epoch: Epoch::FIRST,
        holder: founder.node_id.clone(),
        start: genesis.start(&cluster),
        granted_by: head,
    };
    Ok(Authority {
        cluster,
        genesis: genesis.clone(),
        members: BTreeMap::from([(founder.node_id.clone(), (founder, Membership::Admitted))]),
        epochs: vec![first.clone()],
        tenure: Tenure::Held,
        succession: None,
        hashes: vec![head.hash],
        reached: first.start,
        current: first,
        namings: Vec::new(),
        declined: BTreeSet::new(),
    })
}

fn check_place(state: &Authority, entry: &Entry) -> Result<(), Illegal> {
    let head = state.head();
    match head.seq.next() {
        Some(expected) if expected == entry.seq => {}
        expected => {
            return Err(Illegal::Number {
                expected: expected.unwrap_or(head.seq),
                found: entry.seq,
            });
        }
    }
    if entry.previous != head.hash {
        return Err(Illegal::Previous {
            seq: entry.seq,
            expected: head.hash,
            found: entry.previous,
        });
    }
    Ok(())
}

fn check_author(entitled: &NodeId, found: &NodeId) -> Result<(), Illegal> {
    if entitled == found {
        Ok(())
    } else {
        Err(Illegal::Author { entitled: entitled.clone(), found: found.clone() })
    }
}

/// What every entry but genesis and a grant needs: the holder speaks, in its epoch, still holding.
fn check_holder(state: &Authority, author: &NodeId, epoch: Epoch) -> Result<(), Illegal> {
    check_author(state.holder(), author)?;
    if epoch != state.epoch() {
        return Err(Illegal::Epoch { expected: state.epoch(), found: epoch });
    }
    match state.tenure {
        Tenure::Held => Ok(()),
        Tenure::Relinquished { .. } => Err(Illegal::Relinquished { epoch }),
    }
}

/// What the entry, whose own head is `head`, changes.
fn judge(state: &Authority, entry: &Entry, head: LedgerHead) -> Result<Change, Illegal> {
    let author = &entry.author;
    match &entry.body {
        EntryBody::Genesis(_) => Err(Illegal::Genesis { seq: entry.seq, kind: entry.body.kind() }),
        EntryBody::MemberAdmitted { epoch, member } => {
            check_holder(state, author, *epoch)?;
            check_admission(state, member)
        }
        EntryBody::MemberRemoved { epoch, node_id } => {
            check_holder(state, author, *epoch)?;
            check_removal(state, node_id)
        }
        EntryBody::SuccessorDesignated { epoch, successor, at } => {
            check_holder(state, author, *epoch)?;
            check_designation(state, successor, *at, head)
        }
        EntryBody::SuccessorReleased { epoch, successor } => {
            check_holder(state, author, *epoch)?;
            check_release(state, successor, head)
        }
        EntryBody::ObligationEnded { epoch, node_id, certificate } => {
            check_holder(state, author, *epoch)?;
            check_certificate(state, node_id, certificate)
        }
        EntryBody::AuthorityRelinquished { epoch, successor, final_position } => {
            check_holder(state, author, *epoch)?;
            check_relinquishment(state, successor, *final_position, head)
        }
        EntryBody::AuthorityGranted(grant) => {
            check_author(&grant.holder, author)?;
            check_grant(state, head, grant)
        }
    }
}

fn check_at_least(least: Position, found: Position) -> Result<(), Illegal> {
    let behind = found.boundary < least.boundary;
    let forked = found.boundary == least.boundary && found.chain != least.chain;
    if behind || forked { Err(Illegal::Position { least, found }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
