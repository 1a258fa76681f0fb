//! Known bugs that are put back, to see that the oracles find them: what the world promises a node and does not
//! keep.

use std::path::Path;
use std::sync::Arc;

use aerodb_ledger::disk::simulated::SimulatedDisk;
use aerodb_ledger::disk::{Access, DirectoryId, Disk, DiskError, DiskFile, DiskLock};
use aerodb_node::shared::Shared;

use crate::simulation::network::{Answer, Question};

/// A bug of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// An fsync of the WAL does nothing and says that it has.
    WalSync,
    /// An fsync of either ledger does nothing and says that it has.
    LedgerSync,
    /// An fsync of a directory does nothing and says that it has.
    DirectorySync,
    /// A power loss sometimes brings an older image of the whole device back.
    Rollback,
    /// Every answer to a pull says that all that the holder has is acknowledged.
    ToldTooMuch,
    /// Every pull that arrives echoes the newest barrier, however old it is. It shows only in a read of a deposed
    /// holder to which a pull from before the promotion comes late, after a write elsewhere.
    ForgedEcho,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::WalSync,
        Self::LedgerSync,
        Self::DirectorySync,
        Self::Rollback,
        Self::ToldTooMuch,
        Self::ForgedEcho,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WalSync => "wal-sync",
            Self::LedgerSync => "ledger-sync",
            Self::DirectorySync => "directory-sync",
            Self::Rollback => "rollback",
            Self::ToldTooMuch => "told-too-much",
            Self::ForgedEcho => "forged-echo",
        }
    }

    /// The mutant of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutant| mutant.as_str() == name)
    }

    pub(in crate::simulation) fn disk(self, disk: &SimulatedDisk) -> Arc<dyn Disk> {
        Arc::new(Lying { disk: disk.shared(), mutant: self })
    }

    /// What a question has become on its way.
    pub(in crate::simulation) fn question(self, question: &mut Question, there: &Shared) {
        if let (Self::ForgedEcho, Question::Pull(pull)) = (self, question) {
            pull.echo = there.barriers.pending().or(pull.echo);
        }
    }

    /// What an answer has become on its way.
    pub(in crate::simulation) fn answer(self, answer: &mut Answer) {
        if let (Self::ToldTooMuch, Answer::Pull(pull)) = (self, answer) {
            pull.acknowledged = pull.tip;
        }
    }

    fn skips(self, path: &Path) -> bool {
        let within = |what: &str| path.components().any(|part| part.as_os_str() == what);
        match self {
            Self::WalSync => within("wal"),
            Self::LedgerSync => within("authority.ledger") || within("decision.ledger"),
            Self::DirectorySync | Self::Rollback | Self::ToldTooMuch | Self::ForgedEcho => false,
        }
    }
}

/// A disk that does not keep what it says.
#[derive(Debug)]
struct Lying {
    disk: Arc<dyn Disk>,
    mutant: Mutant,
}

#[derive(Debug)]
struct LyingFile(Arc<dyn DiskFile>);

impl Lying {
    fn file(&self, path: &Path, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        if self.mutant.skips(path) { Arc::new(LyingFile(file)) } else { file }
    }
}

impl Disk for Lying {
    fn open(&self, path: &Path, access: Access) -> Result<Arc<dyn DiskFile>, DiskError> {
        self.disk.open(path, access).map(|file| self.file(path, file))
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn DiskFile>, DiskError> {
        self.disk.create(path).map(|file| self.file(path, file))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>, DiskError> {
        self.disk.list(dir)
    }

    fn create_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.disk.create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        match self.mutant {
            Mutant::DirectorySync => Ok(()),
            Mutant::WalSync
            | Mutant::LedgerSync
            | Mutant::Rollback
            | Mutant::ToldTooMuch
            | Mutant::ForgedEcho => self.disk.sync_dir(dir),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        self.disk.remove(path)
    }

    fn remove_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.disk.remove_dir(dir)
    }

    fn directory_id(&self, dir: &Path) -> Result<DirectoryId, DiskError> {
        self.disk.directory_id(dir)
    }

    fn physical_block_bytes(&self, dir: &Path) -> Option<u64> {
        self.disk.physical_block_bytes(dir)
    }

    fn lock(&self, path: &Path) -> Result<Option<Box<dyn DiskLock>>, DiskError> {
        self.disk.lock(path)
    }

    fn is_locked(&self, path: &Path) -> Result<bool, DiskError> {
        self.disk.is_locked(path)
    }
}

impl DiskFile for LyingFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        self.0.read_at(offset, buffer)
    }

    fn read_uncached_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        self.0.read_uncached_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.0.write_at(offset, bytes)
    }

    fn sync_data(&self) -> Result<(), DiskError> {
        Ok(())
    }

    fn length(&self) -> Result<u64, DiskError> {
        self.0.length()
    }
}
