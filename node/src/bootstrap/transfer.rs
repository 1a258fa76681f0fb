//! The replica's side: the task that receives a snapshot, pulls the ledger up, and has every byte verified. It
//! changes nothing but the staging directory; what comes of it is for the supervisor.

use std::path::PathBuf;
use std::sync::Arc;

use aerodb_core::authority::Authority;
use aerodb_core::hash::Hash;
use aerodb_core::id::{Address, Boundary, NodeId};
use aerodb_core::rules::RuleId;
use aerodb_http_api::client::ClientError;
use aerodb_http_api::stream::{PullRequest, SNAPSHOT_CHUNK_BYTES, SnapshotChunk, SnapshotRequest};
use aerodb_ledger::Fault;
use aerodb_ledger::crash::{self, Point};
use aerodb_ledger::disk::{Disk, DiskError};
use aerodb_ledger::snapshot::{ReceivedSnapshot, SnapshotReceiver, VerifiedSnapshot};
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::shared::Shared;
use crate::world::Link;

/// Who sent a snapshot, and what they said that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The node.
    pub node_id: NodeId,
    /// The hash of the manifest.
    pub manifest: Hash,
}

/// What the task tells the supervisor. Each carries the task's number, so that word of one that was given up
/// is not taken for word of its successor.
#[derive(Debug)]
pub enum TransferEvent {
    /// Every byte is durable.
    Transferred,
    /// The ledger entries that upstream has and this node has not.
    Entries(Vec<Bytes>, oneshot::Sender<Option<Arc<Authority>>>),
    /// Every byte is about to be looked at.
    ValidationBegun,
    /// Every byte was looked at.
    Validated(Source, Box<Result<VerifiedSnapshot, Fault>>),
    /// It came to nothing: the connection is gone, or upstream refuses.
    Failed(String, Option<RuleId>),
    /// The disk failed.
    Disk(DiskError),
}

/// What the task works with.
#[derive(Clone)]
pub struct TransferContext {
    /// The node.
    pub shared: Arc<Shared>,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// Where the bytes go.
    pub staging: PathBuf,
    /// Where events go.
    pub tell: Arc<dyn Fn(u64, TransferEvent) + Send + Sync>,
}

/// The running task. Dropping it ends it.
#[derive(Debug)]
pub struct TransferTask {
    number: u64,
    task: JoinHandle<()>,
}

impl TransferTask {
    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for TransferTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why the task ends.
enum Ended {
    Failed(String, Option<RuleId>),
    Disk(DiskError),
}

impl From<DiskError> for Ended {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

impl From<ClientError> for Ended {
    fn from(error: ClientError) -> Self {
        let rule = match &error {
            ClientError::Problem(problem) => problem.body().rule,
            // The attempt ends, and nothing of it was believed.
            ClientError::Damaged { .. } => Some(RuleId::FV1),
            ClientError::Unreachable { .. }
            | ClientError::Interrupted { .. }
            | ClientError::Protocol { .. } => None,
        };
        Self::Failed(error.to_string(), rule)
    }
}

fn failed(why: impl Into<String>) -> Ended {
    Ended::Failed(why.into(), None)
}

/// Starts receiving from `upstream`, from byte 0.
#[must_use]
pub fn start(
    runtime: &Handle,
    number: u64,
    upstream: Address,
    context: TransferContext,
) -> TransferTask {
    let span = tracing::info_span!("bootstrap", number, %upstream);
    let task = async move {
        let transfer = Receiving { number, context };
        let event = match transfer.run(upstream).await {
            Ok((source, verified)) => TransferEvent::Validated(source, Box::new(verified)),
            Err(Ended::Failed(why, rule)) => TransferEvent::Failed(why, rule),
            Err(Ended::Disk(error)) => TransferEvent::Disk(error),
        };
        transfer.tell(event);
    };
    TransferTask { number, task: runtime.spawn(task.instrument(span)) }
}

struct Receiving {
    number: u64,
    context: TransferContext,
}

type Verified = Result<VerifiedSnapshot, Fault>;

impl Receiving {
    fn tell(&self, event: TransferEvent) {
        (self.context.tell)(self.number, event);
    }

    async fn run(&self, upstream: Address) -> Result<(Source, Verified), Ended> {
        let world = &self.context.shared.world;
        let mut connection = world.dial.connect(upstream).await?;
        let (source, received) = self.receive(&mut *connection).await?;
        self.tell(TransferEvent::Transferred);
        self.pull_ledger(&mut *connection).await?;
        // A checkpoint of this node's own that was being taken is over when this is answered; no other begins,
        // because nothing is acknowledged here until the bootstrap has ended.
        self.context.shared.checkpoints.settled().await;
        self.tell(TransferEvent::ValidationBegun);
        crash::reached(Point::BootBeforeValidate);
        let verify = move || {
            let verified = received.verify();
            crash::reached(Point::BootMidValidate);
            verified
        };
        let verified = world.hands.beside(verify).await;
        let verified = verified.ok_or_else(|| failed("the node is stopping"))?;
        Ok((source, verified))
    }

