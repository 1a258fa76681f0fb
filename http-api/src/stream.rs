//! What replicas pull: `POST /v1/replication/stream/pull` and `…/snapshot`, postcard both ways.
//!
//! One pull is one question over a connection that stays: what the replica has durably, and with it its
//! receipt, against what the node may serve it next. Ledger entries come beside the batches and are to be
//! persisted before them (DESIGN 3.1), since a batch may be stamped with a head that they bring.

use aerodb_core::hash::{ClusterId, Hash, PublicKey, Signature};
use aerodb_core::id::{Boundary, Epoch, NodeId};
use aerodb_core::position::{LedgerHead, Position};
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The path of a pull.
pub const PULL_PATH: &str = "/v1/replication/stream/pull";

/// The media type of both bodies.
pub const PULL_MEDIA_TYPE: &str = "application/vnd.aerodb.pull";

/// The most that a client reads of one answer, in bytes.
pub const PULL_ANSWER_BYTES_MAX: usize = 64 << 20;

/// The most that the server reads of one question, in bytes.
pub const PULL_REQUEST_BYTES_MAX: usize = 64 << 10;

/// A replica's question, which carries its receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// The cluster that it belongs to.
    pub cluster: ClusterId,
    /// The replica.
    pub node_id: NodeId,
    /// Its key, which must be the admitted one.
    pub public_key: PublicKey,
    /// Drawn at each start of the process: tells a restart from a second process on a copied directory.
    pub session: [u8; 16],
    /// How often its directory was started: rises with every session. `None` for a node that is being made.
    pub starts: Option<u64>,
    /// The epoch that its ledger is in; the first while it has none.
    pub epoch: Epoch,
    /// The end of what is durable and validated there. `None` asks for the ledger only and is no
    /// receipt: a node that is being made has a key before it has a history.
    pub position: Option<Position>,
    /// The end of its authority ledger, durable there; `None` asks for it from genesis.
    pub ledger: Option<LedgerHead>,
    /// The receipt signed, when it may become evidence.
    pub signature: Option<Signature>,
    /// The last barrier that it has seen.
    pub echo: Option<u64>,
    /// The acknowledged bound that it knows, so that a wait ends when there is a newer one.
    pub known_acknowledged: Option<Boundary>,
    /// Whether the answer may wait until there is something to say.
    pub wait: bool,
}

/// What the replica may have next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullAnswer {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node that answers.
    pub node_id: NodeId,
    /// Signed authority entries past the replica's head, encoded; to be persisted before the batches.
    pub entries: Vec<Bytes>,
    /// Raw batches back to back.
    pub batches: Bytes,
    /// The acknowledged bound: nothing above it may be shown or served onward.
    pub acknowledged: Option<Boundary>,
    /// The last commit of the node that answers, for the lag.
    pub tip: Option<Boundary>,
    /// To be echoed in the next pull, when a read waits for it.
    pub barrier: Option<u64>,
}

/// The path of a snapshot's chunks.
pub const SNAPSHOT_PATH: &str = "/v1/replication/stream/snapshot";

/// Bytes of a chunk; the last one of a snapshot may have fewer.
pub const SNAPSHOT_CHUNK_BYTES: usize = 1 << 20;

/// A replica's question for a chunk of a snapshot. The snapshot stays for as long as the connection that it
/// was first asked for over is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRequest {
    /// The cluster that it belongs to.
    pub cluster: ClusterId,
    /// The replica.
    pub node_id: NodeId,
    /// Its key, which must be the admitted one.
    pub public_key: PublicKey,
    /// The hash of the manifest of the snapshot that it has the start of; `None` asks for one, from byte 0.
    pub manifest: Option<Hash>,
    /// Where the chunk starts.
    pub offset: u64,
}

