//! The snapshots that are being pulled, one by each replica at most.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aerodb_core::hash::Hash;
use aerodb_core::id::{Boundary, NodeId};
use aerodb_http_api::connection::ConnectionGuard;

use crate::checkpoint::Hold;

/// A snapshot that is kept because somebody pulls it.
#[derive(Debug, Clone)]
struct Handing {
    connection: ConnectionGuard,
    hold: Arc<Hold>,
    manifest: Hash,
}

/// What a chunk is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handout {
    /// The snapshot's file.
    pub path: PathBuf,
    /// The hash of its manifest.
    pub manifest: Hash,
    /// The commit that it was taken at.
    pub cut: Boundary,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Invariant: a snapshot that is in here is held, and it is in here only while its connection is open.
#[derive(Debug, Default)]
pub struct Handed {
    handings: Mutex<BTreeMap<NodeId, Handing>>,
}

impl Handing {
    fn source(&self) -> Handout {
        let standing = self.hold.standing();
        Handout {
            path: self.hold.path(),
            manifest: self.manifest,
            cut: standing.marker.position.boundary,
            bytes: standing.manifest.file_bytes(),
        }
    }
}

impl Handed {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Handing>> {
        // A panic stops the process, so a poisoned lock is never seen.
        self.handings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a snapshot to a node that pulls it over this connection, in the place of what it pulled before.
    pub fn begin(&self, node: &NodeId, connection: &ConnectionGuard, hold: Hold) -> Handout {
        let manifest = hold.standing().manifest.hash();
        let handing = Handing { connection: connection.clone(), hold: Arc::new(hold), manifest };
        let source = handing.source();
        self.lock().insert(node.clone(), handing);
        source
    }

    /// The snapshot with this manifest, if it is being handed to that node over this connection.
    #[must_use]
    pub fn find(
        &self,
        node: &NodeId,
        connection: &ConnectionGuard,
        manifest: &Hash,
    ) -> Option<Handout> {
        let handings = self.lock();
        let found = handings.get(node)?;
        let same = found.connection.same_connection(connection) && found.manifest == *manifest;
        same.then(|| found.source())
    }

    /// The connection has ended.
    pub fn end(&self, node: &NodeId, connection: &ConnectionGuard) {
        let mut handings = self.lock();
        if handings.get(node).is_some_and(|it| it.connection.same_connection(connection)) {
            handings.remove(node);
        }
    }
}
