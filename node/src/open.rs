//! Opening a data directory for serving (table 4.12). Nothing in it is changed before all of it has been
//! read and found good, and nothing is served before everything is durable again.
//!
//! 1. lock, configuration, identity
//! 2. authority ledger, decision ledger: every entry checked and folded
//! 3. WAL: scanned, its tail classified, replayed into the store
//! 4. history against ledger: stamps, epochs, role
//! 5. the start stamp, fsynced: from here on the logs may not end before it

use std::path::Path;
use std::sync::Arc;

use aerodb_core::authority::{SignedEntry, Tenure};
use aerodb_core::decision::promotion::AuthorityFacts;
use aerodb_core::decision::recovery::{LogFound, RecoveryFacts, Residue};
use aerodb_core::id::{Boundary, NodeId};
use aerodb_core::machine::{Failure, RoleName};
use aerodb_core::rules::RuleId;
use aerodb_ledger::authority::AuthorityLedger;
use aerodb_ledger::crash::{self, Point};
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::{Disk, DiskError};
use aerodb_ledger::log::{LogOptions, Recovery, Witness};
use aerodb_ledger::wal::{Wal, WalPlace};
use aerodb_ledger::{Entries, Fault, LedgerPlace, OpenError};

use crate::config::{Config, ConfigError};
use crate::directory::{DataDir, DirectoryError, DirectoryLock, lock};
use crate::halts::latch_of;
use crate::identity::{IdentityError, IdentityFile, Stamp};
use crate::replay::{LedgerShort, Replay, Replayed};
use crate::store::Store;

/// No frame of the WAL carries more bytes of batches.
const FRAME_BYTES_MAX: usize = 16 << 20;

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The directory or its lock.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A log is damaged or cannot be read.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The authority ledger lacks entries that the WAL has seen.
    #[error("{0}")]
    LedgerShort(LedgerShort),
    /// The identity is of another cluster than the ledger.
    #[error("the identity is of cluster {identity}, the authority ledger of {ledger} ({rule})", rule = RuleId::St2)]
    Foreign {
        /// The cluster in the identity.
        identity: aerodb_core::hash::ClusterId,
        /// The cluster in the ledger.
        ledger: aerodb_core::hash::ClusterId,
    },
    /// The holder's own history breaks a rule.
    #[error("{dir} is corrupt ({rule}): {why}")]
    OwnHistory {
        /// The WAL's directory.
        dir: String,
        /// The rule.
        rule: RuleId,
        /// What is wrong.
        why: String,
    },
    /// The start stamp could not be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// A directory that is open and recovered.
#[derive(Debug)]
pub struct Opened {
    /// The directory.
    pub dir: DataDir,
    /// Held as long as the node runs.
    pub lock: DirectoryLock,
    /// The configuration.
    pub config: Config,
    /// The identity, stamped.
    pub identity: IdentityFile,
    /// The authority ledger.
    pub ledger: AuthorityLedger,
    /// The decision ledger.
    pub decisions: DecisionLedger,
    /// The WAL.
    pub wal: Wal,
    /// What replaying it gave.
    pub replayed: Replayed,
    /// The role that the ledger gives this node.
    pub role: RoleName,
    /// Failures that are latched, the first one first.
    pub failures: Vec<Failure>,
    /// What recovery found.
    pub facts: RecoveryFacts,
}

