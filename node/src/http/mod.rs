//! What the routes ask of the node: reads and writes go straight to the store and the WAL's owner,
//! commands to the supervisor, inspection to the published view.

mod checkpoint;
mod command;
mod explain;
mod health;
mod inspect;
mod kv;
mod port;
mod refusal;

use std::sync::Arc;

use crate::shared::Shared;
use crate::supervisor::SupervisorHandle;

/// The node as the routes see it.
#[derive(Debug, Clone)]
pub struct Http {
    pub(crate) shared: Arc<Shared>,
    pub(crate) supervisor: SupervisorHandle,
}

impl Http {
    /// Over the node's shared parts.
    #[must_use]
    pub const fn new(shared: Arc<Shared>, supervisor: SupervisorHandle) -> Self {
        Self { shared, supervisor }
    }
}
