//! `identity`: who the directory's node is, which directory it belongs to, and what was durable when it
//! was last opened or closed.
//!
//! A sealed file: replaced whole, every byte of it under its digest; a damaged one refuses the start
//! (F-RC2).

use std::path::Path;

use aerodb_core::directory::Retired;
use aerodb_core::hash::{ClusterId, Hash};
use aerodb_core::id::NodeId;
use aerodb_core::rules::RuleId;
use aerodb_ledger::authority::NodeKey;
use aerodb_ledger::disk::{DirectoryId, Disk, DiskError};
use aerodb_ledger::{Sealed, SealedError, Unsealed, read_sealed, write_sealed};
use serde::{Deserialize, Serialize};

/// What was durable at the last open or clean close: a log that ends before it has lost something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// How often the directory was opened.
    pub starts: u64,
    /// The last frame of the authority ledger.
    pub authority_frame: u64,
    /// The last frame of the decision ledger.
    pub decision_frame: u64,
    /// The last frame of the WAL.
    pub wal_frame: u64,
}

/// The content of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityFile {
    /// The node.
    pub node_id: NodeId,
    /// Its cluster.
    pub cluster: ClusterId,
    secret: Hash,
    /// The directory that it belongs to: a copy has another one (ST-2).
    pub binding: DirectoryId,
    /// What was durable.
    pub stamp: Stamp,
    /// Why the directory is never started again; absent while it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<Retired>,
}

impl Sealed for IdentityFile {
    const FORMAT: &'static str = "aerodb identity 1";
    const NAME: &'static str = "identity";
}

/// An identity that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is none: the directory is not initialised.
    #[error("{path} is not there: the directory is not initialised (aerodb init, aerodb join)")]
    Missing {
        /// The file.
        path: String,
    },
    /// The bytes are not what was written (F-RC2).
    #[error("{path} is damaged ({rule}): {what}", rule = RuleId::FRc2)]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        what: Unsealed,
    },
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The directory is retired: nothing in it is served, receipted for or granted any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{dir} is retired ({rule}): {way}", rule = RuleId::Dir4, way = .why.way_forward())]
pub struct RetiredDirectory {
    /// The directory.
    pub dir: String,
    /// Why.
    pub why: Retired,
}

impl IdentityFile {
    /// A new identity, bound to this directory.
    #[must_use]
    pub fn new(node_id: NodeId, cluster: ClusterId, key: &NodeKey, binding: DirectoryId) -> Self {
        let secret = Hash(key.to_seed());
        Self { node_id, cluster, secret, binding, stamp: Stamp::default(), retired: None }
    }

    fn copied(&self) -> Self {
        Self {
            node_id: self.node_id.clone(),
            cluster: self.cluster,
            secret: self.secret,
            binding: self.binding,
            stamp: self.stamp,
            retired: self.retired,
        }
    }

    /// A copy with what is durable now.
    #[must_use]
    pub fn restamped(&self, stamp: Stamp) -> Self {
        Self { stamp, ..self.copied() }
    }

    /// A copy that belongs to another directory.
    #[must_use]
    pub fn rebound(&self, binding: DirectoryId) -> Self {
        Self { binding, ..self.copied() }
    }

    /// A copy that says that the directory is never started again.
    #[must_use]
    pub fn retired(&self, why: Retired) -> Self {
        Self { retired: Some(why), ..self.copied() }
    }

    /// Whether the directory that the file was read from may be acted on.
    ///
    /// # Errors
    /// [`RetiredDirectory`].
    pub fn check_in_force(&self, dir: &Path) -> Result<(), RetiredDirectory> {
        match self.retired {
            Some(why) => Err(RetiredDirectory { dir: dir.display().to_string(), why }),
            None => Ok(()),
        }
    }

    /// The node's key.
    #[must_use]
    pub fn key(&self) -> NodeKey {
        NodeKey::from_seed(&self.secret.0)
    }

