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

use std::net::SocketAddr;
use std::sync::Arc;

use aerodb_core::authority::{
    Ancestor, Annotation, Authority, Durability, EntryBody, Member, SignedDecline,
};
use aerodb_core::decision::acknowledge::replica_bound;
use aerodb_core::decision::decline::DeclineFacts;
use aerodb_core::decision::fork::{ForkFacts, remedies};
use aerodb_core::decision::promotion::AuthorityFacts;
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::directory::Retired;
use aerodb_core::explain::{Explanation, Recorded, explain};
use aerodb_core::hash::{ClusterId, Hash, PublicKey};
use aerodb_core::id::{Address, Boundary, ClusterName, Epoch, NodeId, Seq};
use aerodb_core::machine::RoleName;
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use aerodb_ledger::LedgerPlace;
use aerodb_ledger::authority::{AuthorityLedger, NodeKey, sign_decline};
use aerodb_ledger::checkpoint::{Checkpoint, WalStart};
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::{Disk, create_dir, sync_tree};
use aerodb_ledger::snapshot::{SnapshotFacts, SnapshotWriter};

use crate::checkpoint::push_retained;
use crate::config::Config;
use crate::declines::decline_of;
use crate::directory::{
    DataDir, Founding, Inherited, check_vacant, fill, genesis, lock, publish, stage, staged,
};
use crate::identity::{IdentityError, IdentityFile, Stamp};
use crate::stopped::contents::{Contents, frame, last_of, read};
use crate::stopped::{Refused, StoppedError};
use crate::store::ViewSource;

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

fn refused(facts: &ForkFacts, explanation: Explanation) -> Refused {
    let failed: Vec<RuleId> = explanation.failed().map(|rule| rule.rule).collect();
    Refused { remedies: remedies(facts, &failed), explanation }
}

fn facts(
    contents: &Contents,
    identity: &IdentityFile,
    original: bool,
    expected_epoch: Epoch,
) -> ForkFacts {
    let (authority, node) = (&contents.authority, &identity.node_id);
    let standing = &contents.replayed.standing;
    let role = RoleName::by_ledger(authority, node);
    ForkFacts {
        cluster: *authority.cluster(),
        node: node.clone(),
        expected_epoch,
        ledger: authority.head(),
        authority: AuthorityFacts::from(&**authority),
        role,
        original,
        retired: identity.retired,
        proven: standing.tip,
        received: standing.received,
        acknowledged: acknowledged(authority, node, role, standing.tip.boundary),
        declines: original && ForkFacts::heir_of(authority) == Some(node),
    }
}

/// What is known here to have been acknowledged: of a holder under obligation nothing, its successor's receipts
/// are gone with its process.
fn acknowledged(
    authority: &Authority,
    node: &NodeId,
    role: RoleName,
    tip: Boundary,
) -> Option<Boundary> {
    match role {
        RoleName::PrimaryActive | RoleName::PrimarySealed => {
            authority.obligation().is_none().then_some(tip)
        }
        RoleName::ReplicaActive | RoleName::Uninitialized | RoleName::ReplicationHalted => {
            Some(replica_bound(authority, node, tip, None))
        }
    }
}

/// The cluster of an attempt that was cut short between steps 3 and 4, if nothing has moved since.
fn begun(
    contents: &Contents,
    facts: &ForkFacts,
    into: &DataDir,
    disk: &Arc<dyn Disk>,
) -> Result<Option<ClusterId>, StoppedError> {
    let before = recorded(contents, None).filter(|(_, (before, _))| &before.facts == facts);
    let Some((_, (_, cluster))) = before else { return Ok(None) };
    Ok(is_of(&staged(into), disk, cluster)?.then_some(cluster))
}

/// The last fork that the record tells of; of this cluster, if one is named.
fn recorded(
    contents: &Contents,
    wanted: Option<ClusterId>,
) -> Option<(Seq, (Recorded<ForkFacts>, ClusterId))> {
    last_of(&contents.decisions, |body| match body {
        DecisionBody::Forked { decision, cluster }
            if wanted.is_none_or(|wanted| wanted == *cluster) =>
        {
            Some((decision.clone(), *cluster))
        }
        DecisionBody::Forked { .. }
        | DecisionBody::PromotionRequested { .. }
        | DecisionBody::PromotionDenied { .. }
        | DecisionBody::PromotionGranted { .. }
        | DecisionBody::CommandRefused { .. }
        | DecisionBody::CommandDone { .. }
        | DecisionBody::Followed { .. }
        | DecisionBody::Resumed { .. }
        | DecisionBody::Halted { .. }
        | DecisionBody::SuffixDiscarded { .. }
        | DecisionBody::BootstrapRequested { .. }
        | DecisionBody::CheckpointRequested { .. }
        | DecisionBody::BootstrapDecided { .. }
        | DecisionBody::FailureCleared { .. }
        | DecisionBody::Declined { .. }
        | DecisionBody::DeclineRefused { .. }
        | DecisionBody::Relocated { .. }
        | DecisionBody::ForkRefused { .. } => None,
    })
}

