//! The replica's connection to the node that it pulls from. It is one connection, and it is never renewed
//! behind the caller's back: that it is open is what "attached" means.

use std::time::Duration;

use aerodb_core::id::Address;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use super::transport::{Received, receive, root_cause};
use crate::client::{Client, ClientError};
use crate::server::prepare;
use crate::stream::{
    BodyError, PULL_ANSWER_BYTES_MAX, PULL_MEDIA_TYPE, PULL_PATH, PullAnswer, PullRequest,
    SNAPSHOT_PATH, SnapshotChunk, SnapshotRequest, decode, encode,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// One open connection for pulls. Dropping it closes the connection, also in the middle of a pull.
#[derive(Debug)]
pub struct PullConnection {
    address: Address,
    sender: SendRequest<Full<Bytes>>,
    driver: AbortHandle,
}

impl Drop for PullConnection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Client {
    /// Opens a connection for pulls.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`].
    pub async fn connect_pull(&self) -> Result<PullConnection, ClientError> {
        PullConnection::open(self.address().clone()).await
    }
}

async fn connect(address: &Address) -> std::io::Result<TcpStream> {
    let host = address.as_str().trim_start_matches("http://");
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(host)).await??;
    prepare(&stream)?;
    Ok(stream)
}

impl PullConnection {
    async fn open(address: Address) -> Result<Self, ClientError> {
        let unreachable = |cause| ClientError::Unreachable { address: address.clone(), cause };
        let stream = connect(&address).await.map_err(|error| unreachable(error.to_string()))?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| unreachable(root_cause(&error)))?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "pull connection ended");
            }
        });
        Ok(Self { address, sender, driver: driver.abort_handle() })
    }

    /// Whether the connection is known to have ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Asks for what comes next. After an error other than [`ClientError::Problem`] the connection is of
    /// no more use.
    ///
    /// # Errors
    /// [`ClientError`]; an answer that was cut short is [`ClientError::Interrupted`] and says so.
    pub async fn pull(&mut self, pull: &PullRequest) -> Result<PullAnswer, ClientError> {
        let Received { body, .. } = self.ask(PULL_PATH, encode(pull)).await?;
        self.read(&body)
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ClientError> {
        let address = || self.address.clone();
        decode(body).map_err(|error| match error {
            BodyError::Checksum { .. } => {
                ClientError::Damaged { address: address(), what: error.to_string() }
            }
            BodyError::Malformed => {
                ClientError::Protocol { address: address(), what: error.to_string() }
            }
        })
    }

    /// Asks for a chunk of a snapshot. As for [`PullConnection::pull`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn snapshot(
        &mut self,
        request: &SnapshotRequest,
    ) -> Result<SnapshotChunk, ClientError> {
        let Received { body, .. } = self.ask(SNAPSHOT_PATH, encode(request)).await?;
        self.read(&body)
    }

    async fn ask(&mut self, path: &str, body: Vec<u8>) -> Result<Received, ClientError> {
        let host = self.address.as_str().trim_start_matches("http://");
        let request = Request::post(path)
            .header(HOST, host)
            .header(CONTENT_TYPE, PULL_MEDIA_TYPE)
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| ClientError::Protocol {
                address: self.address.clone(),
                what: error.to_string(),
            })?;
        let interrupted = |error: hyper::Error| ClientError::Interrupted {
            address: self.address.clone(),
            cause: root_cause(&error),
        };
        self.sender.ready().await.map_err(interrupted)?;
        let response = self.sender.send_request(request).await.map_err(interrupted)?;
        receive(&self.address, response, PULL_ANSWER_BYTES_MAX).await
    }
}
