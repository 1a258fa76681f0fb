//! What the rest of the node sees of the supervisor's state: one immutable value, replaced whole.

use std::sync::Arc;

use aerodb_core::authority::Authority;
use aerodb_core::decision::node_state::{NodeState, Writer};
use aerodb_core::decision::write::{WriteFacts, WriteLive};
use aerodb_core::hash::{ClusterId, PublicKey};
use aerodb_core::id::{Address, NodeId};
use aerodb_core::machine::{Latch, Role, WalWriter};
use aerodb_core::rules::RuleId;

/// Who this node is; the same for the life of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its id.
    pub node_id: NodeId,
    /// Its key.
    pub public_key: PublicKey,
    /// Its cluster.
    pub cluster: ClusterId,
}

/// The published state.
#[derive(Debug, Clone)]
pub struct View {
    /// The role.
    pub role: Role,
    /// The fold of the authority ledger, durable.
    pub authority: Arc<Authority>,
    /// The failure latch.
    pub latch: Latch,
    /// Where a replica pulls from.
    pub upstream: Option<Address>,
    /// Why it is not pulling, when it is not.
    pub detached: Option<String>,
    /// Whether upstream no longer has the history that this replica needs next.
    pub bootstrap_required: bool,
    /// What write admission reads, all but what moves per write.
    pub write: WriteFacts,
}

impl View {
    /// The view of this state.
    #[must_use]
    pub fn new(
        identity: &Identity,
        role: Role,
        authority: Arc<Authority>,
        latch: Latch,
        writer: &WalWriter,
        store_bytes_max: u64,
    ) -> Self {
        let state = NodeState {
            node: &identity.node_id,
            authority: &authority,
            role: role.role_name(),
            halt: latch.cause().map(|failure| failure.rule),
        };
        let writer = Writer { poisoned: *writer == WalWriter::Poisoned, store_bytes_max };
        let live = WriteLive { successor_attached: None, acknowledged: None, store_bytes: 0 };
        let write = state.of_write(writer, live);
        let (upstream, detached) = (None, None);
        Self { role, authority, latch, upstream, detached, bootstrap_required: false, write }
    }

    /// What the node is by this view, as far as decisions read it.
    #[must_use]
    pub fn state<'a>(&'a self, identity: &'a Identity) -> NodeState<'a> {
        NodeState {
            node: &identity.node_id,
            authority: &self.authority,
            role: self.role.role_name(),
            halt: self.halt(),
        }
    }

    /// The rule of the halt in force, if there is one.
    #[must_use]
    pub fn halt(&self) -> Option<RuleId> {
        self.write.halt
    }
}
