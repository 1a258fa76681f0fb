//! Scans: one read view over many pages.

use std::time::Duration;

use aerodb_core::hash::ClusterId;
use aerodb_core::id::{Boundary, CommitId, Epoch};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::envelope::ObservedAt;
use crate::types::Consistency;

/// One page of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanRequest {
    /// Only keys that begin with it; empty for all.
    pub prefix: Bytes,
    /// Only keys at or above it.
    pub start: Option<Bytes>,
    /// Only keys below it.
    pub end: Option<Bytes>,
    /// At most so many items, 1 to 1,000.
    pub limit: usize,
    /// The commit to read at; `None` is the newest that may be shown.
    pub at: Option<Boundary>,
    /// The read must show at least this commit.
    pub min_commit: Option<Boundary>,
    /// `None` is linearizable on the holder and snapshot on a replica.
    pub consistency: Option<Consistency>,
    /// Only keys above it: where the page before ended.
    pub after_key: Option<Bytes>,
    /// When the caller wants to be answered.
    pub deadline: Duration,
}

/// One key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanItem {
    /// The key.
    pub key: Bytes,
    /// Its value.
    pub value: Bytes,
    /// The commit of the version.
    pub commit_id: CommitId,
}

/// One page as the node gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanAnswer {
    /// The state that was looked at.
    pub observed: ObservedAt,
    /// In key order.
    pub items: Vec<ScanItem>,
    /// The last key of the page when more keys follow it.
    pub next: Option<Bytes>,
    /// The read view.
    pub boundary: Boundary,
    /// The current epoch.
    pub epoch: Epoch,
    /// The cluster.
    pub cluster: ClusterId,
    /// How fresh it is.
    pub consistency: Consistency,
}

/// How a value is written in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// As text.
    #[default]
    Utf8,
    /// As standard base64 with padding; bytes that are not text.
    Base64,
}

impl Encoding {
    /// The value as JSON text, as itself where it is text.
    #[must_use]
    pub fn encode(value: &[u8]) -> (String, Self) {
        match std::str::from_utf8(value) {
            Ok(text) => (text.to_owned(), Self::Utf8),
            Err(_) => (BASE64_STANDARD.encode(value), Self::Base64),
        }
    }

    /// The bytes that the text stands for; `None` when it is not base64 although it says so.
    #[must_use]
    pub fn decode(self, text: String) -> Option<Bytes> {
        match self {
            Self::Utf8 => Some(Bytes::from(text)),
            Self::Base64 => BASE64_STANDARD.decode(text).ok().map(Bytes::from),
        }
    }
}

/// One key with its value, in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScanItemView {
    /// The key.
    pub key: String,
    /// Its value, as `encoding` says.
    pub value: String,
    /// How the value is written.
    pub encoding: Encoding,
    /// The commit of the version.
    pub commit_id: CommitId,
}

impl From<ScanItem> for ScanItemView {
    fn from(item: ScanItem) -> Self {
        let (value, encoding) = Encoding::encode(&item.value);
        // Keys are UTF-8 by admission.
        let key = String::from_utf8_lossy(&item.key).into_owned();
        Self { key, value, encoding, commit_id: item.commit_id }
    }
}

/// One page in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScanData {
    /// In key order.
    pub items: Vec<ScanItemView>,
    /// Given back as `page_token` it leads to the next page of the same view; `null` at the end.
    pub next_page_token: Option<String>,
    /// The read view of the whole scan.
    pub commit_id: Boundary,
}

/// Where a page ended: the view, so that all pages show one state, and the last key. Opaque to callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken {
    /// The view.
    pub boundary: Boundary,
    /// The last key.
    pub last_key: Bytes,
}

impl PageToken {
    /// base64url of the boundary (8 bytes, little endian) and the key.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = self.boundary.get().to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.last_key);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token; `None` when it cannot be one.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (boundary, last_key) = bytes.split_first_chunk::<8>()?;
        let legal = (1..=1024).contains(&last_key.len()) && std::str::from_utf8(last_key).is_ok();
        legal.then(|| Self {
            boundary: Boundary::new(u64::from_le_bytes(*boundary)),
            last_key: Bytes::copy_from_slice(last_key),
        })
    }
}
