//! The fold: one entry at a time, each checked against the state that it lands on. The same function
//! runs when an entry is made, adopted from a peer, read back at start, replayed by an auditor, and
//! explored by the model checker.
//!
//! Signatures are not looked at here; the ledger crate checks them before it calls this.

mod grant;
mod members;
mod succession;

use std::collections::BTreeMap;

use crate::authority::{
    Authority, Entry, EntryBody, EpochStart, Illegal, Membership, Succession, Tenure,
};
use crate::hash::{ClusterId, Hash};
use crate::id::{Epoch, NodeId, Seq};
use crate::position::Position;

use grant::check_grant;
use members::{admit, remove};
use succession::{check_certificate, check_heir, check_obligation, release};

/// Folds one entry into the state before it (`None` before genesis).
///
/// # Errors
/// [`Illegal`] when the entry may not stand there; the state is then unchanged.
pub fn evolve(state: Option<&Authority>, entry: &Entry) -> Result<Authority, Illegal> {
    let Some(state) = state else {
        return found(entry);
    };
    check_place(state, entry)?;
    let mut next = state.clone();
    next.hashes.push(entry.hash());
    apply(state, &mut next, entry)?;
    Ok(next)
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
        start: Position::origin(&cluster),
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

fn apply(state: &Authority, next: &mut Authority, entry: &Entry) -> Result<(), Illegal> {
    let author = &entry.author;
    match &entry.body {
        EntryBody::Genesis(_) => Err(Illegal::Genesis { seq: entry.seq, kind: entry.body.kind() }),
        EntryBody::MemberAdmitted { epoch, member } => {
            check_holder(state, author, *epoch)?;
            admit(state, next, member)
        }
        EntryBody::MemberRemoved { epoch, node_id } => {
            check_holder(state, author, *epoch)?;
            remove(state, next, node_id)
        }
        EntryBody::SuccessorDesignated { epoch, successor, at } => {
            check_holder(state, author, *epoch)?;
            check_heir(state, successor)?;
            check_obligation(state, None)?;
            check_at_least(state.reached, *at)?;
            next.reached = *at;
            let (successor, at, entry) = (successor.clone(), *at, entry.head());
            next.succession = Some(Succession::Designated { successor, at, entry });
            Ok(())
        }
        EntryBody::SuccessorReleased { epoch, successor } => {
            check_holder(state, author, *epoch)?;
            release(state, next, entry, successor)
        }
        EntryBody::ObligationEnded { epoch, node_id, certificate } => {
            check_holder(state, author, *epoch)?;
            check_certificate(state, node_id, certificate)?;
            next.succession = None;
            Ok(())
        }
        EntryBody::AuthorityRelinquished { epoch, successor, final_position } => {
            check_holder(state, author, *epoch)?;
            check_heir(state, successor)?;
            if state.succession.is_some() {
                check_obligation(state, Some(successor))?;
            }
            check_at_least(state.reached, *final_position)?;
            next.reached = *final_position;
            let (successor, final_position, entry) =
                (successor.clone(), *final_position, entry.head());
            next.tenure = Tenure::Relinquished { successor, final_position, entry };
            Ok(())
        }
        EntryBody::AuthorityGranted(grant) => {
            check_author(&grant.holder, author)?;
            let start = check_grant(state, entry, grant)?;
            next.reached = start.start;
            next.epochs.push(start.clone());
            next.current = start;
            next.tenure = Tenure::Held;
            next.succession = None;
            Ok(())
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
