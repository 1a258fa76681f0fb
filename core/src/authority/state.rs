//! The state that folding the authority ledger gives: who may write, since where, and whom the
//! holder owes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::authority::{Ancestor, Durability, Genesis, Member, Membership};
use crate::hash::{ClusterId, Hash};
use crate::id::{ClusterName, CommitId, Epoch, NodeId, Seq};
use crate::position::{LedgerHead, Position};

/// The beginning of one epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochStart {
    /// The epoch.
    pub epoch: Epoch,
    /// Its holder.
    pub holder: NodeId,
    /// Where it starts; its first commit is the next one.
    pub start: Position,
    /// The entry that granted it.
    pub granted_by: LedgerHead,
}

/// Whether the holder still holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tenure {
    /// The holder may write.
    Held,
    /// It has written its last entry of the epoch.
    Relinquished {
        /// The one node that may be granted the next epoch.
        successor: NodeId,
        /// Where the epoch ends.
        final_position: Position,
        /// That entry.
        entry: LedgerHead,
    },
}

/// The heir of the current epoch, and with it the holder's obligation (DESIGN 3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Succession {
    /// The successor may be granted the next epoch on its designation.
    Designated {
        /// The heir.
        successor: NodeId,
        /// The end of the history when it was named.
        at: Position,
        /// The entry that named it.
        entry: LedgerHead,
    },
    /// Released, but not yet proven to know it: it might still promote itself, so the obligation
    /// stands.
    Releasing {
        /// The heir so far.
        successor: NodeId,
        /// The end of the history when it was named.
        at: Position,
        /// The release.
        entry: LedgerHead,
    },
}

impl Succession {
    /// The node that the obligation is towards.
    #[must_use]
    pub const fn successor(&self) -> &NodeId {
        match self {
            Self::Designated { successor, .. } | Self::Releasing { successor, .. } => successor,
        }
    }

    /// The end of the history when the successor was named.
    #[must_use]
    pub const fn designated_at(&self) -> Position {
        match self {
            Self::Designated { at, .. } | Self::Releasing { at, .. } => *at,
        }
    }
}

/// The holder's duty to have a node's receipt before it acknowledges.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Obligation {
    /// The node whose receipt is needed.
    pub node_id: NodeId,
    /// The epoch that the receipt must name.
    pub epoch: Epoch,
}

/// The fold of an authority ledger. Only [`evolve`](crate::authority::evolve) makes or moves one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    pub(super) cluster: ClusterId,
    pub(super) genesis: Genesis,
    pub(super) members: BTreeMap<NodeId, (Member, Membership)>,
    /// Never empty; epochs in order, 1 first.
    pub(super) epochs: Vec<EpochStart>,
    pub(super) tenure: Tenure,
    pub(super) succession: Option<Succession>,
    /// The hash of every entry, in order; never empty.
    pub(super) hashes: Vec<Hash>,
    /// The furthest place of the history that an entry has named. The history of the holder never goes
    /// back, so no later entry names one before it: a relinquishment below a designation would end the
    /// epoch under writes that were acknowledged on the strength of that designation.
    pub(super) reached: Position,
    pub(super) current: EpochStart,
    /// Every entry of this epoch that named an heir, oldest first.
    pub(super) namings: Vec<(NodeId, LedgerHead)>,
    /// The nodes that an entry of this epoch shows to have declined the next one.
    pub(super) declined: BTreeSet<NodeId>,
}

impl Authority {
    /// The cluster id: the hash of the genesis entry.
    #[must_use]
    pub const fn cluster(&self) -> &ClusterId {
        &self.cluster
    }

    /// The cluster's label.
    #[must_use]
    pub const fn cluster_name(&self) -> &ClusterName {
        &self.genesis.cluster_name
    }

    /// Where the cluster was forked off another one, if it was.
    #[must_use]
    pub const fn ancestor(&self) -> Option<&Ancestor> {
        self.genesis.ancestor.as_ref()
    }

    /// The durability below which writes are refused.
    #[must_use]
    pub const fn minimum_durability(&self) -> Durability {
        self.genesis.minimum_durability
    }

