//! The key of a node that is being made, beside its directory: `.NAME.join`.

use std::path::PathBuf;

use aerodb_core::hash::Hash;
use aerodb_core::id::NodeId;
use aerodb_ledger::authority::NodeKey;
use aerodb_ledger::disk::{Disk, RealDisk, read_file, replace_file};
use serde::{Deserialize, Serialize};

use crate::cli::Failure;
use crate::cli::init::no_randomness;
use crate::directory::DataDir;

/// Accessible to its owner alone, like every file that the disk creates.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    node_id: NodeId,
    secret: Hash,
}

/// Where the key lies until the directory is there.
#[derive(Debug)]
pub(super) struct PendingKey(PathBuf);

impl PendingKey {
    pub(super) fn beside(dir: &DataDir) -> Self {
        let name = dir.path().file_name().unwrap_or_default().to_string_lossy();
        Self(dir.path().with_file_name(format!(".{name}.join")))
    }

    /// The key of an attempt that was cut short; `None` when there was none.
    pub(super) fn load(&self, node: &NodeId) -> Result<Option<NodeKey>, Failure> {
        if !self.0.exists() {
            return Ok(None);
        }
        let path = self.0.display();
        let bytes = read_file(&RealDisk, &self.0)?;
        let content: Content = serde_json::from_slice(&bytes).map_err(|error| {
            Failure::Refused(format!(
                "{path} is damaged: {error}; remove it and join under a new id"
            ))
        })?;
        if content.node_id != *node {
            let other = content.node_id;
            return Err(Failure::Refused(format!(
                "{path} holds the key of {other}, whose joining was cut short here; \
                 finish that first, or remove the file"
            )));
        }
        Ok(Some(NodeKey::from_seed(&content.secret.0)))
    }

    /// The key of an attempt that was cut short, or a new one, durable before it is given out.
    pub(super) fn load_or_generate(&self, node: &NodeId) -> Result<NodeKey, Failure> {
        if let Some(key) = self.load(node)? {
            return Ok(key);
        }
        let key = NodeKey::generate().map_err(no_randomness)?;
        let content = Content { node_id: node.clone(), secret: Hash(key.to_seed()) };
        // A value of our own types always serialises.
        let bytes = serde_json::to_vec(&content).unwrap_or_default();
        if let Some(parent) = self.0.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent).map_err(|error| {
                Failure::Unreadable(format!("cannot create {}: {error}", parent.display()))
            })?;
        }
        replace_file(&RealDisk, &self.0, &bytes)?;
        Ok(key)
    }

    /// Removes the file, once the key is in its directory.
    pub(super) fn remove(&self) -> Result<(), Failure> {
        RealDisk.remove(&self.0)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn node(id: &str) -> NodeId {
        NodeId::new(id).unwrap()
    }

    #[test]
    fn a_second_attempt_finds_the_key_of_the_first() {
        let parent = tempfile::tempdir().unwrap();
        let pending = PendingKey::beside(&DataDir::new(parent.path().join("n2")));
        assert!(pending.load(&node("n2")).unwrap().is_none());
        let first = pending.load_or_generate(&node("n2")).unwrap();
        let second = pending.load_or_generate(&node("n2")).unwrap();
        assert_eq!(first.public_key(), second.public_key());
        let mode = std::fs::metadata(&pending.0).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        pending.remove().unwrap();
        assert!(!pending.0.exists());
    }

    #[test]
    fn the_key_of_another_node_is_not_taken() {
        let parent = tempfile::tempdir().unwrap();
        let pending = PendingKey::beside(&DataDir::new(parent.path().join("n2")));
        pending.load_or_generate(&node("n2")).unwrap();
        assert!(matches!(pending.load_or_generate(&node("n3")), Err(Failure::Refused(_))));
    }
}
