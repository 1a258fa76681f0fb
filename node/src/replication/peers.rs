//! Who pulls from this node: over which connection, and what each has said is durable there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aerodb_core::id::{Boundary, NodeId, Seq};
use aerodb_core::rules::RuleId;
use aerodb_http_api::connection::ConnectionGuard;

/// What one peer last said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerState {
    /// The peer.
    pub node_id: NodeId,
    /// Whether the connection that it pulls over is open.
    pub attached: bool,
    /// The end of its durable history.
    pub position: Option<Boundary>,
    /// The end of its durable ledger.
    pub ledger: Option<Seq>,
}

/// A peer that says less is durable than it said before: it has lost what it receipted (AU-13). A ledger
/// counts as much as a history: one set back to before a release still names its node successor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Regressed {
    /// Its history ends earlier.
    #[error("{node_id} said that commit {said} was durable there, and now that only {says} is")]
    History {
        /// The peer.
        node_id: NodeId,
        /// What it said before.
        said: Boundary,
        /// What it says now.
        says: Boundary,
    },
    /// Its authority ledger ends earlier.
    #[error(
        "{node_id} said that ledger entry {said} was durable there, and now that only {says} is"
    )]
    Ledger {
        /// The peer.
        node_id: NodeId,
        /// What it said before.
        said: Seq,
        /// What it says now.
        says: Seq,
    },
    /// A process of it that was started later says that fewer starts were before it: its directory was set back, or
    /// is another one (ST-2).
    #[error("{node_id} was started {said} times before, and now says {says}")]
    Starts {
        /// The peer.
        node_id: NodeId,
        /// What it said before.
        said: u64,
        /// What it says now.
        says: u64,
    },
    /// It pulls from two processes, so one of them runs on a copy of the directory (ST-2).
    #[error("{node_id} pulls from a process that another one of that node has followed")]
    Replaced {
        /// The peer.
        node_id: NodeId,
    },
}

impl Regressed {
    /// The rule that the peer breaks.
    #[must_use]
    pub const fn rule(&self) -> RuleId {
        match self {
            Self::History { .. } | Self::Ledger { .. } => RuleId::Au13,
            Self::Starts { .. } | Self::Replaced { .. } => RuleId::St2,
        }
    }
}

/// Drawn at each start of a process.
type Session = [u8; 16];

#[derive(Debug)]
struct Peer {
    session: Session,
    starts: Option<u64>,
    /// The sessions before it. A node's processes follow each other: one that speaks again after its
    /// successor is no restart.
    earlier: BTreeSet<Session>,
    connection: ConnectionGuard,
    position: Option<Boundary>,
    ledger: Option<Seq>,
}

/// The peers of this process's lifetime.
#[derive(Debug, Default)]
pub struct Peers {
    peers: Mutex<BTreeMap<NodeId, Peer>>,
}

impl Peers {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Peer>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what a pull says. True when the peer was not attached over this connection before.
    ///
    /// # Errors
    /// [`Regressed`] when it says less than before; what it said before stands.
    pub fn heard(
        &self,
        node_id: &NodeId,
        (session, starts): (Session, Option<u64>),
        connection: &ConnectionGuard,
        position: Option<Boundary>,
        ledger: Option<Seq>,
    ) -> Result<bool, Regressed> {
        let mut peers = self.lock();
        let Some(peer) = peers.get_mut(node_id) else {
            let (connection, earlier) = (connection.clone(), BTreeSet::new());
            let peer = Peer { session, starts, earlier, connection, position, ledger };
            peers.insert(node_id.clone(), peer);
            return Ok(true);
        };
        if peer.earlier.contains(&session) {
            return Err(Regressed::Replaced { node_id: node_id.clone() });
        }
        if let (Some(said), Some(says)) = (peer.starts, starts) {
            let follows = if peer.session == session { says == said } else { says > said };
            if !follows {
                return Err(Regressed::Starts { node_id: node_id.clone(), said, says });
            }
        }
        if let (Some(said), Some(says)) = (peer.position, position)
            && says < said
        {
            return Err(Regressed::History { node_id: node_id.clone(), said, says });
        }
        if let (Some(said), Some(says)) = (peer.ledger, ledger)
            && says < said
        {
            return Err(Regressed::Ledger { node_id: node_id.clone(), said, says });
        }
        if peer.session != session {
            peer.earlier.insert(peer.session);
            peer.session = session;
        }
        peer.starts = starts.or(peer.starts);
        let fresh = !peer.connection.same_connection(connection);
        if fresh {
            peer.connection = connection.clone();
        }
        peer.position = position.or(peer.position);
        peer.ledger = ledger.or(peer.ledger);
        Ok(fresh)
    }

