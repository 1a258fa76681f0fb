//! What the routes ask of the node: reads and writes go straight to the store and the WAL's owner,
//! commands to the supervisor, inspection to the published view.
//!
//! Keeps: M-O02.

mod checkpoint;
mod command;
mod events;
mod explain;
mod health;
mod incomplete;
mod inspect;
mod kv;
mod metrics;
mod port;
mod read;
mod read_gate;
mod refusal;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aerodb_core::decision::record::SignedDecision;
use aerodb_core::machine::MachineName;
use aerodb_ledger::Entries;
use tokio::sync::Semaphore;

use crate::config::Failover;
use crate::machines::Shown;
use crate::shared::Shared;
use crate::supervisor::SupervisorHandle;

/// The node as the routes see it.
#[derive(Debug, Clone)]
pub struct Http {
    pub(crate) shared: Arc<Shared>,
    pub(crate) supervisor: SupervisorHandle,
    /// Turns of the state digest, which reads everything: one.
    digests: Arc<Semaphore>,
}

impl Http {
    /// Over the node's shared parts.
    #[must_use]
    pub fn new(shared: Arc<Shared>, supervisor: SupervisorHandle) -> Self {
        Self { shared, supervisor, digests: Arc::new(Semaphore::new(1)) }
    }

    /// The node's own record, with the outcome of whatever was answered.
    async fn record(&self) -> &Entries<SignedDecision> {
        if self.shared.outcome_owed.load(Ordering::Acquire) {
            self.supervisor.outcome_recorded().await;
        }
        &self.shared.decision_entries
    }

    /// The machines that exist on this node: where failover is disabled, that of promotion does not.
    fn machines_here(&self) -> impl Iterator<Item = Shown> {
        let promotes = match self.shared.failover {
            Failover::Enabled => true,
            Failover::Disabled => false,
        };
        let shown = self.shared.machines.show().into_iter();
        shown.filter(move |shown| promotes || shown.machine != MachineName::Promotion)
    }
}