    /// The current epoch.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.current.epoch
    }

    /// Who holds the current epoch.
    #[must_use]
    pub const fn holder(&self) -> &NodeId {
        &self.current.holder
    }

    /// Where the current epoch starts.
    #[must_use]
    pub const fn start(&self) -> Position {
        self.current.start
    }

    /// Every epoch so far, the current one last.
    #[must_use]
    pub fn epochs(&self) -> &[EpochStart] {
        &self.epochs
    }

    /// Whether the holder still holds.
    #[must_use]
    pub const fn tenure(&self) -> &Tenure {
        &self.tenure
    }

    /// The heir, if there is one.
    #[must_use]
    pub const fn succession(&self) -> Option<&Succession> {
        self.succession.as_ref()
    }

    /// Whose receipt the holder needs before it acknowledges; `None` when its own fsync is enough.
    #[must_use]
    pub fn obligation(&self) -> Option<Obligation> {
        self.succession
            .as_ref()
            .map(|heir| Obligation { node_id: heir.successor().clone(), epoch: self.epoch() })
    }

    /// The last entry of this epoch that named the node heir, if one did.
    #[must_use]
    pub fn naming_of(&self, node: &NodeId) -> Option<LedgerHead> {
        self.namings.iter().rev().find(|(named, _)| named == node).map(|(_, entry)| *entry)
    }

    /// Whether this entry named the node heir in this epoch.
    #[must_use]
    pub fn named(&self, node: &NodeId, entry: &LedgerHead) -> bool {
        self.namings.iter().any(|(named, head)| named == node && head == entry)
    }

    /// Whether an entry of this epoch shows that the node declined the next one.
    #[must_use]
    pub fn has_declined(&self, node: &NodeId) -> bool {
        self.declined.contains(node)
    }

    /// What an acknowledged write is durable on now.
    #[must_use]
    pub const fn durability(&self) -> Durability {
        match self.succession {
            Some(_) => Durability::Paired,
            None => Durability::Local,
        }
    }

    /// Every node that was ever admitted, in the order of their ids.
    pub fn members(&self) -> impl Iterator<Item = (&Member, Membership)> {
        self.members.values().map(|(member, membership)| (member, *membership))
    }

    /// A node that was ever admitted, and whether it still is.
    #[must_use]
    pub fn member(&self, node: &NodeId) -> Option<(&Member, Membership)> {
        self.members.get(node).map(|(member, membership)| (member, *membership))
    }

    /// The node, if it is a member now.
    #[must_use]
    pub fn admitted(&self, node: &NodeId) -> Option<&Member> {
        match self.members.get(node) {
            Some((member, Membership::Admitted)) => Some(member),
            Some((_, Membership::Removed)) | None => None,
        }
    }

    /// The last entry.
    #[must_use]
    pub fn head(&self) -> LedgerHead {
        let length = self.hashes.len() as u64;
        LedgerHead {
            seq: Seq::new(length).unwrap_or(Seq::FIRST),
            hash: self.hashes.last().copied().unwrap_or(Hash::NONE_BEFORE),
        }
    }

    /// The hash of the entry at `seq`, if the ledger reaches that far.
    #[must_use]
    pub fn hash_at(&self, seq: Seq) -> Option<Hash> {
        usize::try_from(seq.get() - 1).ok().and_then(|at| self.hashes.get(at)).copied()
    }

    /// Whether this ledger contains the one that ends at `head`.
    #[must_use]
    pub fn contains(&self, head: &LedgerHead) -> bool {
        self.hash_at(head.seq) == Some(head.hash)
    }

    /// Whether this ledger is at least as long as the one that ends at `head`. Where it is not, what was written
    /// under that one waits if it comes from elsewhere; if this node's own log holds it, the ledger has lost its
    /// tail (AU-14).
    #[must_use]
    pub fn reaches(&self, head: &LedgerHead) -> bool {
        head.seq <= self.head().seq
    }

    /// The epoch that the ledger gives a place in the history.
    #[must_use]
    pub fn epoch_at(&self, commit: CommitId) -> Epoch {
        self.epochs
            .iter()
            .rev()
            .find(|start| !start.start.boundary.covers(commit))
            .map_or(Epoch::FIRST, |start| start.epoch)
    }
}

#[cfg(test)]
mod tests {
    use crate::authority::tests_support::Story;
    use crate::id::{CommitId, Epoch};

    #[test]
    fn au14_a_ledger_reaches_what_is_not_longer_than_itself() {
        let shorter = Story::founded().admit("n2");
        let longer = shorter.clone().admit("n3");
        assert!(longer.authority().reaches(&shorter.head()));
        assert!(longer.authority().reaches(&longer.head()));
        assert!(!shorter.authority().reaches(&longer.head()));
    }

    #[test]
    fn the_epoch_of_a_place_is_the_last_one_that_starts_before_it() {
        let story = Story::promoted_at(10);
        let authority = story.authority();
        assert_eq!(authority.epoch_at(CommitId::new(10).unwrap()), Epoch::FIRST);
        assert_eq!(authority.epoch_at(CommitId::new(11).unwrap()), Epoch::new(2).unwrap());
    }
}