    /// Whether the peer is pulling over an open connection.
    #[must_use]
    pub fn is_attached(&self, node_id: &NodeId) -> bool {
        self.lock().get(node_id).is_some_and(|peer| peer.connection.is_open())
    }

    /// Whether this is the connection that the peer last pulled over.
    #[must_use]
    pub fn is_current(&self, node_id: &NodeId, connection: &ConnectionGuard) -> bool {
        self.lock().get(node_id).is_some_and(|peer| peer.connection.same_connection(connection))
    }

    /// Every peer heard of, in the order of their ids.
    #[must_use]
    pub fn list(&self) -> Vec<PeerState> {
        let state = |(node_id, peer): (&NodeId, &Peer)| PeerState {
            node_id: node_id.clone(),
            attached: peer.connection.is_open(),
            position: peer.position,
            ledger: peer.ledger,
        };
        self.lock().iter().map(state).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str) -> NodeId {
        NodeId::new(id).unwrap()
    }

    #[test]
    fn au13_a_peer_that_goes_back_is_refused_and_what_it_said_stands() {
        let (peers, (_life, guard)) = (Peers::default(), ConnectionGuard::open("peer"));
        let at = |commits| Some(Boundary::new(commits));
        assert_eq!(peers.heard(&node("n2"), ([1; 16], None), &guard, at(5), None), Ok(true));
        assert_eq!(peers.heard(&node("n2"), ([1; 16], None), &guard, at(7), None), Ok(false));
        let (said, says) = (Boundary::new(7), Boundary::new(6));
        let regressed = Regressed::History { node_id: node("n2"), said, says };
        assert_eq!(peers.heard(&node("n2"), ([1; 16], None), &guard, at(6), None), Err(regressed));
        assert_eq!(peers.list()[0].position, at(7));
        let (said, says) = (Seq::new(4).unwrap(), Seq::new(3).unwrap());
        assert_eq!(peers.heard(&node("n2"), ([1; 16], None), &guard, at(7), Some(said)), Ok(false));
        let regressed = Regressed::Ledger { node_id: node("n2"), said, says };
        assert_eq!(
            peers.heard(&node("n2"), ([1; 16], None), &guard, at(8), Some(says)),
            Err(regressed)
        );
        assert_eq!((peers.list()[0].position, peers.list()[0].ledger), (at(7), Some(said)));
    }

    #[test]
    fn st2_a_process_that_pulls_again_after_another_one_of_its_node_is_refused() {
        let (peers, (_life, guard)) = (Peers::default(), ConnectionGuard::open("peer"));
        let pull = |session| peers.heard(&node("n2"), ([session; 16], None), &guard, None, None);
        assert_eq!((pull(1), pull(2), pull(2)), (Ok(true), Ok(false), Ok(false)));
        let refused = pull(1).unwrap_err();
        assert_eq!(refused.rule(), RuleId::St2);
        assert_eq!(pull(2), Ok(false), "the later process goes on");
    }

    #[test]
    fn st2_a_directory_that_was_started_less_often_than_before_is_refused() {
        let (peers, (_life, guard)) = (Peers::default(), ConnectionGuard::open("peer"));
        let pull = |session, starts| {
            peers.heard(&node("n2"), ([session; 16], Some(starts)), &guard, None, None)
        };
        assert_eq!((pull(1, 4), pull(1, 4), pull(2, 5)), (Ok(true), Ok(false), Ok(false)));
        // An older copy of the directory, in its place, and the original started once more beside it.
        for (starts, said) in [(4, 5), (5, 5)] {
            let refused = pull(3, starts).unwrap_err();
            let node_id = node("n2");
            assert_eq!(refused, Regressed::Starts { node_id, said, says: starts });
            assert_eq!(refused.rule(), RuleId::St2);
        }
        assert_eq!(pull(2, 5), Ok(false), "the one that was there goes on");
    }

    #[test]
    fn a_peer_is_attached_as_long_as_its_last_connection_is_open() {
        let peers = Peers::default();
        let (first_life, first) = ConnectionGuard::open("peer");
        let (second_life, second) = ConnectionGuard::open("peer");
        assert_eq!(peers.heard(&node("n2"), ([1; 16], None), &first, None, None), Ok(true));
        assert_eq!(peers.heard(&node("n2"), ([1; 16], None), &second, None, None), Ok(true));
        drop(first_life);
        assert!(peers.is_attached(&node("n2")) && !peers.is_current(&node("n2"), &first));
        drop(second_life);
        assert!(!peers.is_attached(&node("n2")));
        assert!(!peers.is_attached(&node("n3")));
    }
}
