//! What the routes ask of the node: reads and writes go straight to the store and the WAL's owner,
//! commands to the supervisor, inspection to the published view.

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

use tokio::sync::Semaphore;

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
}
