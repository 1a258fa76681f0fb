//! Which of two directories of a stopped node has its identity from now on (DESIGN 3.3): a directory that was
//! moved, or copied, starts halted, until the other one is retired.
//!
//! 1. both are locked; all of the one that is kept is made durable: what copied it may have left it to the cache
//! 2. both are read, compared, and the decision is made; until here nothing of either has changed
//! 3. the decision is recorded in the one that is kept
//! 4. the one that is left is retired: one rename. From here on it never starts again
//! 5. the one that is kept is bound to where it lies: one rename. From here on it starts
//!
//! After a crash before step 4 the one that is left starts as ever, after it neither does; the command, run again,
//! goes on where it was.

use std::sync::Arc;

use aerodb_core::authority::Annotation;
use aerodb_core::decision::record::{DecisionBody, Lasting, SignedDecision};
use aerodb_core::decision::relocate::{DirectoryFacts, Holdings, RelocateFacts, remedies};
use aerodb_core::directory::{DirectoryId, Retired};
use aerodb_core::explain::{Explanation, Recorded};
use aerodb_core::id::Seq;
use aerodb_core::position::LedgerHead;
use aerodb_core::rules::RuleId;
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::{Disk, sync_tree};
use aerodb_ledger::{Entries, LedgerPlace};

use crate::directory::{DataDir, DirectoryLock, lock};
use crate::identity::{IdentityError, IdentityFile, Stamp};
use crate::stopped::contents::{Contents, last_of, read};
use crate::stopped::{Refused, StoppedError};
use crate::witness::frame;

/// What came of it.
#[derive(Debug)]
pub enum Relocating {
    /// The directory that is kept has the identity, the other one is retired.
    Relocated {
        /// Where that stands in the node's record; `None` when it was only looked at.
        seq: Option<Seq>,
        /// Why.
        explanation: Box<Explanation>,
    },
    /// Nothing was given or taken away; recorded in the directory that was to be kept, unless that was given up.
    Refused(Box<Refused>),
}

/// The directory that shall be given up, as far as it is there.
struct Left<'a> {
    dir: &'a DataDir,
    identity: IdentityFile,
    _lock: Option<DirectoryLock>,
}

/// Has `kept` keep the identity and `left` lose it. With `dry_run` it is only said what would come of it.
///
/// # Errors
/// [`StoppedError`]; before step 3 nothing was changed.
pub fn relocate(
    kept: &DataDir,
    left: Option<&DataDir>,
    disk: &Arc<dyn Disk>,
    dry_run: bool,
    annotation: Annotation,
) -> Result<Relocating, StoppedError> {
    drop(IdentityFile::read(&**disk, kept.path())?);
    let _lock = lock(kept, disk)?;
    let identity = IdentityFile::read(&**disk, kept.path())?;
    let here = disk.directory_id(kept.path())?;
    let left = left.map(|dir| reach(dir, here, disk)).transpose()?.flatten();
    if !dry_run {
        sync_tree(&**disk, kept.path())?;
    }
    let contents = read(kept, disk, &identity)?;
    let facts = facts(&contents, kept, &identity, left.as_ref(), disk)?;
    let to = facts.kept.here;
    let done = facts.is_done();
    let (decision, explanation) = Recorded::decide(facts);
    if !explanation.holds() {
        let failed: Vec<RuleId> = explanation.failed().map(|rule| rule.rule).collect();
        let remedies = remedies(&decision.facts, &failed);
        // A directory that was given up stays as it is.
        if !dry_run && identity.retired.is_none() {
            let body = DecisionBody::RelocateRefused { decision };
            let _ = append(kept, disk, &identity, Some(body), annotation)?;
        }
        return Ok(Relocating::Refused(Box::new(Refused { explanation, remedies })));
    }
    let Some(left) = left else {
        return Err(StoppedError::Record("there is no directory to retire".to_owned()));
    };
    let from = disk.directory_id(left.dir.path())?;
    let before = recorded(&contents.decisions, from, to);
    let explanation = Box::new(explanation);
    if dry_run || done {
        let seq = before.map(|(seq, ())| seq).filter(|_| !dry_run);
        return Ok(Relocating::Relocated { seq, explanation });
    }
    let (seq, decision_frame) = record(kept, disk, &identity, before, decision, annotation)?;
    let _ = left.identity.retired(Retired::Relocated { to }).write(&**disk, left.dir.path())?;
    // A peer is told the number of starts, which never goes back.
    let starts = identity.stamp.starts.max(left.identity.stamp.starts);
    let stamp = Stamp { starts, decision_frame, ..identity.stamp };
    let _ = identity.restamped(stamp).rebound(to).write(&**disk, kept.path())?;
    Ok(Relocating::Relocated { seq: Some(seq), explanation })
}

