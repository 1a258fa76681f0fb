//! What the tasks of one node share: immutable, or with an owner of its own.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use aerodb_core::authority::SignedEntry;
use aerodb_core::decision::promotion::Progress as HistoryProgress;
use aerodb_core::decision::record::SignedDecision;
use aerodb_core::decision::write::WriteLive;
use aerodb_core::explain::Explanation;
use aerodb_core::id::Boundary;
use aerodb_ledger::Entries;
use aerodb_ledger::wal::WalReader;
use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::bootstrap::{Handed, Progress};
use crate::checkpoint::{CheckpointHandle, Shelf};
use crate::config::Failover;
use crate::machines::Machines;
use crate::replication::{Barriers, Peers};
use crate::store::Store;
use crate::view::{Identity, View};
use crate::wal::{Acknowledgements, Answer, Cursors, OwnerHandle};
use crate::world::World;

/// The shared parts of a node.
#[derive(Debug)]
pub struct Shared {
    /// Who this node is.
    pub identity: Identity,
    /// What it finds around itself.
    pub world: World,
    /// Whether this node can be promoted, by its configuration.
    pub failover: Failover,
    /// The supervisor's state as last published.
    pub view: ArcSwap<View>,
    /// Whether one fsync can cover several commits, by its configuration.
    pub group_commit: bool,
    /// Told when the view is replaced.
    pub view_changed: watch::Sender<()>,
    /// How far the history is acknowledged, and who waits for it.
    pub acks: Arc<Acknowledgements<Answer>>,
    /// How far the replica's stages have come.
    pub cursors: Arc<Cursors>,
    /// The versions of all keys.
    pub store: Store,
    /// The durable history.
    pub wal: WalReader,
    /// The WAL's owner.
    pub owner: OwnerHandle,
    /// Who pulls from here.
    pub peers: Peers,
    /// Barriers of linearizable reads.
    pub barriers: Barriers,
    /// The state machines.
    pub machines: Machines,
    /// The authority ledger's entries.
    pub authority_entries: Entries<SignedEntry>,
    /// The decision ledger's entries.
    pub decision_entries: Entries<SignedDecision>,
    /// True while the decision ledger owes the outcome of an attempt that was answered.
    pub outcome_owed: AtomicBool,
    /// The upstream's durable end as it last told; `None` when it never did.
    pub upstream_tip: watch::Sender<Option<Boundary>>,
    /// The way to the thread that takes checkpoints.
    pub checkpoints: CheckpointHandle,
    /// The snapshots.
    pub shelf: Arc<Shelf>,
    /// The snapshots that are being pulled.
    pub handed: Handed,
    /// How far a snapshot has come that this node receives.
    pub bootstrap: Progress,
    /// True from the moment that what is on the disk must be read anew: the process starts again.
    pub restarting: watch::Sender<bool>,
    /// What recovery found and did at this start; `None` until its digest is computed.
    pub recovery: watch::Sender<Option<Explanation>>,
    /// True from the moment that the process was told to end.
    pub stopping: watch::Sender<bool>,
}

impl Shared {
    /// How far the history has come here: received, validated, applied.
    #[must_use]
    pub fn progress(&self) -> HistoryProgress {
        self.cursors.progress(|| self.wal.durable_end())
    }

    /// The part of write admission that moves per write.
    #[must_use]
    pub fn write_live(&self) -> WriteLive {
        WriteLive {
            successor_attached: self.acks.successor_attached(),
            acknowledged: self.acks.bounds().acknowledged,
            store_bytes: self.store.usage().bytes,
        }
    }

    /// Completes when the process was told to end. Whoever only waits for news gives up then, so that a
    /// replica's open pull does not hold the shutdown.
    pub async fn stopped(&self) {
        // The sender lives as long as `self`.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    /// Replaces the view and tells whoever waits for a change.
    pub fn publish(&self, view: View) {
        self.view.store(Arc::new(view));
        self.view_changed.send_replace(());
    }
}
