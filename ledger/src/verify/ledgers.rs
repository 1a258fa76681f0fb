//! The two ledgers, checked entry by entry.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use aerodb_core::authority::{Authority, Illegal, SignedEntry};
use aerodb_core::decision::record::SignedDecision;
use aerodb_core::hash::PublicKey;
use aerodb_core::id::{Boundary, NodeId, Seq};
use aerodb_core::position::LedgerHead;

use crate::authority::AuthorityLedger;
use crate::chronicle::Stored;
use crate::decision::DecisionLedger;
use crate::disk::Disk;
use crate::fault::{Fault, OpenError};
use crate::log::{Recovery, Witness};
use crate::verify::{Completeness, Integrity, Known, LogReport};

/// An authority ledger that was checked.
#[derive(Debug)]
pub struct VerifiedAuthority {
    /// What the check found.
    pub report: LogReport,
    /// What the entries say; `None` after a fault.
    pub authority: Option<Arc<Authority>>,
    /// The furthest commit that an entry of the node itself names.
    pub named: Boundary,
    /// The last entry of the node's decision ledger that a grant to it is named after.
    pub asked: Option<Seq>,
}

/// Checks an authority ledger: every entry's bytes, signatures, and place in the fold. Each is shown to
/// `visit` once it has passed; those before a fault are.
///
/// # Errors
/// What `visit` gave: the check went no further.
pub fn verify_authority<E>(
    disk: &dyn Disk,
    dir: &Path,
    known: &Known<'_>,
    visit: &mut dyn FnMut(Stored<SignedEntry>) -> Result<(), E>,
) -> Result<VerifiedAuthority, E> {
    let (mut named, mut asked, mut other_rulesets) = (Boundary::ORIGIN, None, BTreeMap::new());
    let mut look = |stored: Stored<SignedEntry>| {
        let entry = &stored.entry.entry;
        if let Err(Illegal::Ruleset { found }) = entry.check_adoptable() {
            *other_rulesets.entry(found).or_default() += 1;
        }
        if let Some(node) = known.node.filter(|node| **node == entry.author) {
            named = named.max(entry.body.names().unwrap_or(named));
            asked = asked.max(entry.body.asked_of(node));
        }
        visit(stored)
    };
    let scanned =
        AuthorityLedger::scan_read_only(disk, dir, known.owner, Witness::default(), &mut look);
    match scanned {
        Ok((authority, recovery)) => {
            let stamped = known.stamps.map(|stamps| stamps.authority);
            let whole = whole(recovery, stamped, Some(authority.head()));
            let report = LogReport { other_rulesets, ..whole };
            Ok(VerifiedAuthority { report, authority: Some(authority), named, asked })
        }
        Err(OpenError::Fault(fault)) => {
            Ok(VerifiedAuthority { report: broken(&fault), authority: None, named, asked })
        }
        Err(OpenError::Refused(stop)) => Err(stop),
    }
}

/// Checks a decision ledger: every entry's bytes, chain and signature. The key is the owner's, or that of
/// the member that the entries name. Each entry is shown to `visit` once it has passed.
///
/// # Errors
/// What `visit` gave: the check went no further.
pub fn verify_decisions<E>(
    disk: &dyn Disk,
    dir: &Path,
    known: &Known<'_>,
    authority: Option<&Authority>,
    visit: &mut dyn FnMut(Stored<SignedDecision>) -> Result<(), E>,
) -> Result<LogReport, E> {
    let members: BTreeMap<NodeId, PublicKey> = authority
        .into_iter()
        .flat_map(Authority::members)
        .map(|(member, _)| (member.node_id.clone(), member.public_key))
        .collect();
    let (owner, witness) = (known.owner, Witness::default());
    match DecisionLedger::scan_read_only(disk, dir, owner, members, witness, visit) {
        Ok((head, recovery)) => {
            Ok(whole(recovery, known.stamps.map(|stamps| stamps.decision), head))
        }
        Err(OpenError::Fault(fault)) => Ok(broken(&fault)),
        Err(OpenError::Refused(stop)) => Err(stop),
    }
}

fn whole(recovery: Recovery, stamped: Option<u64>, head: Option<LedgerHead>) -> LogReport {
    let completeness = Completeness::by_stamp(&recovery, stamped);
    LogReport {
        integrity: Integrity::Ok,
        completeness,
        recovery: Some(recovery),
        head,
        other_rulesets: BTreeMap::new(),
    }
}

fn broken(fault: &Fault) -> LogReport {
    LogReport {
        integrity: Integrity::Fault(fault.into()),
        completeness: Completeness::Unknown,
        recovery: None,
        head: None,
        other_rulesets: BTreeMap::new(),
    }
}