/// A chunk of a snapshot: a range of its file's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotChunk {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node that answers.
    pub node_id: NodeId,
    /// The hash of the snapshot's manifest.
    pub manifest: Hash,
    /// The commit that it was taken at.
    pub cut: Boundary,
    /// Bytes of the file.
    pub bytes_total: u64,
    /// Where the chunk starts.
    pub offset: u64,
    /// Its bytes: [`SNAPSHOT_CHUNK_BYTES`], or what is left.
    pub bytes: Bytes,
}

/// Bytes of the checksum at the end of a body.
const CHECKSUM_BYTES: usize = 4;

/// Why bytes are no body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The checksum does not fit the bytes: what was sent is not what has arrived.
    #[error("the checksum of the body is {found:08x}, its bytes give {computed:08x}")]
    Checksum {
        /// The checksum at the end.
        found: u32,
        /// The checksum of the bytes before it.
        computed: u32,
    },
    /// The bytes are those that were sent, and not a body of this version.
    #[error("the bytes are no body of a pull")]
    Malformed,
}

/// The bytes of a body: postcard, then the CRC-32 of it (little endian). Batches and entries have checksums
/// of their own; the bounds beside them, which decide what is shown, have this one. A value of our own types
/// in memory always encodes.
#[must_use]
pub fn encode(body: &impl Serialize) -> Vec<u8> {
    sealed(postcard::to_stdvec(body).unwrap_or_default())
}

/// The same bytes with their checksum behind them.
#[must_use]
pub fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Reads a body.
///
/// # Errors
/// [`BodyError`] when the bytes are not exactly one.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyError> {
    let split = bytes.len().checked_sub(CHECKSUM_BYTES).ok_or(BodyError::Malformed)?;
    let (bytes, checksum) = bytes.split_at(split);
    let found = checksum.try_into().map(u32::from_le_bytes).map_err(|_| BodyError::Malformed)?;
    let computed = crc32fast::hash(bytes);
    if found != computed {
        return Err(BodyError::Checksum { found, computed });
    }
    match postcard::take_from_bytes(bytes) {
        Ok((body, [])) => Ok(body),
        Ok((_, [_, ..])) | Err(_) => Err(BodyError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use aerodb_core::hash::{Chain, Hash};
    use aerodb_core::id::Seq;

    use super::*;

    fn request(position: Option<Position>, ledger: Option<LedgerHead>) -> PullRequest {
        PullRequest {
            cluster: ClusterId([1; 32]),
            node_id: NodeId::new("n2").unwrap(),
            public_key: PublicKey([2; 32]),
            session: [3; 16],
            starts: Some(4),
            epoch: Epoch::FIRST,
            position,
            ledger,
            signature: None,
            echo: None,
            known_acknowledged: None,
            wait: false,
        }
    }

    #[test]
    fn a_pull_reads_back_with_and_without_a_place_to_start_from() {
        let position = Position { boundary: Boundary::new(7), chain: Chain([4; 32]) };
        let ledger = LedgerHead { seq: Seq::FIRST, hash: Hash([5; 32]) };
        for pull in [
            request(None, None),
            request(None, Some(ledger)),
            request(Some(position), Some(ledger)),
        ] {
            assert_eq!(decode::<PullRequest>(&encode(&pull)), Ok(pull));
        }
    }

    #[test]
    fn a_body_with_bytes_missing_or_left_over_or_another_one_is_refused() {
        let whole = encode(&request(None, None));
        for at in 0..whole.len() {
            assert!(decode::<PullRequest>(&whole[..at]).is_err(), "{at} bytes");
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            let refused = decode::<PullRequest>(&flipped).unwrap_err();
            assert!(matches!(refused, BodyError::Checksum { .. }), "byte {at}: {refused}");
        }
        let inner = whole[..whole.len() - CHECKSUM_BYTES].to_vec();
        let longer = sealed([inner, vec![0]].concat());
        assert_eq!(decode::<PullRequest>(&longer), Err(BodyError::Malformed));
    }
}