/// A directory without an identity is none that could be given up. The one that is kept has its lock already.
fn reach<'a>(
    dir: &'a DataDir,
    kept: DirectoryId,
    disk: &Arc<dyn Disk>,
) -> Result<Option<Left<'a>>, StoppedError> {
    match IdentityFile::read(&**disk, dir.path()) {
        Err(IdentityError::Missing { .. }) => return Ok(None),
        read => drop(read?),
    }
    let same = disk.directory_id(dir.path())? == kept;
    let lock = if same { None } else { Some(lock(dir, disk)?) };
    let identity = IdentityFile::read(&**disk, dir.path())?;
    Ok(Some(Left { dir, identity, _lock: lock }))
}

fn facts(
    contents: &Contents,
    kept: &DataDir,
    identity: &IdentityFile,
    left: Option<&Left<'_>>,
    disk: &Arc<dyn Disk>,
) -> Result<RelocateFacts, StoppedError> {
    let here = disk.directory_id(kept.path())?;
    let Some(left) = left else {
        let holds = Some(holdings(contents, None));
        return Ok(RelocateFacts { kept: directory(identity, here, holds), left: None });
    };
    let there = disk.directory_id(left.dir.path())?;
    // What an original is compared with is a copy, which may be torn.
    let compared = identity.binding != here && there != here;
    let of_left = match compared {
        true => Some(read(left.dir, disk, &left.identity)?),
        false => None,
    };
    let upto = of_left.as_ref().map(|contents| contents.decisions_end);
    let of_left = of_left.as_ref().map(|contents| holdings(contents, None));
    Ok(RelocateFacts {
        kept: directory(identity, here, Some(holdings(contents, upto))),
        left: Some(directory(&left.identity, there, of_left)),
    })
}

fn directory(
    identity: &IdentityFile,
    here: DirectoryId,
    holds: Option<Holdings>,
) -> DirectoryFacts {
    DirectoryFacts {
        cluster: identity.cluster,
        node: identity.node_id.clone(),
        public_key: identity.key().public_key(),
        bound_to: identity.binding,
        here,
        retired: identity.retired,
        holds,
    }
}

/// How far the logs reach; the record as far as another one does, where it does: what a copy that was started has
/// recorded since are requests that it refused, and an attempt at this very relocation that was cut short.
fn holdings(contents: &Contents, upto: Option<Option<LedgerHead>>) -> Holdings {
    let here = |seq| contents.decisions.entry(seq).map(|stored| stored.entry.entry.head());
    let decisions = match upto {
        Some(Some(end)) => here(end.seq).or(contents.decisions_end),
        Some(None) => None,
        None => contents.decisions_end,
    };
    Holdings {
        ledger: contents.authority.head(),
        decisions,
        history: contents.replayed.standing.tip,
        received: contents.replayed.standing.received,
    }
}

/// The entry that says that the identity goes from one directory to the other.
fn recorded(
    entries: &Entries<SignedDecision>,
    from: DirectoryId,
    to: DirectoryId,
) -> Option<(Seq, ())> {
    last_of(entries, |lasting| match lasting {
        Lasting::Relocated(decision) => {
            let facts = &decision.facts;
            let left = facts.left.as_ref().map(|left| left.here);
            (facts.kept.here == to && left == Some(from)).then_some(())
        }
        Lasting::Declined(_) | Lasting::Forked(..) => None,
    })
}

/// Step 3, unless it was done before; gives the entry's number, and the last frame of the record.
fn record(
    kept: &DataDir,
    disk: &Arc<dyn Disk>,
    identity: &IdentityFile,
    before: Option<(Seq, ())>,
    decision: Recorded<RelocateFacts>,
    annotation: Annotation,
) -> Result<(Seq, u64), StoppedError> {
    let said = before.is_none().then_some(DecisionBody::Relocated { decision });
    let (appended, frame) = append(kept, disk, identity, said, annotation)?;
    let seq = before.map(|(seq, ())| seq).or(appended);
    let seq = seq.ok_or_else(|| StoppedError::Record("its numbers are exhausted".to_owned()))?;
    Ok((seq, frame))
}

/// Appends to the record of the directory that is to be kept, if there is something to say.
fn append(
    kept: &DataDir,
    disk: &Arc<dyn Disk>,
    identity: &IdentityFile,
    said: Option<DecisionBody>,
    annotation: Annotation,
) -> Result<(Option<Seq>, u64), StoppedError> {
    let (key, dir) = (identity.key(), kept.decision_ledger());
    let owner = key.public_key();
    let place =
        LedgerPlace { disk: Arc::clone(disk), dir: &dir, options: kept.ledger_options(), owner };
    let seen = frame(identity.stamp.decision_frame);
    let (mut decisions, _) =
        DecisionLedger::open(&place, identity.node_id.clone(), seen, &kept.quarantine())?;
    let seq = said.map(|body| decisions.append(body, annotation, &key)).transpose()?;
    Ok((seq.map(|head| head.seq), decisions.last_frame_seq()))
}