/// Whether a complete directory of that cluster lies there: the identity is written last.
fn is_of(dir: &DataDir, disk: &Arc<dyn Disk>, cluster: ClusterId) -> Result<bool, StoppedError> {
    match IdentityFile::read(&**disk, dir.path()) {
        Ok(identity) => Ok(identity.cluster == cluster),
        Err(IdentityError::Missing { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Step 2.
fn build(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    asked: ForkAsked,
    contents: &Contents,
    decision: &Recorded<ForkFacts>,
) -> Result<ClusterId, StoppedError> {
    let ForkAsked { into, founder, key, nonce, annotation, .. } = asked;
    let mut config = Config::load(&**disk, &dir.config())?;
    config.upstream = None;
    if let Some(listen) = founder.listen {
        (config.listen, config.advertise) = (listen, None);
    }
    config.advertise = founder.advertise.or(config.advertise);
    let invalid = |error: aerodb_core::id::InvalidId| StoppedError::Record(error.to_string());
    let node_id = founder.node_id.unwrap_or_else(|| decision.facts.node.clone());
    let public_key = key.public_key();
    let address = config.address().map_err(invalid)?;
    let authority = &contents.authority;
    let founding = Founding {
        cluster_name: founder.cluster_name.unwrap_or_else(|| authority.cluster_name().clone()),
        nonce,
        founder: Member { node_id: node_id.clone(), public_key, address },
        minimum_durability: founder
            .minimum_durability
            .unwrap_or_else(|| authority.minimum_durability()),
        ancestor: Some(ancestor_of(&decision.facts)),
        annotation: annotation.clone(),
    };
    let first = genesis(founding, &key);
    let new = Authority::found(&first.entry)
        .map_err(|illegal| StoppedError::Record(illegal.to_string()))?;
    let staging = stage(&into, &**disk)?;
    let marker = base(&staging, disk, contents, &new, public_key)?;
    let cluster = *new.cluster();
    let record = DecisionBody::Forked { decision: decision.clone(), cluster };
    let inherited = Inherited { marker: &marker, record, annotation };
    Ok(fill(&staging, disk, &config, &node_id, &key, vec![first], Some(inherited))?)
}

fn ancestor_of(facts: &ForkFacts) -> Ancestor {
    Ancestor {
        cluster: facts.cluster,
        epoch: facts.authority.epoch,
        proven: facts.proven,
        ledger: facts.ledger,
    }
}

/// The data: a snapshot at the place where the new history starts, and the marker that names it. From there on the
/// new cluster is like one whose log was truncated there.
fn base(
    staging: &DataDir,
    disk: &Arc<dyn Disk>,
    contents: &Contents,
    new: &Authority,
    owner: PublicKey,
) -> Result<Checkpoint, StoppedError> {
    let (start, store) = (new.start(), contents.replayed.store.store());
    let view = store.view_with_history(start.boundary, ViewSource::Internal);
    let not_retained = || StoppedError::Record(format!("commit {} is gone", start.boundary));
    let view = view.ok_or_else(not_retained)?;
    create_dir(&**disk, &staging.snapshots())?;
    let facts = SnapshotFacts {
        cluster: *new.cluster(),
        position: start,
        epoch: Epoch::FIRST,
        ledger: new.head(),
        oldest_retained: view.needs(),
        designation: None,
    };
    let mut writer = SnapshotWriter::create(Arc::clone(disk), &staging.snapshots(), facts)?;
    push_retained(&mut writer, &view)?;
    let snapshot = writer.finish()?;
    let marker = Checkpoint {
        cluster: facts.cluster,
        owner,
        position: start,
        epoch: facts.epoch,
        ledger: facts.ledger,
        designation: None,
        snapshot: snapshot.manifest.hash(),
        wal_start: WalStart { segment: 1, frame_seq: 1, position: start },
    };
    Ok(marker.write(&**disk, staging.path())?.into_inner())
}

/// Steps 3 and 4.
fn give_up(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    identity: &IdentityFile,
    contents: &Contents,
    forked: Option<DecisionBody>,
    cluster: ClusterId,
    annotation: &Annotation,
) -> Result<(), StoppedError> {
    let original = contents.is_original(dir, disk, identity)?;
    let declined = decline(dir, disk, identity, contents, original)?;
    let said: Vec<DecisionBody> = declined.into_iter().chain(forked).collect();
    let decision_frame = record(dir, disk, identity, &said, annotation)?;
    let stamp = Stamp { decision_frame, ..identity.stamp };
    let retired = identity.restamped(stamp).retired(Retired::Forked { cluster });
    let _ = retired.write(&**disk, dir.path())?;
    Ok(())
}

/// The heir's decline, unless it was given before, or nobody would be bound by it.
fn decline(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    identity: &IdentityFile,
    contents: &Contents,
    original: bool,
) -> Result<Option<DecisionBody>, StoppedError> {
    let key = identity.key();
    let (ledger_dir, owner) = (dir.authority_ledger(), key.public_key());
    let options = dir.ledger_options();
    let place = LedgerPlace { disk: Arc::clone(disk), dir: &ledger_dir, options, owner };
    // What it is said of is durable before it is said.
    let seen = frame(identity.stamp.authority_frame);
    let (ledger, _) = AuthorityLedger::open(&place, seen, &dir.quarantine())?;
    let epoch = ledger.authority().epoch();
    let given = epoch.next().and_then(|next| decline_of(&contents.decisions, next));
    let facts = DeclineFacts::new(ledger.authority(), identity.node_id.clone(), epoch, original);
    let (decision, explanation) = Recorded::decide(facts);
    let claim = decision.facts.claim().filter(|_| explanation.holds() && given.is_none());
    Ok(claim.map(|claim| {
        let certificate = sign_decline(&key, claim);
        DecisionBody::Declined { decision, certificate, request: None }
    }))
}

/// Appends to the directory's own record; gives its last frame.
fn record(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    identity: &IdentityFile,
    said: &[DecisionBody],
    annotation: &Annotation,
) -> Result<u64, StoppedError> {
    let (key, decision_dir) = (identity.key(), dir.decision_ledger());
    let (options, owner) = (dir.ledger_options(), key.public_key());
    let place = LedgerPlace { disk: Arc::clone(disk), dir: &decision_dir, options, owner };
    let seen = frame(identity.stamp.decision_frame);
    let (mut decisions, _) =
        DecisionLedger::open(&place, identity.node_id.clone(), seen, &dir.quarantine())?;
    for body in said {
        decisions.append(body.clone(), annotation.clone(), &key)?;
    }
    Ok(decisions.last_frame_seq())
}

/// Step 5, unless it was done before. `None` when the new directory is neither here nor in the making here.
fn finish(
    contents: &Contents,
    into: &DataDir,
    disk: &Arc<dyn Disk>,
    cluster: ClusterId,
    dry_run: bool,
) -> Result<Option<Founded>, StoppedError> {
    let staging = staged(into);
    let lies_in = if is_of(into, disk, cluster)? {
        into
    } else if !is_of(&staging, disk, cluster)? {
        return Ok(None);
    } else if dry_run {
        &staging
    } else {
        check_vacant(into, &**disk)?;
        publish(&staging, into, &**disk)?;
        into
    };
    let identity = IdentityFile::read(&**disk, lies_in.path())?;
    let owner = identity.key().public_key();
    let seen = frame(identity.stamp.authority_frame);
    let ledger =
        AuthorityLedger::open_read_only(&**disk, &lies_in.authority_ledger(), Some(&owner), seen)?;
    let first = ledger.entries.entry(Seq::FIRST);
    let genesis = first.as_ref().map(|stored| &stored.entry.entry.body);
    let told = recorded(contents, Some(cluster));
    let (Some(EntryBody::Genesis(genesis)), Some((_, (decision, _)))) = (genesis, told) else {
        return Ok(None);
    };
    let next = decision.facts.authority.epoch.next();
    let decline = next.and_then(|next| decline_of(&contents.decisions, next));
    Ok(Some(Founded {
        cluster,
        founder: genesis.founder.clone(),
        ancestor: ancestor_of(&decision.facts),
        start: genesis.start(&cluster),
        decline: decline.map(|(_, certificate)| certificate),
        explanation: explain(&decision.facts),
    }))
}
