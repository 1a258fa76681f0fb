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

/// With more requests under way than this, a thread gives its processor up once before it rests: where all processors
/// are busy it then finds more to do at once, and falls asleep and is woken less often, and the log gathers larger
/// batches. Durable puts a second on two cores (`write_path`): 4 to 6 % more with 64 clients, 6 % with 256, as many with
/// 16 and 24. With fewer under way it would cost: a tenth less with 16.
const GIVES_WAY_ABOVE: usize = 12;

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
    /// Requests on keys that are being answered.
    under_way: AtomicUsize,
}

impl Thread {
    fn new(has_peers: bool) -> Self {
        Self { connections: AtomicUsize::new(0), has_peers, under_way: AtomicUsize::new(0) }
    }

    /// Whether it waits for so many answers that whoever else has something to do goes first before it rests.
    fn gives_way(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) > GIVES_WAY_ABOVE
    }
}

impl RequestThreads {
    /// So many threads, at least one.
    ///
    /// # Errors
    /// When the operating system gives no more threads.
    pub fn start(count: usize) -> io::Result<Self> {
        let runtime = |thread: Arc<Thread>| {
            // One worker, which is woken from outside only where it sleeps.
            Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("request")
                .enable_all()
                .on_thread_park(move || {
                    if thread.gives_way() {
                        std::thread::yield_now();
                    }
                })
                .build()
        };
        let (mut runtimes, mut threads) = (Vec::new(), Vec::new());
        for _ in 0..count.max(1) {
            let thread = Arc::new(Thread::new(count > 1));
            let runtime = runtime(Arc::clone(&thread))?;
            threads.push((runtime.handle().clone(), thread));
            runtimes.push(runtime);
        }
        Ok(Self { runtimes, threads })
    }

    /// The runtime that this is called on serves all requests.
    ///
    /// # Panics
    /// Outside of a runtime.
    #[must_use]
    pub fn current() -> Self {
        let thread = Arc::new(Thread::new(false));
        Self { runtimes: Vec::new(), threads: vec![(Handle::current(), thread)] }
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
        let thread = Arc::new(Thread::new(true));
        thread.connections.store(1, Ordering::Relaxed);
        Self { thread: Some(thread), alarm: Alarm::default() }
    }

    /// The clock of the request's connection.
    #[must_use]
    pub const fn alarm(&self) -> &Alarm {
        &self.alarm
    }

    /// A request is being answered until this is dropped.
    #[must_use]
    pub(crate) fn attend(&self) -> Attended<'_> {
        let thread = self.thread.as_deref();
        thread.iter().for_each(|thread| {
            thread.under_way.fetch_add(1, Ordering::Relaxed);
        });
        Attended(thread)
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

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Attended<'t>(Option<&'t Thread>);

impl Drop for Attended<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|thread| {
            thread.under_way.fetch_sub(1, Ordering::Relaxed);
        });
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
    fn a_thread_gives_way_while_many_requests_are_under_way_on_it() {
        let threads = two();
        let (seat, other) = (threads.seat().1, threads.seat().1);
        let thread = seat.thread();
        let mut attended: Vec<_> = (0..GIVES_WAY_ABOVE).map(|_| thread.attend()).collect();
        assert!(!seat.0.gives_way());
        attended.push(thread.attend());
        assert!(seat.0.gives_way() && !other.0.gives_way());
        attended.pop();
        assert!(!seat.0.gives_way());
        drop((attended, RequestThread::default().attend()));
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
