//! What serves a connection while it asks for nothing but keys, in requests that fit a buffer.
//!
//! Of a write's way through hyper the most goes to what such a request has no use for: bodies that arrive in
//! pieces, upgrades, timers for each head, a watch on the connection while it waits. Here the head is parsed
//! where it lies, by hyper's own parser ([`httparse`]); the handler is the one that every other way leads to;
//! and the answer is written as hyper writes it, byte for byte, with one call. The first request that is not
//! of this kind, well-formed or not, or whose body is not there yet, is left unread and the connection goes to hyper for good.
//!
//! As with hyper, what waits for an answer is given up when the client goes away; what it has begun goes on.

mod answer;
mod date;
mod request;

use std::io;
use std::pin::{Pin, pin};
use std::time::Duration;

use axum::response::Response;
use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::port::NodePort;
use crate::server::stop_asked;
use crate::site::Site;
use crate::threads::RequestThread;
use answer::{After, write_answer};
use request::{Next, take};

/// There is always room for so many bytes before a read.
const READ_BYTES: usize = 8 << 10;

/// How the connection is left.
#[derive(Debug)]
pub(crate) enum Left {
    /// It is over.
    Ended,
    /// With a request that is not for here: these bytes are read and not answered.
    Other(BytesMut),
}

/// What wakes a connection that waits.
enum Woken {
    Read(usize),
    Stopping,
    Idle,
}

/// One connection.
pub(crate) struct Front<'a, S, N> {
    pub(crate) stream: &'a mut S,
    pub(crate) site: &'a Site<N>,
    pub(crate) thread: &'a RequestThread,
    /// Set when the server is to end.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Without a whole request for so long a connection is left.
    pub(crate) patience: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin, N: NodePort> Front<'_, S, N> {
    /// Serves the connection until it ends or asks for something else.
    ///
    /// # Errors
    /// What ended the connection, if not its peer.
    pub(crate) async fn serve(mut self) -> io::Result<Left> {
        let (mut unread, mut out) = (BytesMut::new(), Vec::new());
        let mut stopping = self.stopping.clone();
        let mut stop = pin!(stop_asked(&mut stopping));
        let mut idle = pin!(sleep_until(Instant::now() + self.patience));
        loop {
            match take(&mut unread) {
                Next::Request(on_key, request) => {
                    let attended = self.thread.attend();
                    let answer = tokio::select! {
                        biased;
                        answer = self.site.answer_on_key(on_key, request, self.thread) => answer,
                        () = gone(self.stream, &mut unread) => return Ok(Left::Ended),
                    };
                    drop(attended);
                    if self.send(answer, &mut out).await? == After::Close {
                        return Ok(Left::Ended);
                    }
                    idle.as_mut().reset(Instant::now() + self.patience);
                }
                Next::Incomplete => {
                    match woken(self.stream, &mut unread, stop.as_mut(), idle.as_mut()).await? {
                        Woken::Idle => return Ok(Left::Ended),
                        Woken::Read(0) | Woken::Stopping => return Ok(left(unread)),
                        Woken::Read(_) => {}
                    }
                }
                Next::Other => return Ok(Left::Other(unread)),
            }
        }
    }

    async fn send(&mut self, answer: Response, out: &mut Vec<u8>) -> io::Result<After> {
        let after = if *self.stopping.borrow() { After::Close } else { After::KeepAlive };
        out.clear();
        write_answer(answer, after, out).await.map_err(io::Error::other)?;
        self.stream.write_all(out).await?;
        Ok(after)
    }
}

/// Completes when nobody is there to be answered: the peer has closed, and has sent nothing more before. What it
/// has sent is kept.
async fn gone(stream: &mut (impl AsyncRead + Unpin), unread: &mut BytesMut) {
    if unread.is_empty() {
        unread.reserve(READ_BYTES);
        if !stream.read_buf(unread).await.is_ok_and(|bytes| bytes > 0) {
            return;
        }
    }
    std::future::pending().await
}

/// Half a request is answered by hyper, if it is answered.
fn left(unread: BytesMut) -> Left {
    if unread.is_empty() { Left::Ended } else { Left::Other(unread) }
}

async fn woken(
    stream: &mut (impl AsyncRead + Unpin),
    unread: &mut BytesMut,
    stop: Pin<&mut impl Future<Output = ()>>,
    idle: Pin<&mut Sleep>,
) -> io::Result<Woken> {
    unread.reserve(READ_BYTES);
    Ok(tokio::select! {
        biased;
        read = stream.read_buf(unread) => Woken::Read(read?),
        () = stop => Woken::Stopping,
        () = idle => Woken::Idle,
    })
}
