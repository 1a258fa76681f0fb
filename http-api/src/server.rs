//! The server: an accept loop of our own, because a handler must be able to see its connection end.

use std::convert::Infallible;
use std::io::{self, Cursor};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::connection::ConnectionGuard;
use crate::front::{Front, Left};
use crate::malformed::Answering;
use crate::port::NodePort;
use crate::site::Site;
use crate::threads::{RequestThread, RequestThreads, Seat};

/// A connection over which no whole request head comes for so long is closed, idle ones too.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(60);

/// After the stop was asked for, requests that are running have so long to end.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// After a failed accept (for example no file descriptors left) the next try waits so long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the site on these threads until `shutdown` completes, then lets running requests end for
/// 5 seconds and closes what is left. Every request carries its [`ConnectionGuard`].
pub async fn serve<N: NodePort>(
    listener: TcpListener,
    site: Site<N>,
    threads: &RequestThreads,
    shutdown: impl Future<Output = ()>,
) {
    let site = Arc::new(site);
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_ended) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let (runtime, seat) = threads.seat();
                    let site = Arc::clone(&site);
                    let connection = connection(stream, peer, seat, site, stopping.clone());
                    connections.spawn_on(connection, runtime);
                }
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    stop.send_replace(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(SHUTDOWN_GRACE, ended).await.is_err() {
        connections.shutdown().await;
    }
}

async fn connection<N: NodePort>(
    stream: TcpStream,
    peer: SocketAddr,
    seat: Seat,
    site: Arc<Site<N>>,
    stopping: watch::Receiver<bool>,
) {
    let stream = match prepare(&stream).and_then(|()| taken_over(stream)) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%peer, %error, "connection dropped");
            return;
        }
    };
    carry(stream, &peer.to_string(), seat.thread(), site, stopping).await;
}

/// Serves the requests that come over a stream until it ends, or until the stop was asked for and the running one
/// is answered. What [`serve`] does with every stream that it accepts; for callers with streams of their own.
pub async fn carry<N: NodePort>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: &str,
    thread: RequestThread,
    site: Arc<Site<N>>,
    stopping: watch::Receiver<bool>,
) {
    // `_life` ends with this function, however it ends: the guard then says so.
    let (_life, guard) = ConnectionGuard::open(peer);
    let connection = Connection { site, guard, thread };
    if let Err(error) = connection.serve(stream, stopping).await {
        tracing::debug!(peer, error, "connection ended");
    }
}

/// What the requests of one connection are answered with.
struct Connection<N> {
    site: Arc<Site<N>>,
    guard: ConnectionGuard,
    thread: RequestThread,
}

type Ended = Box<dyn std::error::Error + Send + Sync>;

impl<N: NodePort> Connection<N> {
    /// Serves requests on keys, and from the first other one on whatever comes.
    async fn serve(
        self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        stopping: watch::Receiver<bool>,
    ) -> Result<(), Ended> {
        let front = Front {
            stream: &mut stream,
            site: &self.site,
            thread: &self.thread,
            stopping: stopping.clone(),
            patience: HEADER_READ_TIMEOUT,
        };
        match front.serve().await? {
            Left::Ended => Ok(()),
            // Boxed, as most connections have no use for the room that it takes.
            Left::Other(unread) => Box::pin(self.serve_any(stream, unread, stopping)).await,
        }
    }

    /// Serves what was read already, and what follows it.
    async fn serve_any(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        unread: BytesMut,
        mut stopping: watch::Receiver<bool>,
    ) -> Result<(), Ended> {
        let (read, write) = tokio::io::split(stream);
        let stream = tokio::io::join(Cursor::new(unread).chain(read), write);
        let connection = Arc::new(self);
        let service = service_fn(move |request| {
            let it = Arc::clone(&connection);
            async move { Ok::<_, Infallible>(it.site.answer(request, &it.guard, &it.thread).await) }
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_READ_TIMEOUT)
            .serve_connection(TokioIo::new(Answering::new(stream)), service);
        tokio::pin!(serving);
        tokio::select! {
            ended = serving.as_mut() => ended?,
            () = stop_asked(&mut stopping) => {
                serving.as_mut().graceful_shutdown();
                serving.await?;
            }
        }
        Ok(())
    }
}

/// The stream, told of its events on the thread that calls this, not on the one that accepted it.
fn taken_over(stream: TcpStream) -> io::Result<TcpStream> {
    TcpStream::from_std(stream.into_std()?)
}

pub(crate) async fn stop_asked(stopping: &mut watch::Receiver<bool>) {
    // An error says that the accept loop is gone, which means the same.
    let _stop = stopping.wait_for(|stop| *stop).await;
}

/// Answers leave at once, and a peer that vanished without a word becomes a transport error within
/// about 20 seconds; no decision is made on that time, it only ends a connection.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(10))
        .with_interval(Duration::from_secs(5))
        .with_retries(2);
    socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive)
}
