//! `identity`: who the directory's node is, which directory it belongs to, and what was durable when it
//! was last opened or closed.
//!
//! A small file, replaced whole (temporary, fsync, rename, fsync of the directory), so that after a crash
//! the old or the new one is there. Its checksum covers every byte; a damaged one refuses the start
//! (F-RC2).

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use aerodb_core::hash::{ClusterId, Hash};
use aerodb_core::id::NodeId;
use aerodb_core::rules::RuleId;
use aerodb_ledger::authority::NodeKey;
use aerodb_ledger::disk::{Disk, DiskError, read_file, replace_file};
use serde::{Deserialize, Serialize};

const FORMAT: &str = "aerodb identity 1";

/// The directory that an identity is bound to. A copy has another inode (ST-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The file system.
    pub device: u64,
    /// The directory in it.
    pub inode: u64,
}

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
    format: String,
    /// The node.
    pub node_id: NodeId,
    /// Its cluster.
    pub cluster: ClusterId,
    secret: Hash,
    /// The directory that it belongs to.
    pub binding: Binding,
    /// What was durable.
    pub stamp: Stamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    identity: IdentityFile,
    digest: Hash,
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
        what: String,
    },
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The directory cannot be looked at.
    #[error("cannot stat {path}: {source}")]
    Stat {
        /// The directory.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Binding {
    /// The binding of a directory that exists.
    ///
    /// # Errors
    /// [`IdentityError::Stat`].
    pub fn of(dir: &Path) -> Result<Self, IdentityError> {
        let path = || dir.display().to_string();
        let found = std::fs::metadata(dir)
            .map_err(|source| IdentityError::Stat { path: path(), source })?;
        Ok(Self { device: found.dev(), inode: found.ino() })
    }
}

impl IdentityFile {
    /// The file's name in the data directory.
    pub const NAME: &'static str = "identity";

    /// A new identity, bound to this directory.
    #[must_use]
    pub fn new(node_id: NodeId, cluster: ClusterId, key: &NodeKey, binding: Binding) -> Self {
        let secret = Hash(key.to_seed());
        Self {
            format: FORMAT.to_owned(),
            node_id,
            cluster,
            secret,
            binding,
            stamp: Stamp::default(),
        }
    }

    /// A copy with what is durable now.
    #[must_use]
    pub fn restamped(&self, stamp: Stamp) -> Self {
        Self {
            format: self.format.clone(),
            node_id: self.node_id.clone(),
            cluster: self.cluster,
            secret: self.secret,
            binding: self.binding,
            stamp,
        }
    }

    /// The node's key.
    #[must_use]
    pub fn key(&self) -> NodeKey {
        NodeKey::from_seed(&self.secret.0)
    }

    fn digest(&self) -> Hash {
        // A value of our own types always serialises.
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        Hash::of("aerodb 2026 identity file", &[&bytes])
    }

    /// Writes the file; when this returns it is durable under its name, accessible to its owner alone.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn write(self, disk: &dyn Disk, dir: &Path) -> Result<Self, DiskError> {
        let digest = self.digest();
        let sealed = Sealed { identity: self, digest };
        let mut bytes = serde_json::to_vec_pretty(&sealed).unwrap_or_default();
        bytes.push(b'\n');
        replace_file(disk, &dir.join(Self::NAME), &bytes)?;
        Ok(sealed.identity)
    }

    /// Reads and checks the file. Every byte counts: the file must be exactly what [`IdentityFile::write`]
    /// writes for its content.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn read(disk: &dyn Disk, dir: &Path) -> Result<Self, IdentityError> {
        let path = dir.join(Self::NAME);
        let name = || path.display().to_string();
        let bytes = match read_file(disk, &path) {
            Err(error) if error.is_not_found() => {
                return Err(IdentityError::Missing { path: name() });
            }
            read => read?,
        };
        let damaged = |what: &str| IdentityError::Damaged { path: name(), what: what.to_owned() };
        let sealed: Sealed =
            serde_json::from_slice(&bytes).map_err(|error| damaged(&error.to_string()))?;
        if sealed.digest != sealed.identity.digest() {
            return Err(damaged("the digest does not fit the content"));
        }
        let mut again = serde_json::to_vec_pretty(&sealed).unwrap_or_default();
        again.push(b'\n');
        if again != bytes {
            return Err(damaged("the bytes are not those that were written"));
        }
        if sealed.identity.format != FORMAT {
            return Err(damaged(&format!("format {:?} is not known", sealed.identity.format)));
        }
        Ok(sealed.identity)
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
    use aerodb_ledger::disk::RealDisk;

    use super::*;

    fn written(dir: &Path) -> IdentityFile {
        let key = NodeKey::from_seed(&[7; 32]);
        let node = NodeId::new("n1").unwrap();
        IdentityFile::new(node, ClusterId([1; 32]), &key, Binding::of(dir).unwrap())
            .write(&RealDisk, dir)
            .unwrap()
    }

    #[test]
    fn what_is_written_reads_back_and_its_secret_stays_out_of_debug_output() {
        let dir = tempfile::tempdir().unwrap();
        let identity = written(dir.path());
        let read = IdentityFile::read(&RealDisk, dir.path()).unwrap();
        assert_eq!(read.key().public_key(), identity.key().public_key());
        assert_eq!(read.binding, Binding::of(dir.path()).unwrap());
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
    fn a_directory_without_one_is_not_initialised() {
        let dir = tempfile::tempdir().unwrap();
        let missing = IdentityFile::read(&RealDisk, dir.path());
        assert!(matches!(missing, Err(IdentityError::Missing { .. })));
    }
}
