//! The holder's last entry of its epoch, made on its disk. It then starts sealed: it serves its history and its
//! ledger to the heir, and acknowledges nothing.
//!
//! The directory is opened as for a start, so that everything the entry speaks of is proven and durable, and the
//! failures that would halt the node refuse the command.
//!
//! Keeps: M-P17.

use std::sync::Arc;

use aerodb_core::authority::{Annotation, Entry, EntryBody, SignedEntry, Tenure};
use aerodb_core::decision::command::{Command, CommandFacts, remedies};
use aerodb_core::decision::node_state::NodeState;
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::explain::{Explanation, Recorded};
use aerodb_core::id::{Epoch, NodeId};
use aerodb_core::position::LedgerHead;
use aerodb_core::rules::RuleId;
use aerodb_ledger::authority::sign_entry;
use aerodb_ledger::crash::{self, Point};
use aerodb_ledger::disk::Disk;

use crate::directory::DataDir;
use crate::identity::Stamp;
use crate::open::{Opened, open};
use crate::stopped::{Refused, StoppedError};

/// What came of it.
#[derive(Debug)]
pub enum Relinquishing {
    /// The entry, durable; made now or before.
    Relinquished(Box<SignedEntry>),
    /// It is recorded that it was refused.
    Refused(Box<Refused>),
}

/// Ends the epoch in favour of `successor`.
///
/// # Errors
/// [`StoppedError`].
pub fn relinquish(
    dir: DataDir,
    disk: &Arc<dyn Disk>,
    successor: NodeId,
    expected_epoch: Epoch,
    annotation: Annotation,
) -> Result<Relinquishing, StoppedError> {
    let mut opened = open(dir, disk)?;
    if let Some(entry) = already(&opened, &successor, expected_epoch) {
        return Ok(Relinquishing::Relinquished(Box::new(entry)));
    }
    let (decision, explanation) = Recorded::decide(facts(&opened, successor, expected_epoch));
    let key = opened.identity.key();
    if !explanation.holds() {
        let refused = refused(&decision.facts, explanation);
        let body = DecisionBody::CommandRefused { decision, request: None };
        opened.decisions.append(body, annotation, &key)?;
        return Ok(Relinquishing::Refused(Box::new(refused)));
    }
    let head = opened.ledger.authority().head();
    let entry = next_entry(&opened, head, decision.facts.entry(), annotation.clone())?;
    let signed = sign_entry(&key, entry);
    opened.ledger.append(std::slice::from_ref(&signed))?;
    crash::reached(Point::SealAfter);
    let done = DecisionBody::CommandDone { decision, entry: signed.entry.head(), request: None };
    opened.decisions.append(done, annotation, &key)?;
    crash::reached(Point::SealRecorded);
    let stamp = Stamp {
        authority_frame: opened.ledger.last_frame_seq(),
        decision_frame: opened.decisions.last_frame_seq(),
        ..opened.identity.stamp
    };
    opened.identity.restamped(stamp).write(&**disk, opened.dir.path())?;
    Ok(Relinquishing::Relinquished(Box::new(signed)))
}

/// The relinquishment that is asked for, if it is there already.
fn already(opened: &Opened, heir: &NodeId, epoch: Epoch) -> Option<SignedEntry> {
    let authority = opened.ledger.authority();
    match authority.tenure() {
        Tenure::Relinquished { successor, entry, .. }
            if successor == heir
                && authority.epoch() == epoch
                && authority.holder() == &opened.identity.node_id =>
        {
            opened.ledger.entries().entry(entry.seq).map(|stored| (*stored.entry).clone())
        }
        Tenure::Relinquished { .. } | Tenure::Held => None,
    }
}

fn facts(opened: &Opened, successor: NodeId, expected_epoch: Epoch) -> CommandFacts {
    let state = NodeState {
        node: &opened.identity.node_id,
        authority: opened.ledger.authority(),
        role: opened.role,
        halt: opened.failures.first().map(|failure| failure.rule),
    };
    let wal_end = opened.replayed.standing.tip;
    // Nobody pulls from a stopped node, and relinquishing does not ask for it.
    state.of_command(Command::Relinquish(successor), Some(expected_epoch), wal_end, false)
}

fn refused(facts: &CommandFacts, explanation: Explanation) -> Refused {
    let failed: Vec<RuleId> = explanation.failed().map(|rule| rule.rule).collect();
    Refused { remedies: remedies(facts, &failed), explanation }
}

fn next_entry(
    opened: &Opened,
    head: LedgerHead,
    body: EntryBody,
    annotation: Annotation,
) -> Result<Entry, StoppedError> {
    let exhausted = || StoppedError::Record("its numbers are exhausted".to_owned());
    Ok(Entry {
        format: Entry::FORMAT,
        seq: head.seq.next().ok_or_else(exhausted)?,
        previous: head.hash,
        author: opened.identity.node_id.clone(),
        body,
        annotation,
    })
}