/// Opens the directory.
///
/// # Errors
/// [`StartError`]; unless a repair of a proven tail had begun, every byte is then as it was.
pub fn open(dir: DataDir, disk: &Arc<dyn Disk>) -> Result<Opened, StartError> {
    // First only to see that this is a node's directory: taking the lock makes a file in it.
    drop(IdentityFile::read(&**disk, dir.path())?);
    let lock = lock(&dir, disk)?;
    let config = Config::load(&**disk, &dir.config())?;
    let identity = IdentityFile::read(&**disk, dir.path())?;
    let owner = identity.key().public_key();
    let quarantine = dir.quarantine();
    let place =
        |dir| LedgerPlace { disk: Arc::clone(disk), dir, options: LogOptions::LEDGER, owner };
    let frame = |seq| Witness { frame_seq: (seq > 0).then_some(seq), record: None };

    let authority_dir = dir.authority_ledger();
    let (ledger, authority_found) = AuthorityLedger::open(
        &place(&authority_dir),
        frame(identity.stamp.authority_frame),
        &quarantine,
    )?;
    let authority = Arc::clone(ledger.authority());
    if identity.cluster != *authority.cluster() {
        return Err(StartError::Foreign {
            identity: identity.cluster,
            ledger: *authority.cluster(),
        });
    }
    let decision_dir = dir.decision_ledger();
    let (decisions, decisions_found) = DecisionLedger::open(
        &place(&decision_dir),
        identity.node_id.clone(),
        frame(identity.stamp.decision_frame),
        &quarantine,
    )?;

    crash::reached(Point::RecLedgersRead);
    let role = role_of(&authority, &identity.node_id);
    let halted = latch_of(&decisions.entries()).cause().is_some();
    let (writer, _) = Store::empty();
    let mut replay = Replay::new(&authority, writer);
    if role == RoleName::ReplicaActive && !halted {
        replay = replay.keeping_back(FRAME_BYTES_MAX);
    }
    let wal_dir = dir.wal();
    let wal_place =
        WalPlace { disk: Arc::clone(disk), dir: &wal_dir, options: LogOptions::WAL, owner };
    let witness = Witness {
        record: named_here(&ledger.entries(), &identity.node_id),
        ..frame(identity.stamp.wal_frame)
    };
    let (wal, wal_found) =
        Wal::open(&wal_place, None, witness, &quarantine, &mut |raw| replay.take(&raw)).map_err(
            |error| match error {
                OpenError::Fault(fault) => StartError::Fault(fault),
                OpenError::Refused(short) => StartError::LedgerShort(short),
            },
        )?;
    let replayed = replay.finish(wal.last_frame_start());
    crash::reached(Point::RecBeforeStamp);
    check_own_history(&wal_dir, role, &replayed)?;
    let failures = failures(&dir, &**disk, &identity, &decisions, &replayed)?;
    let facts = RecoveryFacts {
        cluster: identity.cluster,
        node: identity.node_id.clone(),
        checkpoint: None,
        authority_ledger: found(&authority_found),
        decision_ledger: found(&decisions_found),
        wal: found(&wal_found),
        ledger: authority.head(),
        wal_stamp: replayed.stamp,
        stamp_known: replayed.stamp.is_none_or(|stamp| authority.contains(&stamp)),
        authority: AuthorityFacts::from(&*authority),
        epoch_mismatch: replayed.standing.epochs.first_mismatch(&authority),
        recovered: replayed.standing.tip,
        received: replayed.standing.received,
        role,
    };
    let stamp = Stamp {
        starts: identity.stamp.starts + 1,
        authority_frame: ledger.last_frame_seq(),
        decision_frame: decisions.last_frame_seq(),
        wal_frame: wal.last_frame_seq(),
    };
    let identity = identity.restamped(stamp).write(&**disk, dir.path())?;
    crash::reached(Point::RecAfterStamp);
    Ok(Opened {
        dir,
        lock,
        config,
        identity,
        ledger,
        decisions,
        wal,
        replayed,
        role,
        failures,
        facts,
    })
}

/// The role that the ledger gives the node.
#[must_use]
pub fn role_of(authority: &aerodb_core::authority::Authority, node: &NodeId) -> RoleName {
    match (authority.holder() == node, authority.tenure()) {
        (true, Tenure::Held) => RoleName::PrimaryActive,
        (true, Tenure::Relinquished { .. }) => RoleName::PrimarySealed,
        (false, _) => RoleName::ReplicaActive,
    }
}

/// The highest commit that an entry of this node names: it was durable here when the node wrote that.
fn named_here(entries: &Entries<SignedEntry>, node: &NodeId) -> Option<u64> {
    entries
        .after(None, usize::MAX)
        .iter()
        .filter(|stored| &stored.entry.entry.author == node)
        .filter_map(|stored| stored.entry.entry.body.names())
        .map(|position| position.boundary)
        .filter(|boundary| *boundary > Boundary::ORIGIN)
        .max()
        .map(Boundary::get)
}

/// What a node that held wrote itself can only be wrong by damage; what a replica received can be wrong
/// by its upstream, and then it halts and says so.
fn check_own_history(wal: &Path, role: RoleName, replayed: &Replayed) -> Result<(), StartError> {
    match (&replayed.rejected, role) {
        (Some(divergence), RoleName::PrimaryActive | RoleName::PrimarySealed) => {
            Err(StartError::OwnHistory {
                dir: wal.display().to_string(),
                rule: divergence.rule(),
                why: divergence.to_string(),
            })
        }
        (
            Some(_),
            RoleName::ReplicaActive | RoleName::Uninitialized | RoleName::ReplicationHalted,
        )
        | (None, _) => Ok(()),
    }
}

/// The failures that stand: those recorded, a directory that is a copy, received bytes that break a rule.
fn failures(
    dir: &DataDir,
    disk: &dyn Disk,
    identity: &IdentityFile,
    decisions: &DecisionLedger,
    replayed: &Replayed,
) -> Result<Vec<Failure>, StartError> {
    let mut failures = latch_of(&decisions.entries()).failures().cloned().collect::<Vec<_>>();
    let here = disk.directory_id(dir.path())?;
    if here != identity.binding {
        let evidence = serde_json::json!({
            "detail": "the directory is not the one that its identity belongs to: it was moved or copied",
            "bound_to": identity.binding,
            "found": here,
        });
        failures.push(Failure { rule: RuleId::St2, evidence: evidence.to_string() });
    }
    if let (Some(divergence), true) = (&replayed.rejected, failures.is_empty()) {
        let evidence = divergence.evidence().to_string();
        failures.push(Failure { rule: divergence.rule(), evidence });
    }
    Ok(failures)
}

fn found(recovery: &Recovery) -> LogFound {
    LogFound {
        segments: recovery.segments,
        frames: recovery.frames,
        first: recovery.first_record,
        last: recovery.last_record,
        residue: recovery.unproven_tail.as_ref().map(|tail| Residue {
            file: tail
                .file
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            offset: tail.offset,
            bytes: tail.bytes,
        }),
    }
}
