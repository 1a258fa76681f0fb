//! The way from a node to the one that it pulls from.

use std::fmt::Debug;
use std::pin::Pin;

use aerodb_core::id::Address;
use aerodb_http_api::client::{Client, ClientError, PullConnection};
use aerodb_http_api::stream::{PullAnswer, PullRequest, SnapshotChunk, SnapshotRequest};

/// An answer that is on its way.
pub type Coming<'a, T> = Pin<Box<dyn Future<Output = Result<T, ClientError>> + Send + 'a>>;

/// Opens connections.
pub trait Dial: Debug + Send + Sync {
    /// Opens a connection to the node at this address.
    fn connect(&self, address: Address) -> Coming<'static, Box<dyn Link>>;
}

/// One open connection: one question after the other. Dropping it closes it, also in the middle of one. After
/// an error other than [`ClientError::Problem`] it is of no more use.
pub trait Link: Send {
    /// Asks for what comes next.
    fn pull<'a>(&'a mut self, request: &'a PullRequest) -> Coming<'a, PullAnswer>;
    /// Asks for a chunk of a snapshot.
    fn snapshot<'a>(&'a mut self, request: &'a SnapshotRequest) -> Coming<'a, SnapshotChunk>;
}

/// Over HTTP.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpDial;

impl Dial for HttpDial {
    fn connect(&self, address: Address) -> Coming<'static, Box<dyn Link>> {
        Box::pin(async move {
            let connection = Client::new(address).connect_pull().await?;
            Ok(Box::new(connection) as Box<dyn Link>)
        })
    }
}

impl Link for PullConnection {
    fn pull<'a>(&'a mut self, request: &'a PullRequest) -> Coming<'a, PullAnswer> {
        Box::pin(self.pull(request))
    }

    fn snapshot<'a>(&'a mut self, request: &'a SnapshotRequest) -> Coming<'a, SnapshotChunk> {
        Box::pin(self.snapshot(request))
    }
}
