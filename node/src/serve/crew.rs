//! The parts of a node that work by themselves, before anybody carries them.

use std::sync::Arc;

use aerodb_core::decision::recovery::RecoveryFacts;
use aerodb_core::explain::explain;

use crate::checkpoint::{Requests, Worker};
use crate::serve::error::{ServeError, system};
use crate::shared::Shared;
use crate::store::{Pruner, ReadView};
use crate::supervisor::{Inbox, Supervisor};
use crate::wal::Clerk;

/// Everything that works by itself.
pub(super) struct Crew {
    /// The WAL's owner.
    pub(super) clerk: Clerk,
    /// The supervisor, and what it is told.
    pub(super) supervisor: (Supervisor, Inbox),
    /// Checkpoints, and who asks for them.
    pub(super) checkpoints: (Worker, Requests),
    /// Pruning.
    pub(super) pruner: Pruner,
    /// The digest of what was recovered.
    pub(super) recovered: Recovered,
}

/// What recovery came to. The explanation holds a digest over all of it, which is computed beside the first
/// reads: they need not wait for it; whoever asks for the explanation does.
pub(super) struct Recovered {
    /// Where the explanation goes.
    pub(super) shared: Arc<Shared>,
    /// What was recovered.
    pub(super) view: Option<ReadView>,
    /// The explanation's facts, but for the digest.
    pub(super) facts: RecoveryFacts,
}

impl Recovered {
    pub(super) fn explain(self) {
        let Self { shared, view, mut facts } = self;
        facts.state_digest = view.map(|view| view.store().state_digest(view.at()));
        shared.recovery.send_replace(Some(explain(&facts)));
    }
}

impl Crew {
    /// Gives each part a thread of its own.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(super) fn start(self) -> Result<(), ServeError> {
        let Self { clerk, supervisor, checkpoints, pruner, recovered } = self;
        system("start the WAL's owner", clerk.spawn())?;
        on_thread("pruner", move || pruner.run())?;
        on_thread("recovered", move || recovered.explain())?;
        on_thread("checkpoint", move || {
            let (worker, requests) = checkpoints;
            give_way();
            worker.run(requests);
        })?;
        on_thread("supervisor", move || {
            let (supervisor, inbox) = supervisor;
            supervisor.run(inbox);
        })
    }
}

fn on_thread(name: &'static str, work: impl FnOnce() + Send + 'static) -> Result<(), ServeError> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    system("start a thread", spawned.map(drop))
}

/// Lets every other thread of the process go first: whoever waits for a write is not kept waiting for a
/// processor that a checkpoint has.
fn give_way() {
    const NICER: i32 = 10;
    // On Linux a thread has a niceness of its own.
    if let Err(error) = rustix::process::nice(NICER) {
        tracing::warn!(%error, "checkpoints run at the priority of writes");
    }
}
