//! A node's data directory: what lies where, the lock on it, and how a new one is made.
//!
//! A new directory is made beside its final place and renamed into it when it is complete and durable,
//! so that a crash leaves nothing that could be taken for an initialised node.
//!
//! Keeps: M-W16, RI-1, RC-1.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aerodb_core::authority::{
    Ancestor, Annotation, Durability, Entry, EntryBody, Genesis, Member, SignedEntry,
};
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::hash::{ClusterId, Hash};
use aerodb_core::id::{ClusterName, NodeId, Seq};
use aerodb_core::rules::{RULESET, RuleId};
use aerodb_ledger::authority::{AuthorityLedger, NodeKey, sign_entry};
use aerodb_ledger::checkpoint::Checkpoint;
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::{
    Disk, DiskError, DiskLock, create_dir, create_dirs, is_dir, remove_tree, replace_file,
};
use aerodb_ledger::log::{Block, InvalidOptions, LogOptions};
use aerodb_ledger::verify::SNAPSHOTS_DIR;
use aerodb_ledger::wal::{Wal, WalPlace};
use aerodb_ledger::{Fault, LedgerPlace};

use crate::config::Config;
use crate::identity::IdentityFile;

/// The paths of a data directory, and how the logs in it are made and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir {
    path: PathBuf,
    wal: LogOptions,
    ledger: LogOptions,
}

impl DataDir {
    /// The directory at this path.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), wal: LogOptions::WAL, ledger: LogOptions::LEDGER }
    }

    /// The same directory with logs made in another way: with smaller segments, or without a thread.
    #[must_use]
    pub fn with_logs(self, wal: LogOptions, ledger: LogOptions) -> Self {
        Self { wal, ledger, ..self }
    }

    /// How segments of the WAL are made.
    #[must_use]
    pub const fn wal_options(&self) -> LogOptions {
        self.wal
    }

    /// How segments of both ledgers are made.
    #[must_use]
    pub const fn ledger_options(&self) -> LogOptions {
        self.ledger
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path.join("aerodb.toml")
    }

    /// The authority ledger.
    #[must_use]
    pub fn authority_ledger(&self) -> PathBuf {
        self.path.join("authority.ledger")
    }

    /// The decision ledger.
    #[must_use]
    pub fn decision_ledger(&self) -> PathBuf {
        self.path.join("decision.ledger")
    }

    /// The write-ahead log.
    #[must_use]
    pub fn wal(&self) -> PathBuf {
        self.path.join("wal")
    }

    /// The snapshots.
    #[must_use]
    pub fn snapshots(&self) -> PathBuf {
        self.path.join(SNAPSHOTS_DIR)
    }

    /// Where a snapshot is received; discarded whole at every start.
    #[must_use]
    pub fn staging(&self) -> PathBuf {
        self.path.join("bootstrap")
    }

    fn lock_file(&self) -> PathBuf {
        self.path.join("LOCK")
    }

    /// What was set aside.
    #[must_use]
    pub fn quarantine(&self) -> PathBuf {
        self.path.join("quarantine")
    }
}

/// Why a directory cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Another process has it (WAL-2).
    #[error("DATA_DIR_LOCKED: another process has {dir} open ({rule})", rule = RuleId::Wal2)]
    Locked {
        /// The directory.
        dir: String,
    },
    /// There is something there already.
    #[error("{dir} is not empty; a node's directory is made only where nothing is")]
    NotEmpty {
        /// The directory.
        dir: String,
    },
    /// A log could not be made.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The device's blocks do not go with the sizes of segments.
    #[error(transparent)]
    Options(#[from] InvalidOptions),
    /// The entries given make no ledger.
    #[error("the ledger is refused: {0}")]
    Ledger(String),
}

/// The lock on a data directory; held as long as the value lives.
#[derive(Debug)]
pub struct DirectoryLock {
    _lock: Box<dyn DiskLock>,
}

/// Takes the lock, before any other file is touched.
///
/// # Errors
/// [`DirectoryError::Locked`] when another process has it.
pub fn lock(dir: &DataDir, disk: &Arc<dyn Disk>) -> Result<DirectoryLock, DirectoryError> {
    match disk.lock(&dir.lock_file())? {
        Some(lock) => Ok(DirectoryLock { _lock: lock }),
        None => Err(DirectoryError::Locked { dir: dir.path().display().to_string() }),
    }
}

/// Whether another process has the directory open now; read-only tools say so beside what they found.
#[must_use]
pub fn is_locked(dir: &DataDir, disk: &dyn Disk) -> bool {
    // No lock file, or none that may be read: nothing to be said.
    disk.is_locked(&dir.lock_file()).unwrap_or(false)
}

/// What founds a cluster.
#[derive(Debug)]
pub struct Founding {
    /// The label.
    pub cluster_name: ClusterName,
    /// Random.
    pub nonce: Hash,
    /// The founder.
    pub founder: Member,
    /// Writes weaker than this are refused.
    pub minimum_durability: Durability,
    /// Where it is forked off another cluster, if it is.
    pub ancestor: Option<Ancestor>,
    /// Who, when and why.
    pub annotation: Annotation,
}

