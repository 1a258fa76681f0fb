//! The life of one server connection, visible to the handlers of its requests.
//!
//! A replica counts as attached for as long as the connection that it pulls over is open (DESIGN 6), so
//! its end must be noticed at once, between two requests as well as during one.

use std::sync::Arc;

use tokio::sync::watch;

/// Says whether a connection is still open. Cheap to clone; holding one does not keep the connection open.
#[derive(Debug, Clone)]
pub struct ConnectionGuard {
    open: watch::Receiver<bool>,
    peer: Arc<str>,
}

/// The server's side of a guard: when it is dropped, for whatever reason, the connection is over.
#[derive(Debug)]
pub struct ConnectionLife {
    open: watch::Sender<bool>,
}

impl ConnectionGuard {
    /// A connection that has just been opened by `peer`, with the half that ends it.
    #[must_use]
    pub fn open(peer: &str) -> (ConnectionLife, Self) {
        let (sender, open) = watch::channel(true);
        (ConnectionLife { open: sender }, Self { open, peer: peer.into() })
    }

    /// Whether the connection is still open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        // The sender lives exactly as long as the connection does.
        *self.open.borrow() && self.open.has_changed().is_ok()
    }

    /// Completes when the connection has ended; at once when it already has.
    pub async fn closed(&self) {
        let mut open = self.open.clone();
        // An error says that the sender is gone, which means the same.
        let _ended = open.wait_for(|open| !open).await;
    }

    /// The other end's network address, for people.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Whether both speak of the same connection.
    #[must_use]
    pub fn same_connection(&self, other: &Self) -> bool {
        self.open.same_channel(&other.open)
    }
}

impl Drop for ConnectionLife {
    fn drop(&mut self) {
        self.open.send_replace(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_guard_closes_when_its_life_ends_and_not_before() {
        let (life, guard) = ConnectionGuard::open("127.0.0.1:1");
        let watching = guard.clone();
        assert!(guard.is_open());
        drop(life);
        watching.closed().await;
        assert!(!guard.is_open());
    }
}