    /// Writes the file; when this returns it is durable under its name, accessible to its owner alone.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn write(self, disk: &dyn Disk, dir: &Path) -> Result<Self, DiskError> {
        Ok(write_sealed(disk, dir, self)?.into_inner())
    }

    /// Reads and checks the file.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn read(disk: &dyn Disk, dir: &Path) -> Result<Self, IdentityError> {
        let name = |path: std::path::PathBuf| path.display().to_string();
        read_sealed(disk, dir).map_err(|error| match error {
            SealedError::Missing { path } => IdentityError::Missing { path: name(path) },
            SealedError::Damaged { path, what } => {
                IdentityError::Damaged { path: name(path), what }
            }
            SealedError::Disk(error) => IdentityError::Disk(error),
        })
    }
}

impl std::fmt::Debug for IdentityFile {
    /// Leaves the secret out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityFile")
            .field("node_id", &self.node_id)
            .field("cluster", &self.cluster)
            .field("binding", &self.binding)
            .field("stamp", &self.stamp)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use aerodb_ledger::disk::RealDisk;

    use super::*;

    fn written(dir: &Path) -> IdentityFile {
        let key = NodeKey::from_seed(&[7; 32]);
        let node = NodeId::new("n1").unwrap();
        IdentityFile::new(node, ClusterId([1; 32]), &key, RealDisk.directory_id(dir).unwrap())
            .write(&RealDisk, dir)
            .unwrap()
    }

    #[test]
    fn what_is_written_reads_back_and_its_secret_stays_out_of_debug_output() {
        let dir = tempfile::tempdir().unwrap();
        let identity = written(dir.path());
        let read = IdentityFile::read(&RealDisk, dir.path()).unwrap();
        assert_eq!(read.key().public_key(), identity.key().public_key());
        assert_eq!(read.binding, RealDisk.directory_id(dir.path()).unwrap());
        assert!(!format!("{read:?}").contains(&read.secret.to_string()));
        let mode = std::fs::metadata(dir.path().join("identity")).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn f_rc2_every_flipped_byte_and_every_cut_is_found() {
        let dir = tempfile::tempdir().unwrap();
        written(dir.path());
        let path = dir.path().join("identity");
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            std::fs::write(&path, flipped).unwrap();
            assert!(
                IdentityFile::read(&RealDisk, dir.path()).is_err(),
                "a flip at {at} went unnoticed"
            );
            std::fs::write(&path, &bytes[..at]).unwrap();
            assert!(
                IdentityFile::read(&RealDisk, dir.path()).is_err(),
                "a cut at {at} went unnoticed"
            );
        }
    }

    #[test]
    fn the_golden_identity_reads_back_and_is_written_with_the_same_bytes() {
        let golden =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../ledger/tests/golden/node/identity");
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("identity");
        std::fs::copy(&golden, &copy).unwrap();
        let read = IdentityFile::read(&RealDisk, dir.path()).unwrap();
        assert_eq!((read.node_id.as_str(), read.stamp.authority_frame), ("n1", 18));
        std::fs::remove_file(&copy).unwrap();
        read.write(&RealDisk, dir.path()).unwrap();
        assert_eq!(std::fs::read(copy).unwrap(), std::fs::read(golden).unwrap());
    }

    #[test]
    fn dir4_a_retired_directory_says_so_for_good_and_one_in_force_says_nothing_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let identity = written(dir.path());
        assert_eq!(identity.check_in_force(dir.path()), Ok(()));
        let text = std::fs::read_to_string(dir.path().join("identity")).unwrap();
        assert!(!text.contains("retired"), "{text}");
        let to = DirectoryId { device: 1, inode: 2 };
        for why in [Retired::Relocated { to }, Retired::Forked { cluster: ClusterId([2; 32]) }] {
            let _ = identity.retired(why).write(&RealDisk, dir.path()).unwrap();
            let read = IdentityFile::read(&RealDisk, dir.path()).unwrap();
            assert_eq!(read.check_in_force(dir.path()).unwrap_err().why, why);
            assert_eq!(read.restamped(Stamp::default()).retired, Some(why));
            assert_eq!(read.key().public_key(), identity.key().public_key());
        }
    }

    #[test]
    fn a_directory_without_one_is_not_initialised() {
        let dir = tempfile::tempdir().unwrap();
        let missing = IdentityFile::read(&RealDisk, dir.path());
        assert!(matches!(missing, Err(IdentityError::Missing { .. })));
    }
}
