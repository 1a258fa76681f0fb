//! Opening a data directory for serving (table 4.12). Nothing in it is changed before all of it has been
//! read and found good, and nothing is served before everything is durable again.
//!
//! 1. lock, configuration, identity, both ledgers: every entry checked and folded
//! 2. the checkpoint is chosen
//! 3. its snapshot is loaded into the store
//! 4. WAL: scanned, its tail classified
//! 5. what lies strictly after the checkpoint is replayed into the store
//!    What was pruned is not readable again
//! 6. to 8. history against ledger: stamps, epochs, role. There are no indexes to rebuild
//! 9. the logs and the marker made durable, the start stamp: from here on the logs may not end before it.
//!    The explanation is published with the role, see `serve::assemble`
//!
//! Keeps: P3-G10, P3-RS1, F-RC1, P6-B5.2, P6-SM3, RR-1, BT-2, M-C21, M-C18, M-R20, M-R21, M-P12, M-P22,
//! P6-D2.

use std::path::Path;
use std::sync::Arc;

use aerodb_core::authority::{Authority, SignedEntry};
use aerodb_core::decision::promotion::AuthorityFacts;
use aerodb_core::decision::recovery::{LogFound, RecoveryFacts, Residue, RetentionFound};
use aerodb_core::hash::PublicKey;
use aerodb_core::id::Boundary;
use aerodb_core::machine::{Failure, RoleName};
use aerodb_core::rules::RuleId;
use aerodb_ledger::authority::AuthorityLedger;
use aerodb_ledger::checkpoint::Checkpoint;
use aerodb_ledger::crash::{self, Point};
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::{Disk, DiskError};
use aerodb_ledger::log::{Recovery, Witness};
use aerodb_ledger::snapshot::{Manifest, discard_staging};
use aerodb_ledger::wal::{Wal, WalPlace};
use aerodb_ledger::{Entries, Fault, LedgerPlace, OpenError};

