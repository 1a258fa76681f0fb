//! Keys and values.

use aerodb_core::id::{Boundary, CommitId};
use bytes::Bytes;
use hyper::Method;
use hyper::header::{ETAG, HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};

use super::transport::{Client, Received, encoded, query};
use crate::client::ClientError;
use crate::code::Code;
use crate::envelope::{Answer, View};
use crate::extract::opaque_tag;
use crate::types::{Consistency, ScanData, TxnRequest, WriteReceipt};

/// The condition of a put or delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PutIf {
    /// None.
    #[default]
    Always,
    /// The key's version is of this commit.
    Version(CommitId),
    /// The key has a value.
    Present,
    /// The key has no value.
    Absent,
}

impl PutIf {
    fn header(self) -> Option<(HeaderName, String)> {
        match self {
            Self::Always => None,
            Self::Version(commit) => Some((IF_MATCH, format!("\"{commit}\""))),
            Self::Present => Some((IF_MATCH, "*".to_owned())),
            Self::Absent => Some((IF_NONE_MATCH, "*".to_owned())),
        }
    }
}

/// Which view a read takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// The commit to read at.
    pub at: Option<Boundary>,
    /// The read must show at least this commit.
    pub min_commit: Option<Boundary>,
    /// How fresh it must be.
    pub consistency: Option<Consistency>,
}

/// A value that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The value.
    pub value: Bytes,
    /// The commit of its version.
    pub version: CommitId,
    /// The read view.
    pub commit_id: Boundary,
}

/// Which keys a scan shows, and in which view.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScanOptions {
    /// Only keys that begin with it.
    pub prefix: Option<String>,
    /// Only keys at or above it.
    pub start: Option<String>,
    /// Only keys below it.
    pub end: Option<String>,
    /// At most so many, 1 to 1,000.
    pub limit: Option<usize>,
    /// Which view.
    pub read: ReadOptions,
    /// Where the page before ended.
    pub page_token: Option<String>,
}

fn path(key: &str) -> String {
    format!("/v1/kv/{}", encoded(key))
}

fn view_of(read: ReadOptions) -> [(&'static str, Option<String>); 3] {
    [
        ("at", read.at.map(|at| at.to_string())),
        ("min_commit", read.min_commit.map(|commit| commit.to_string())),
        ("consistency", read.consistency.map(|consistency| consistency.as_str().to_owned())),
    ]
}

fn commit_of(headers: &HeaderMap) -> Option<Boundary> {
    let text = headers.get("aerodb-commit-id")?.to_str().ok()?;
    text.parse().ok().map(Boundary::new)
}

fn version_of(headers: &HeaderMap) -> Option<CommitId> {
    headers.get(ETAG)?.to_str().ok().and_then(opaque_tag)
}

impl Client {
    /// Writes a value. A condition that does not hold is `PRECONDITION_FAILED`.
    ///
    /// # Errors
    /// [`ClientError`]; after [`ClientError::Interrupted`] or `NOT_ACKNOWLEDGED` the write's fate is open.
    pub async fn put(
        &self,
        key: &str,
        value: impl Into<Bytes>,
        condition: PutIf,
    ) -> Result<WriteReceipt, ClientError> {
        self.write(Method::PUT, key, value.into(), condition).await
    }

    /// Makes a key absent.
    ///
    /// # Errors
    /// As for [`Client::put`].
    pub async fn delete(&self, key: &str, condition: PutIf) -> Result<WriteReceipt, ClientError> {
        self.write(Method::DELETE, key, Bytes::new(), condition).await
    }

    async fn write(
        &self,
        method: Method,
        key: &str,
        value: Bytes,
        condition: PutIf,
    ) -> Result<WriteReceipt, ClientError> {
        let headers: Vec<_> = condition.header().into_iter().collect();
        let Received { body, .. } = self.send(method, &path(key), &headers, value).await?;
        self.parse::<Answer<WriteReceipt>>(&body).map(|answer| answer.data)
    }

    /// Reads a value; `None` when the key is absent in the view.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn read(&self, key: &str, read: ReadOptions) -> Result<Option<Read>, ClientError> {
        let path = format!("{}{}", path(key), query(&view_of(read)));
        match self.send(Method::GET, &path, &[], Bytes::new()).await {
            Ok(Received { headers, body }) => match (version_of(&headers), commit_of(&headers)) {
                (Some(version), Some(commit_id)) => {
                    Ok(Some(Read { value: body, version, commit_id }))
                }
                (None, _) | (_, None) => {
                    Err(self.protocol("a value without ETag or AeroDB-Commit-Id"))
                }
            },
            Err(ClientError::Problem(problem)) if problem.code() == Code::KeyNotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads one page of a range of keys.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn scan(&self, scan: &ScanOptions) -> Result<View<ScanData>, ClientError> {
        let mut pairs = vec![
            ("prefix", scan.prefix.clone()),
            ("start", scan.start.clone()),
            ("end", scan.end.clone()),
            ("limit", scan.limit.map(|limit| limit.to_string())),
            ("page_token", scan.page_token.clone()),
        ];
        pairs.extend(view_of(scan.read));
        self.get(&format!("/v1/kv{}", query(&pairs))).await
    }

    /// Writes several keys under one commit id, or nothing.
    ///
    /// # Errors
    /// As for [`Client::put`].
    pub async fn txn(&self, txn: &TxnRequest) -> Result<WriteReceipt, ClientError> {
        self.post("/v1/txn", txn).await
    }
}