    /// The file, chunk by chunk, made durable. Memory is bounded by one chunk.
    async fn receive(
        &self,
        connection: &mut dyn Link,
    ) -> Result<(Source, ReceivedSnapshot), Ended> {
        let TransferContext { disk, staging, shared, .. } = &self.context;
        // Work of one chunk at most.
        let hands = shared.world.hands;
        let mut receiver =
            hands.blocking(|| SnapshotReceiver::create(Arc::clone(disk), staging))?;
        let mut expected: Option<Expected> = None;
        loop {
            let chunk = connection.snapshot(&self.request(&expected, receiver.bytes())).await?;
            let known = Expected::check(expected, &chunk, receiver.bytes())?;
            if chunk.cluster != shared.identity.cluster {
                let why = format!("upstream is of cluster {}", chunk.cluster);
                return Err(Ended::Failed(why, Some(RuleId::Rs2)));
            }
            hands.blocking(|| receiver.write(&chunk.bytes))?;
            crash::reached(Point::BootTransfer);
            shared.bootstrap.arrived(known.cut, known.bytes, receiver.bytes());
            if receiver.bytes() == known.bytes {
                let source = Source { node_id: known.node_id, manifest: known.manifest };
                return Ok((source, hands.blocking(|| receiver.finish())?));
            }
            expected = Some(known);
        }
    }

    fn request(&self, expected: &Option<Expected>, offset: u64) -> SnapshotRequest {
        let identity = &self.context.shared.identity;
        SnapshotRequest {
            cluster: identity.cluster,
            node_id: identity.node_id.clone(),
            public_key: identity.public_key,
            manifest: expected.as_ref().map(|known| known.manifest),
            offset,
        }
    }

    /// The ledger is pulled up after the snapshot, so that it has what the snapshot has seen. Without a position
    /// a pull is no receipt, and attaches nobody.
    async fn pull_ledger(&self, connection: &mut dyn Link) -> Result<(), Ended> {
        let shared = &self.context.shared;
        let mut authority = Arc::clone(&shared.view.load().authority);
        loop {
            let request = PullRequest {
                cluster: shared.identity.cluster,
                node_id: shared.identity.node_id.clone(),
                public_key: shared.identity.public_key,
                session: [0; 16],
                starts: None,
                epoch: authority.epoch(),
                position: None,
                ledger: Some(authority.head()),
                signature: None,
                echo: None,
                known_acknowledged: None,
                wait: false,
            };
            let entries = connection.pull(&request).await?.entries;
            if entries.is_empty() {
                return Ok(());
            }
            let (reply, adopted) = oneshot::channel();
            self.tell(TransferEvent::Entries(entries, reply));
            let newer = adopted.await.ok().flatten();
            authority = newer.ok_or_else(|| failed("the ledger of upstream is refused"))?;
        }
    }
}

/// What the first chunk said, and every other must say.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Expected {
    node_id: NodeId,
    manifest: Hash,
    cut: Boundary,
    bytes: u64,
}

impl Expected {
    /// Takes the next chunk: the next bytes of the same file, and no more than it has.
    fn check(known: Option<Self>, chunk: &SnapshotChunk, offset: u64) -> Result<Self, Ended> {
        let told = Self {
            node_id: chunk.node_id.clone(),
            manifest: chunk.manifest,
            cut: chunk.cut,
            bytes: chunk.bytes_total,
        };
        let same = known.is_none_or(|known| known == told);
        let length = chunk.bytes.len();
        let fits = (1..=SNAPSHOT_CHUNK_BYTES).contains(&length)
            && offset.checked_add(length as u64).is_some_and(|end| end <= told.bytes);
        if same && fits && chunk.offset == offset {
            return Ok(told);
        }
        Err(failed(format!("upstream sent another chunk than the one at byte {offset}")))
    }
}

#[cfg(test)]
mod tests {
    use aerodb_core::hash::ClusterId;

    use super::*;

    fn chunk(offset: u64, length: usize) -> SnapshotChunk {
        SnapshotChunk {
            cluster: ClusterId([1; 32]),
            node_id: NodeId::new("n1").unwrap(),
            manifest: Hash([2; 32]),
            cut: Boundary::new(9),
            bytes_total: 10,
            offset,
            bytes: vec![0; length].into(),
        }
    }

    #[test]
    fn only_the_next_bytes_of_the_same_file_are_taken() {
        let known = Expected::check(None, &chunk(0, 4), 0).ok();
        assert!(known.is_some());
        assert!(Expected::check(known.clone(), &chunk(4, 6), 4).is_ok());
        for (bad, offset) in
            [(chunk(4, 0), 4), (chunk(4, 7), 4), (chunk(3, 4), 4), (chunk(5, 4), 4)]
        {
            assert!(Expected::check(known.clone(), &bad, offset).is_err(), "{bad:?}");
        }
        let other = SnapshotChunk { manifest: Hash([3; 32]), ..chunk(4, 6) };
        assert!(Expected::check(known.clone(), &other, 4).is_err(), "another snapshot");
        let longer = SnapshotChunk { bytes_total: 11, ..chunk(4, 6) };
        assert!(Expected::check(known, &longer, 4).is_err());
        let endless = SnapshotChunk { bytes_total: u64::MAX, ..chunk(u64::MAX, 1) };
        assert!(Expected::check(None, &endless, u64::MAX).is_err());
    }
}