use crate::config::{Config, ConfigError};
use crate::directory::{DataDir, DirectoryError, DirectoryLock, lock};
use crate::halts::latch_of;
use crate::identity::{IdentityError, IdentityFile, RetiredDirectory, Stamp};
use crate::recovery::{CheckpointRefused, choose, found, load};
use crate::replay::{Replay, ReplayError, Replayed};
use crate::retention::{self, RetentionRefused};
use crate::store::{Store, StoreWriter};
use crate::witness::{frame, named_here, of_record};

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
    /// The directory was given up for good.
    #[error(transparent)]
    Retired(#[from] RetiredDirectory),
    /// A log is damaged or cannot be read.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The authority ledger lacks entries that the WAL has seen, or the WAL does not lead to the checkpoint.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointRefused),
    /// The recorded floor of the store cannot be used.
    #[error(transparent)]
    Retention(#[from] RetentionRefused),
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

/// A checkpoint that is in force: its marker and what its snapshot says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The marker, durable.
    pub marker: Checkpoint,
    /// The manifest of the snapshot that it names.
    pub manifest: Manifest,
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
    /// The checkpoint that it stands on.
    pub checkpoint: Option<Standing>,
    /// What replaying it gave.
    pub replayed: Replayed,
    /// The floor of the store that is recorded.
    pub floor: Option<Boundary>,
    /// The role that the ledger gives this node.
    pub role: RoleName,
    /// Failures that are latched, the first one first.
    pub failures: Vec<Failure>,
    /// What recovery found.
    pub facts: RecoveryFacts,
}

/// What both ledgers say, read without changing anything.
struct Known {
    authority: Arc<Authority>,
    entries: Entries<SignedEntry>,
    identity: IdentityFile,
    owner: PublicKey,
    /// Whether a failure is latched by this node's own record.
    halted: bool,
}

/// Opens the directory.
///
/// # Errors
/// [`StartError`]; unless a repair of a proven tail had begun, every byte is then as it was.
pub fn open(dir: DataDir, disk: &Arc<dyn Disk>) -> Result<Opened, StartError> {
    // First only to see that this is a node's directory: taking the lock makes a file in it.
    drop(IdentityFile::read(&**disk, dir.path())?);
    let lock = lock(&dir, disk)?;
    // Under the lock: what retires a directory holds it.
    IdentityFile::read(&**disk, dir.path())?.check_in_force(dir.path())?;
    let config = Config::load(&**disk, &dir.config())?;
    let known = read_ledgers(&dir, &**disk)?;
    crash::reached_at(Point::RecStep, 1);
    let marker = choose(&**disk, &dir, &known.owner, &known.authority)?;
    crash::reached_at(Point::RecStep, 2);
    let base = marker.as_ref().map(|marker| load(&**disk, &dir, marker)).transpose()?;
    let (writer, manifest) = base
        .map_or_else(|| (Store::empty().0, None), |(writer, manifest)| (writer, Some(manifest)));
    crash::reached_at(Point::RecStep, 3);
    let checkpoint = marker.zip(manifest);
    let marker = checkpoint.as_ref().map(|(marker, _)| marker);
    let floor = retention::recorded(&**disk, &dir, known.authority.cluster(), &known.owner)?;
    let (wal, wal_found, mut replayed) = replay(&dir, disk, &known, marker, floor, writer)?;
    retention::honour(&mut replayed, floor)?;
    let role = RoleName::by_ledger(&known.authority, &known.identity.node_id);
    check_own_history(&dir.wal(), role, &replayed)?;
    crash::reached_at(Point::RecStep, 6);

    // From here on the disk is written to: everything on it was read and found good.
    let (ledger, authority_found, decisions, decisions_found) = open_ledgers(&dir, disk, &known)?;
    crash::reached_at(Point::RecStep, 7);
    let authority = Arc::clone(ledger.authority());
    let (wal, checkpoint) = stand_on(&dir, disk, wal, checkpoint)?;
    // What a bootstrap had received when it was cut short is of no use (F-S1, F-S2).
    discard_staging(&**disk, &dir.staging())?;
    let identity = known.identity;
    let failures = failures(&dir, &**disk, &identity, &decisions, &replayed)?;
    let facts = RecoveryFacts {
        cluster: identity.cluster,
        node: identity.node_id.clone(),
        checkpoint: checkpoint.as_ref().map(|standing| found(&standing.marker, &standing.manifest)),
        replayed: replayed.applied,
        retention: RetentionFound {
            recorded: floor,
            oldest_retained: replayed.store.store().oldest_retained(),
        },
        authority_ledger: log_found(&authority_found),
        decision_ledger: log_found(&decisions_found),
        wal: log_found(&wal_found),
        ledger: authority.head(),
        wal_stamp: replayed.stamp,
        stamp_known: replayed.stamp.is_none_or(|stamp| authority.contains(&stamp)),
        authority: AuthorityFacts::from(&*authority),
        epoch_mismatch: replayed.standing.epochs.first_mismatch(&authority),
        recovered: replayed.standing.tip,
        received: replayed.standing.received,
        role,
        latched: failures.clone(),
        state_digest: None,
    };
    crash::reached_at(Point::RecStep, 8);
    let stamp = Stamp {
        starts: identity.stamp.starts + 1,
        authority_frame: ledger.last_frame_seq(),
        decision_frame: decisions.last_frame_seq(),
        wal_frame: wal.last_frame_seq(),
    };
    let identity = identity.restamped(stamp).write(&**disk, dir.path())?;
    crash::reached_at(Point::RecStep, 9);
    Ok(Opened {
        dir,
        lock,
        config,
        identity,
        ledger,
        decisions,
        wal,
        checkpoint,
        replayed,
        floor,
        role,
        failures,
        facts,
    })
}

/// Step 1: identity and both ledgers, every entry checked and folded.
fn read_ledgers(dir: &DataDir, disk: &dyn Disk) -> Result<Known, StartError> {
    let identity = IdentityFile::read(disk, dir.path())?;
    let owner = identity.key().public_key();
    let (ledger_dir, stamp) = (dir.authority_ledger(), identity.stamp);
    let ledger = AuthorityLedger::open_read_only(
        disk,
        &ledger_dir,
        Some(&owner),
        frame(stamp.authority_frame),
    )?;
    let authority = ledger.authority;
    if identity.cluster != *authority.cluster() {
        return Err(StartError::Foreign {
            identity: identity.cluster,
            ledger: *authority.cluster(),
        });
    }
    let members = authority.members();
    let keys = members.map(|(member, _)| (member.node_id.clone(), member.public_key)).collect();
    let decisions = of_record(stamp.decision_frame, &ledger.entries, &identity.node_id);
    let decisions = DecisionLedger::open_read_only(
        disk,
        &dir.decision_ledger(),
        Some(&owner),
        keys,
        decisions,
    )?;
    let halted = latch_of(&decisions.entries).cause().is_some();
    Ok(Known { authority, entries: ledger.entries, identity, owner, halted })
}

/// Steps 4 and 5: the WAL scanned and its tail classified; what lies past the checkpoint goes into the store.
fn replay(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    known: &Known,
    marker: Option<&Checkpoint>,
    floor: Option<Boundary>,
    writer: StoreWriter,
) -> Result<(Wal, Recovery, Replayed), StartError> {
    let mut replay = Replay::new(&known.authority, writer, marker);
    let role = RoleName::by_ledger(&known.authority, &known.identity.node_id);
    if role == RoleName::ReplicaActive && !known.halted {
        replay = replay.keeping_back(FRAME_BYTES_MAX);
    }
    let wal_dir = dir.wal();
    let place = WalPlace {
        disk: Arc::clone(disk),
        dir: &wal_dir,
        options: dir.wal_options(),
        owner: known.owner,
    };
    let witness = Witness {
        record: named_here(&known.entries, &known.identity.node_id)
            .max(floor.map(Boundary::get).filter(|commit| *commit > 0)),
        ..frame(known.identity.stamp.wal_frame)
    };
    let opened =
        Wal::open(&place, marker, witness, &dir.quarantine(), &mut |raw| replay.take(&raw));
    let (wal, found) = opened.map_err(|error| match error {
        OpenError::Fault(fault) => StartError::Fault(fault),
        OpenError::Refused(refused) => StartError::Replay(refused),
    })?;
    crash::reached_at(Point::RecStep, 4);
    let replayed = replay.finish(wal.last_frame_start())?;
    crash::reached_at(Point::RecStep, 5);
    Ok((wal, found, replayed))
}

type Ledgers = (AuthorityLedger, Recovery, DecisionLedger, Recovery);

fn open_ledgers(dir: &DataDir, disk: &Arc<dyn Disk>, known: &Known) -> Result<Ledgers, StartError> {
    let (authority_dir, decision_dir) = (dir.authority_ledger(), dir.decision_ledger());
    let (stamp, quarantine) = (known.identity.stamp, dir.quarantine());
    let options = dir.ledger_options();
    let place = |dir| LedgerPlace { disk: Arc::clone(disk), dir, options, owner: known.owner };
    let witness = frame(stamp.authority_frame);
    let (ledger, authority_found) =
        AuthorityLedger::open(&place(&authority_dir), witness, &quarantine)?;
    let (decisions, decisions_found) = DecisionLedger::open(
        &place(&decision_dir),
        known.identity.node_id.clone(),
        of_record(stamp.decision_frame, &known.entries, &known.identity.node_id),
        &quarantine,
    )?;
    Ok((ledger, authority_found, decisions, decisions_found))
}

/// The marker was read, which does not make it durable; written anew it is, and what a crash left of the
/// segments that it let go of is removed.
fn stand_on(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    mut wal: Wal,
    checkpoint: Option<(Checkpoint, Manifest)>,
) -> Result<(Wal, Option<Standing>), StartError> {
    let Some((marker, manifest)) = checkpoint else { return Ok((wal, None)) };
    let marker = marker.write(&**disk, dir.path())?;
    wal.truncate(&marker)?;
    Ok((wal, Some(Standing { marker: marker.into_inner(), manifest })))
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

fn log_found(recovery: &Recovery) -> LogFound {
    LogFound {
        segments: recovery.segments,
        frames: recovery.frames,
        first: recovery.first_record,
        last: recovery.last_record,
        last_frame: recovery.last_frame_seq,
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
