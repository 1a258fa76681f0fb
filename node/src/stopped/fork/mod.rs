//! A new cluster from what a stopped node's directory holds (DESIGN 3.4): the way out where nothing proves that a
//! promotion would lose no acknowledged write. It serves the data up to the last commit that can be proven, under
//! an id and a ledger of its own; the directory that it is made of is given up.
//!
//! 1. everything is read and proven, and the decision is made; until here nothing has changed
//! 2. the new directory is made beside its place, complete and durable, under no name that starts
//! 3. the old one declines the next epoch for good, if it could be granted it, and records the fork
//! 4. the old one is retired: one rename. From here on it never starts again
//! 5. the new one gets its name. From here on it starts
//!
//! After a crash before step 4 the old one starts as ever, save that what it declined it has declined. After it,
//! the command run again finishes step 5. Never is there a moment in which both start.

mod facts;
mod finishing;
mod founding;
mod giving_up;

use std::net::SocketAddr;
use std::sync::Arc;

use aerodb_core::authority::{Ancestor, Annotation, Durability, Member, SignedDecline};
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::directory::Retired;
use aerodb_core::explain::{Explanation, Recorded};
use aerodb_core::hash::{ClusterId, Hash};
use aerodb_core::id::{Address, ClusterName, Epoch, NodeId};
use aerodb_core::position::Position;
use aerodb_ledger::authority::NodeKey;
use aerodb_ledger::disk::{Disk, sync_tree};

use crate::directory::{DataDir, check_vacant, lock, staged};
use crate::identity::IdentityFile;
use crate::stopped::contents::read;
use crate::stopped::{Refused, StoppedError};

use facts::{facts, refused};
use finishing::{begun, finish};
use founding::build;
use giving_up::{give_up, record};

/// The new cluster's founder, where it shall differ from the node whose directory is forked.
#[derive(Debug, Default)]
pub struct Founder {
    /// Its id.
    pub node_id: Option<NodeId>,
    /// The new cluster's label.
    pub cluster_name: Option<ClusterName>,
    /// Writes weaker than this are refused in the new cluster.
    pub minimum_durability: Option<Durability>,
    /// Where it listens.
    pub listen: Option<SocketAddr>,
    /// Where others reach it.
    pub advertise: Option<Address>,
}

/// A request.
#[derive(Debug)]
pub struct ForkAsked {
    /// Where the new directory shall lie.
    pub into: DataDir,
    /// The epoch that the request names.
    pub expected_epoch: Epoch,
    /// Who founds the new cluster.
    pub founder: Founder,
    /// A new key.
    pub key: NodeKey,
    /// Random.
    pub nonce: Hash,
    /// Whether only the answer is wanted.
    pub dry_run: bool,
    /// Who, when and why.
    pub annotation: Annotation,
}

/// A cluster that was founded.
#[derive(Debug)]
pub struct Founded {
    /// Its id.
    pub cluster: ClusterId,
    /// Its founder, which holds epoch 1.
    pub founder: Member,
    /// What it was forked from, and the last commit that could be proven of that.
    pub ancestor: Ancestor,
    /// Where its own history starts.
    pub start: Position,
    /// The word of the old node that it takes the ancestor's next epoch never, where it could have been granted it.
    pub decline: Option<SignedDecline>,
    /// Why.
    pub explanation: Explanation,
}

/// What came of it.
#[derive(Debug)]
pub enum Forking {
    /// It is there: now, or since it was asked before.
    Founded(Box<Founded>),
    /// It would be founded; nothing was done.
    Possible(Box<Explanation>),
    /// It was refused; recorded, unless the directory is a copy or was given up.
    Refused(Box<Refused>),
}

/// Founds a cluster from what lies in `dir`.
///
/// # Errors
/// [`StoppedError`]; run again, it goes on where it was.
pub fn fork(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    asked: ForkAsked,
) -> Result<Forking, StoppedError> {
    drop(IdentityFile::read(&**disk, dir.path())?);
    let _lock = lock(dir, disk)?;
    let identity = IdentityFile::read(&**disk, dir.path())?;
    let contents = read(dir, disk, &identity)?;
    let into = asked.into.clone();
    if let Some(Retired::Forked { cluster }) = identity.retired
        && let Some(founded) = finish(&contents, &into, disk, cluster, asked.dry_run)?
    {
        return Ok(Forking::Founded(Box::new(founded)));
    }
    let original = contents.is_original(dir, disk, &identity)?;
    let facts = facts(&contents, &identity, original, asked.expected_epoch);
    let (decision, explanation) = Recorded::decide(facts);
    if !explanation.holds() {
        let refused = refused(&decision.facts, explanation);
        if original && identity.retired.is_none() && !asked.dry_run {
            let body = DecisionBody::ForkRefused { decision };
            record(dir, disk, &identity, &[body], &asked.annotation)?;
        }
        return Ok(Forking::Refused(Box::new(refused)));
    }
    if asked.dry_run {
        return Ok(Forking::Possible(Box::new(explanation)));
    }
    check_vacant(&into, &**disk)?;
    let annotation = asked.annotation.clone();
    let begun = begun(&contents, &decision.facts, &into, disk)?;
    let cluster = match begun {
        Some(cluster) => cluster,
        None => build(dir, disk, asked, &contents, &decision)?,
    };
    sync_tree(&**disk, staged(&into).path())?;
    let forked = begun.is_none().then_some(DecisionBody::Forked { decision, cluster });
    give_up(dir, disk, &identity, &contents, forked, cluster, &annotation)?;
    let contents = read(dir, disk, &identity)?;
    match finish(&contents, &into, disk, cluster, false)? {
        Some(founded) => Ok(Forking::Founded(Box::new(founded))),
        None => Err(StoppedError::Record("the new directory is not there".to_owned())),
    }
}
