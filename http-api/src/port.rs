//! What the routes need of a node. The node implements it; the routes know nothing else of it.

use std::time::Duration;

use aerodb_core::explain::Explanation;
use aerodb_core::id::{Boundary, CommitId, Epoch, NodeId, PromotionId, Reason, Seq};
use bytes::Bytes;

use crate::connection::ConnectionGuard;
use crate::envelope::View;
use crate::extract::Principal;
use crate::problem::Problem;
use crate::stream::{PullAnswer, PullRequest, SnapshotChunk, SnapshotRequest};
use crate::types::{
    AdmitRequest, AuthorityCommand, AuthorityData, BootstrapRequest, CheckpointRequest,
    CheckpointTaken, CheckpointsData, CommandDone, DeclineRequest, Declined, DigestRequest,
    DiscardRequest, Discarded, EventView, FollowRequest, Health, HistoryEntry, Intervened,
    LedgerEntryView, LogName, MachineState, MemberView, MvccData, PromoteRequest, Promoted,
    PromotionView, ReadAnswer, ReadRequest, ReplicationData, ResumeRequest, ScanAnswer,
    ScanRequest, SnapshotsData, StatusData, TransitionView, WalData, Write, Written,
};

/// Who asks, and until when they want to be answered. The deadline never shapes what happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Who asks.
    pub principal: Principal,
    /// How long the caller waits for the answer.
    pub deadline: Duration,
}

/// What a port method comes to. A refusal is a [`Problem`] with its code, rule and explanation.
pub type Reply<T> = Result<T, Problem>;

