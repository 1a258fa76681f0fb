//! A node that one thread carries, step by step: between two calls nothing of it moves. The parts are the ones
//! that [`super::run`] gives a thread each; in which order they are carried on is the caller's to choose, and so
//! is when requests are polled, which live in the runtime that the node was put together in.

use std::sync::Arc;

use aerodb_http_api::Site;
use tokio::sync::watch;

use super::Ended;
use super::assemble::{Assembled, assemble};
use super::crew::Crew;
use super::error::ServeError;
use crate::checkpoint::{Requests, Worker};
use crate::directory::DirectoryLock;
use crate::http::Http;
use crate::open::Opened;
use crate::shared::Shared;
use crate::store::Pruner;
use crate::supervisor::{Fatal, Inbox, Supervisor, SupervisorHandle};
use crate::wal::Clerk;
use crate::world::World;

/// The node. Dropping it is what a crash is for the process.
pub struct Stepwise {
    http: Arc<Http>,
    handle: SupervisorHandle,
    clerk: Clerk,
    supervisor: Option<(Supervisor, Inbox)>,
    checkpoints: Option<(Worker, Requests)>,
    pruner: Pruner,
    value_bytes_max: usize,
    fatal: watch::Receiver<Option<Fatal>>,
    _lock: DirectoryLock,
}

impl std::fmt::Debug for Stepwise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stepwise")
            .field("identity", &self.http.shared.identity)
            .finish_non_exhaustive()
    }
}

impl Stepwise {
    /// Puts the node together over what was opened. To be called within the context of the runtime that its
    /// requests are to live in.
    ///
    /// # Errors
    /// [`ServeError`] when randomness cannot be had.
    pub fn start(opened: Opened, world: World) -> Result<Self, ServeError> {
        let (fatal, failed) = watch::channel(None);
        let value_bytes_max = opened.config.value_bytes_max;
        let (Assembled { http, supervisor: handle, lock }, crew) = assemble(opened, world, fatal)?;
        let Crew { clerk, supervisor: (mut supervisor, inbox), checkpoints, pruner, recovered } =
            crew;
        recovered.explain();
        supervisor.begin();
        Ok(Self {
            http: Arc::new(http),
            handle,
            clerk,
            supervisor: Some((supervisor, inbox)),
            checkpoints: Some(checkpoints),
            pruner,
            value_bytes_max,
            fatal: failed,
            _lock: lock,
        })
    }

    /// What requests are asked of.
    #[must_use]
    pub fn port(&self) -> Arc<Http> {
        Arc::clone(&self.http)
    }

    /// What it answers over HTTP, for connections of the caller's own.
    #[must_use]
    pub fn site(&self) -> Site<Http> {
        super::site(self.port(), self.value_bytes_max)
    }

    /// What the parts share, to be looked at.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.http.shared
    }

    /// Carries the WAL's owner on by one job. Whether there was one.
    pub fn step_wal(&mut self) -> bool {
        self.clerk.step()
    }

    /// Carries the supervisor on by one message. Whether there was one.
    pub fn step_supervisor(&mut self) -> bool {
        let Some((supervisor, inbox)) = &mut self.supervisor else { return false };
        let stepped = supervisor.take_next(inbox);
        if stepped.is_some_and(|flow| flow.is_break()) {
            self.supervisor = None;
        }
        stepped.is_some()
    }

    /// Takes a checkpoint if one is asked for. Whether one was.
    pub fn step_checkpoints(&mut self) -> bool {
        let Some((worker, requests)) = &self.checkpoints else { return false };
        let stepped = worker.step(requests);
        if stepped.is_some_and(|flow| flow.is_break()) {
            self.checkpoints = None;
        }
        stepped.is_some()
    }

    /// Prunes if there is something to prune. Whether there was.
    pub fn step_pruner(&mut self) -> bool {
        self.pruner.step()
    }

    /// Why the process must end or start again; `None` while it goes on.
    #[must_use]
    pub fn ended(&self) -> Option<Result<Ended, Fatal>> {
        let failed = self.fatal.borrow().clone().map(Err);
        failed.or_else(|| self.http.shared.restarting.borrow().then_some(Ok(Ended::Restart)))
    }

    /// Tells the node to stop, as a signal does: whoever waits is sent away, and the supervisor closes the logs
    /// with the next of its steps that follows what it was told before. Nothing of the latter happens before what
    /// this gives is polled.
    pub fn stop(&self) -> impl Future<Output = ()> + Send + 'static {
        self.http.shared.stopping.send_replace(true);
        let handle = self.handle.clone();
        async move { handle.stop().await }
    }

    /// Whether the supervisor has ended.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.supervisor.is_none()
    }
}
