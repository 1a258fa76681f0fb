//! The threads that serve requests: each connection belongs to one of them for as long as it is open.
//!
//! No thread takes work over from another, so none has to be woken for it: what a request costs is what its
//! own thread does. And a connection that is alone on its thread may block it, as nobody else is served there:
//! [`RequestThread::hold`] keeps new connections away for as long.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::alarm::Alarm;

/// Set beside the count of connections while the only one blocks the thread.
const HELD: usize = 1 << (usize::BITS - 1);

/// The threads of one server.
#[derive(Debug)]
pub struct RequestThreads {
    runtimes: Vec<Runtime>,
    threads: Vec<(Handle, Arc<Thread>)>,
}

/// Who is on one thread.
#[derive(Debug)]
struct Thread {
    /// Open connections, with [`HELD`].
    connections: AtomicUsize,
    /// Whether there are others, to which new connections can go while this one is held.
    has_peers: bool,
}

impl RequestThreads {
    /// So many threads, at least one.
    ///
    /// # Errors
    /// When the operating system gives no more threads.
    pub fn start(count: usize) -> io::Result<Self> {
        let runtime = || {
            // One worker, which is woken from outside only where it sleeps.
            Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("request")
                .enable_all()
                .build()
        };
        let runtimes = (0..count.max(1)).map(|_| runtime()).collect::<io::Result<Vec<_>>>()?;
        let handles: Vec<_> = runtimes.iter().map(|runtime| runtime.handle().clone()).collect();
        Ok(Self { runtimes, threads: threads(handles) })
    }

    /// The runtime that this is called on serves all requests.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[must_use]
    pub fn current() -> Self {
        Self { runtimes: Vec::new(), threads: threads(vec![Handle::current()]) }
    }

    /// Ends the threads without waiting for one that is blocked.
    pub fn shut_down(self) {
        self.runtimes.into_iter().for_each(Runtime::shutdown_background);
    }

    /// A place for a new connection: where the fewest are, and none blocks the thread.
    pub(crate) fn seat(&self) -> (&Handle, Seat) {
        loop {
            let open = |(_, it): &&(Handle, Arc<Thread>)| it.connections.load(Ordering::Relaxed);
            let freest = self.threads.iter().min_by_key(open);
            if let Some(taken) =
                freest.and_then(|(runtime, thread)| Some((runtime, Seat::take(thread)?)))
            {
                return taken;
            }
        }
    }
}

fn threads(runtimes: Vec<Handle>) -> Vec<(Handle, Arc<Thread>)> {
    let has_peers = runtimes.len() > 1;
    let thread = || Arc::new(Thread { connections: AtomicUsize::new(0), has_peers });
    runtimes.into_iter().map(|runtime| (runtime, thread())).collect()
}

/// A connection's place on its thread, given up when dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<Thread>);

impl Seat {
    /// `None` where the thread was held in between.
    fn take(thread: &Arc<Thread>) -> Option<Self> {
        let one_more = |open: usize| (open & HELD == 0).then_some(open + 1);
        let taken = thread.connections.fetch_update(Ordering::AcqRel, Ordering::Relaxed, one_more);
        taken.is_ok().then(|| Self(Arc::clone(thread)))
    }

    /// What the handlers of this connection's requests see.
    pub(crate) fn thread(&self) -> RequestThread {
        RequestThread { thread: Some(Arc::clone(&self.0)), alarm: Alarm::default() }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The thread that serves a request, as its handler sees it, with the clock of its connection. By default a
/// thread that is shared with others.
#[derive(Debug, Clone, Default)]
pub struct RequestThread {
    thread: Option<Arc<Thread>>,
    alarm: Alarm,
}

impl RequestThread {
    /// Of a caller that comes over no connection and may block its thread.
    #[must_use]
    pub fn sole() -> Self {
        let thread = Thread { connections: AtomicUsize::new(1), has_peers: true };
        Self { thread: Some(Arc::new(thread)), alarm: Alarm::default() }
    }

    /// The clock of the request's connection.
    #[must_use]
    pub const fn alarm(&self) -> &Alarm {
        &self.alarm
    }

    /// The right to block the thread: given where this connection is the only one on it and new ones have
    /// another to go to. None comes to it until the value is dropped.
    #[must_use]
    pub fn hold(&self) -> Option<Held> {
        let thread = self.thread.as_ref().filter(|thread| thread.has_peers)?;
        let alone =
            thread.connections.compare_exchange(1, 1 | HELD, Ordering::AcqRel, Ordering::Relaxed);
        alone.is_ok().then(|| Held(Arc::clone(thread)))
    }
}

/// A thread that may be blocked.
#[derive(Debug)]
pub struct Held(Arc<Thread>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.connections.fetch_and(!HELD, Ordering::AcqRel);
    }
}

impl<S: Sync> FromRequestParts<S> for RequestThread {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> RequestThreads {
        RequestThreads::start(2).unwrap()
    }

    #[test]
    fn connections_go_where_the_fewest_are() {
        let threads = two();
        let seats: Vec<_> = (0..4).map(|_| threads.seat().1).collect();
        let on =
            |thread: &Arc<Thread>| seats.iter().filter(|it| Arc::ptr_eq(&it.0, thread)).count();
        assert!(threads.threads.iter().all(|(_, thread)| on(thread) == 2));
        threads.shut_down();
    }

    #[test]
    fn a_thread_is_held_only_for_a_connection_that_is_alone_on_it() {
        let threads = two();
        let first = threads.seat().1;
        let held = first.thread().hold().unwrap();
        assert!(first.thread().hold().is_none(), "it is held already");
        assert!(Seat::take(&first.0).is_none(), "found free, and held in between");
        let others = [threads.seat().1, threads.seat().1, threads.seat().1];
        assert!(others.iter().all(|other| !Arc::ptr_eq(&other.0, &first.0)));
        drop(held);
        let beside = threads.seat().1;
        assert!(Arc::ptr_eq(&beside.0, &first.0));
        assert!(first.thread().hold().is_none(), "another connection is there");
        drop(beside);
        assert!(first.thread().hold().is_some());
        drop((first, others));
        threads.shut_down();
    }

    #[test]
    fn the_only_thread_is_never_held() {
        let threads = RequestThreads::start(1).unwrap();
        assert!(threads.seat().1.thread().hold().is_none());
        assert!(RequestThread::default().hold().is_none());
        threads.shut_down();
    }
}