/// A node as the routes see it. Handlers are generic over it, so a call costs no allocation.
///
/// Errors of every method: a [`Problem`] whose code is one of DESIGN section 8. A path that names nothing
/// (an unknown promotion, machine or entry) is `NO_SUCH_ENTRY`.
///
/// Invariant for implementers: a future may be dropped at any await point, because the caller hung up. What
/// was begun must run to its end elsewhere (the supervisor, the WAL owner); only the answer is lost.
pub trait NodePort: Send + Sync + 'static {
    /// Carries out a write and answers once it is acknowledged.
    fn write(&self, write: Write) -> impl Future<Output = Reply<Written>> + Send;
    /// Reads one key in one read view; an absent key is an answer, not an error.
    fn read(&self, read: ReadRequest) -> impl Future<Output = Reply<ReadAnswer>> + Send;
    /// Reads one page of a scan.
    fn scan(&self, scan: ScanRequest) -> impl Future<Output = Reply<ScanAnswer>> + Send;

    /// The node at a glance; `digest` asks for the digest of what reads show too.
    fn status(
        &self,
        digest: Option<DigestRequest>,
    ) -> impl Future<Output = Reply<View<StatusData>>> + Send;
    /// Who may write.
    fn authority(&self) -> impl Future<Output = Reply<View<AuthorityData>>> + Send;
    /// Every node that was ever admitted.
    fn members(&self) -> impl Future<Output = Reply<View<Vec<MemberView>>>> + Send;
    /// The attempts so far, oldest first.
    fn promotions(&self) -> impl Future<Output = Reply<View<Vec<PromotionView>>>> + Send;
    /// One attempt.
    fn promotion(&self, id: PromotionId)
    -> impl Future<Output = Reply<View<PromotionView>>> + Send;
    /// The state of replication.
    fn replication(&self) -> impl Future<Output = Reply<View<ReplicationData>>> + Send;
    /// The state of the log.
    fn wal(&self) -> impl Future<Output = Reply<View<WalData>>> + Send;
    /// The state of the store.
    fn mvcc(&self) -> impl Future<Output = Reply<View<MvccData>>> + Send;
    /// From where the node recovers.
    fn checkpoints(&self) -> impl Future<Output = Reply<View<CheckpointsData>>> + Send;
    /// Open read views, and the snapshot on the disk.
    fn snapshots(&self) -> impl Future<Output = Reply<View<SnapshotsData>>> + Send;
    /// The state of every machine.
    fn machines(&self) -> impl Future<Output = Reply<View<Vec<MachineState>>>> + Send;
    /// The state of one machine.
    fn machine(&self, machine: String) -> impl Future<Output = Reply<View<MachineState>>> + Send;
    /// Transitions in the journal with a number above `after`, at most `limit`, of one machine or all.
    fn transitions(
        &self,
        machine: Option<String>,
        after: u64,
        limit: usize,
    ) -> impl Future<Output = Reply<View<Vec<TransitionView>>>> + Send;
    /// Ledger entries with a number above `after` (0 for all), at most `limit`.
    fn ledger(
        &self,
        log: LogName,
        after: u64,
        limit: usize,
    ) -> impl Future<Output = Reply<View<Vec<LedgerEntryView>>>> + Send;
    /// One ledger entry.
    fn ledger_entry(
        &self,
        log: LogName,
        seq: Seq,
    ) -> impl Future<Output = Reply<View<LedgerEntryView>>> + Send;
    /// At most `limit` events with a number above `after`, as soon as there are any; none when the node is
    /// stopping. Never more than what the journal keeps.
    fn events(&self, after: u64, limit: usize) -> impl Future<Output = Vec<EventView>> + Send;
    /// The number of the last event.
    fn last_event(&self) -> impl Future<Output = u64> + Send;
    /// The metrics of this moment, as OpenMetrics text.
    fn metrics(&self) -> impl Future<Output = Reply<String>> + Send;
    /// The epochs so far, oldest first.
    fn history(&self) -> impl Future<Output = Reply<View<Vec<HistoryEntry>>>> + Send;

    /// Why an attempt was approved or denied.
    fn explain_promotion(
        &self,
        id: PromotionId,
    ) -> impl Future<Output = Reply<View<Explanation>>> + Send;
    /// Whether reads are safe here, and why.
    fn explain_replication(&self) -> impl Future<Output = Reply<View<Explanation>>> + Send;
    /// What a read of this key would show, and why.
    fn explain_read(
        &self,
        key: Bytes,
        at: Option<Boundary>,
    ) -> impl Future<Output = Reply<View<Explanation>>> + Send;
    /// Whether a write would be admitted, and why.
    fn explain_write(&self) -> impl Future<Output = Reply<View<Explanation>>> + Send;
    /// Whether the last snapshot received was taken over, and why. `NO_SUCH_ENTRY` where none was received.
    fn explain_bootstrap(&self) -> impl Future<Output = Reply<View<Explanation>>> + Send;
    /// Whether the checkpoint can be relied on, and why.
    fn explain_checkpoint(&self) -> impl Future<Output = Reply<View<Explanation>>> + Send;
    /// Whether the batch with this commit continues the history, and why. `NO_SUCH_ENTRY` where the log has none.
    fn explain_segment(
        &self,
        commit: CommitId,
    ) -> impl Future<Output = Reply<View<Explanation>>> + Send;
    /// What recovery found and did at this start.
    fn explain_recovery(&self) -> impl Future<Output = Reply<View<Explanation>>> + Send;

    /// Lets a node take part.
    fn admit(
        &self,
        request: AdmitRequest,
        call: Call,
    ) -> impl Future<Output = Reply<CommandDone>> + Send;
    /// Lets a node take part no more.
    fn remove(
        &self,
        node: NodeId,
        expected_epoch: Epoch,
        reason: Reason,
        call: Call,
    ) -> impl Future<Output = Reply<CommandDone>> + Send;
    /// Designates, releases or relinquishes.
    fn command(
        &self,
        command: AuthorityCommand,
        call: Call,
    ) -> impl Future<Output = Reply<CommandDone>> + Send;
    /// Gives up the next epoch, which this node could be granted, for good.
    fn decline(
        &self,
        request: DeclineRequest,
        call: Call,
    ) -> impl Future<Output = Reply<Declined>> + Send;
    /// Promotes this node, or says what would come of it. A denial is `PROMOTION_DENIED`, see
    /// [`Problem::promotion_denied`].
    fn promote(
        &self,
        request: PromoteRequest,
        dry_run: bool,
        call: Call,
    ) -> impl Future<Output = Reply<Promoted>> + Send;
    /// Gives the replica another node to pull from.
    fn follow(
        &self,
        request: FollowRequest,
        call: Call,
    ) -> impl Future<Output = Reply<Intervened>> + Send;
    /// Lets the replica pull again.
    fn resume(
        &self,
        request: ResumeRequest,
        call: Call,
    ) -> impl Future<Output = Reply<Intervened>> + Send;

    /// Lets the replica take a snapshot over; answers once it has begun.
    fn bootstrap(
        &self,
        request: BootstrapRequest,
        call: Call,
    ) -> impl Future<Output = Reply<Intervened>> + Send;
    /// Takes a checkpoint.
    fn take_checkpoint(
        &self,
        request: CheckpointRequest,
        call: Call,
    ) -> impl Future<Output = Reply<CheckpointTaken>> + Send;

    /// Sets aside what a halted node's log holds past its validated history, or says what that is. The node
    /// then starts again.
    fn discard_suffix(
        &self,
        request: DiscardRequest,
        dry_run: bool,
        call: Call,
    ) -> impl Future<Output = Reply<Discarded>> + Send;

    /// The facts that every probe is decided from. Never waits.
    fn health(&self) -> impl Future<Output = Health> + Send;
    /// Serves one pull. The guard is of the connection that it came over: when that closes, the replica
    /// is detached.
    fn pull(
        &self,
        request: PullRequest,
        connection: ConnectionGuard,
    ) -> impl Future<Output = Reply<PullAnswer>> + Send;
    /// Serves a chunk of a snapshot. The connection is the one that it came over.
    fn snapshot(
        &self,
        request: SnapshotRequest,
        connection: ConnectionGuard,
    ) -> impl Future<Output = Reply<SnapshotChunk>> + Send;
}