/// The genesis entry, signed by the founder.
#[must_use]
pub fn genesis(founding: Founding, key: &NodeKey) -> SignedEntry {
    let Founding { cluster_name, nonce, founder, minimum_durability, ancestor, annotation } =
        founding;
    let author = founder.node_id.clone();
    let genesis =
        Genesis { cluster_name, nonce, founder, minimum_durability, ruleset: RULESET, ancestor };
    let entry = Entry {
        format: Entry::FORMAT,
        seq: Seq::FIRST,
        previous: Hash::NONE_BEFORE,
        author,
        body: EntryBody::Genesis(genesis),
        annotation,
    };
    sign_entry(key, entry)
}

/// Makes a node's directory: configuration, identity, both ledgers, an empty WAL. `entries` is the
/// authority ledger to start with, genesis first.
///
/// # Errors
/// [`DirectoryError`]; the directory is then as it was.
pub fn create(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    config: &Config,
    node_id: &NodeId,
    key: &NodeKey,
    entries: Vec<SignedEntry>,
) -> Result<ClusterId, DirectoryError> {
    check_vacant(dir, &**disk)?;
    let staging = stage(dir, &**disk)?;
    let cluster = fill(&staging, disk, config, node_id, key, entries, None)?;
    publish(&staging, dir, &**disk)?;
    Ok(cluster)
}

/// Where a directory is made before it has its name.
#[must_use]
pub(crate) fn staged(dir: &DataDir) -> DataDir {
    DataDir { path: staging_path(dir.path()), ..dir.clone() }
}

/// Begins a directory beside its final place.
///
/// # Errors
/// [`DirectoryError`].
pub(crate) fn stage(dir: &DataDir, disk: &dyn Disk) -> Result<DataDir, DirectoryError> {
    let staging = staged(dir);
    if is_dir(disk, staging.path())? {
        // What an interrupted attempt left; it was never a node.
        remove_tree(disk, staging.path())?;
    }
    create_dirs(disk, staging.path())?;
    Ok(staging)
}

/// Gives a directory that is complete its name, durable.
///
/// # Errors
/// [`DirectoryError`]; it has its name or not, and is complete either way.
pub(crate) fn publish(
    staging: &DataDir,
    dir: &DataDir,
    disk: &dyn Disk,
) -> Result<(), DirectoryError> {
    disk.sync_dir(staging.path())?;
    disk.rename(staging.path(), dir.path())?;
    let parent = dir.path().parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok(disk.sync_dir(parent.unwrap_or_else(|| Path::new(".")))?)
}

/// The block for logs in this directory: not smaller than what its device writes at once.
#[must_use]
pub(crate) fn block_under(dir: &DataDir, disk: &dyn Disk) -> Block {
    Block::holding(disk.physical_block_bytes(dir.path()).unwrap_or_default())
}

/// Checks that a node's directory can be made here.
///
/// # Errors
/// [`DirectoryError::NotEmpty`].
pub fn check_vacant(dir: &DataDir, disk: &dyn Disk) -> Result<(), DirectoryError> {
    match disk.list(dir.path()) {
        Ok(names) if names.is_empty() => Ok(()),
        Ok(_) => Err(DirectoryError::NotEmpty { dir: dir.path().display().to_string() }),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn staging_path(dir: &Path) -> PathBuf {
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    dir.with_file_name(format!(".{name}.new"))
}

/// What a directory begins with that is not made from nothing.
#[derive(Debug)]
pub(crate) struct Inherited<'a> {
    /// The marker that stands in it already, with its snapshot.
    pub(crate) marker: &'a Checkpoint,
    /// The first entry of its node's record.
    pub(crate) record: DecisionBody,
    /// Who, when and why.
    pub(crate) annotation: Annotation,
}

/// Fills a directory that has been begun; the identity comes last, without which it is none.
///
/// # Errors
/// [`DirectoryError`].
pub(crate) fn fill(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    config: &Config,
    node_id: &NodeId,
    key: &NodeKey,
    entries: Vec<SignedEntry>,
    inherited: Option<Inherited<'_>>,
) -> Result<ClusterId, DirectoryError> {
    let owner = key.public_key();
    let block = block_under(dir, &**disk);
    let options = dir.ledger_options().with_block(block)?;
    let place = |dir| LedgerPlace { disk: Arc::clone(disk), dir, options, owner };
    let (authority_dir, decision_dir, wal_dir) =
        (dir.authority_ledger(), dir.decision_ledger(), dir.wal());
    let ledger = AuthorityLedger::create(&place(&authority_dir), entries)
        .map_err(|error| DirectoryError::Ledger(error.to_string()))?;
    let mut decisions = DecisionLedger::create(&place(&decision_dir), node_id.clone())?;
    let wal_place = WalPlace {
        disk: Arc::clone(disk),
        dir: &wal_dir,
        options: dir.wal_options().with_block(block)?,
        owner,
    };
    match inherited {
        Some(Inherited { marker, record, annotation }) => {
            let said = decisions.append(record, annotation, key);
            said.map_err(|error| DirectoryError::Ledger(error.to_string()))?;
            Wal::create_after(&wal_place, marker)?
        }
        None => Wal::create(&wal_place)?,
    };
    create_dir(&**disk, &dir.quarantine())?;
    replace_file(&**disk, &dir.config(), config.render().as_bytes())?;
    let cluster = *ledger.authority().cluster();
    let binding = disk.directory_id(dir.path())?;
    IdentityFile::new(node_id.clone(), cluster, key, binding).write(&**disk, dir.path())?;
    Ok(cluster)
}
