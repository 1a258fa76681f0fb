//! A node that is nothing but a map.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aerodb_core::authority::{DeclineClaim, Durability, Membership, SignedDecline};
use aerodb_core::explain::{Explanation, Remedy};
use aerodb_core::hash::{Chain, ClusterId, Hash, Signature};
use aerodb_core::id::{Boundary, ClusterName, CommitId, Epoch, NodeId, PromotionId, Reason, Seq};
use aerodb_core::machine::RoleName;
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use aerodb_core::wal::Op;
use aerodb_http_api::code::Code;
use aerodb_http_api::connection::ConnectionGuard;
use aerodb_http_api::envelope::View;
use aerodb_http_api::port::{Call, NodePort, Reply};
use aerodb_http_api::problem::Problem;
use aerodb_http_api::stream::{PullAnswer, PullRequest, SnapshotChunk, SnapshotRequest};
use aerodb_http_api::types::*;
use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::data::*;

pub struct FakeNode {
    values: Mutex<BTreeMap<Bytes, (CommitId, Bytes)>>,
    tip: Mutex<u64>,
    pub writes: Mutex<Vec<Write>>,
    pub commands: Mutex<Vec<(String, Call)>>,
    pub scans: Mutex<Vec<ScanRequest>>,
    pub refuse_writes: Mutex<Option<Problem>>,
    /// Has a receiver for each write of the key `waits`, which is never answered, until it is given up.
    pub waiting: watch::Sender<()>,
    pub covered: bool,
    pub health: Mutex<Health>,
    pulls: mpsc::UnboundedSender<ConnectionGuard>,
}

impl FakeNode {
    pub fn new(pulls: mpsc::UnboundedSender<ConnectionGuard>, covered: bool) -> Self {
        let health = Health {
            live: Ok(()),
            ready: Ok(()),
            role: RoleName::PrimaryActive,
            writes: Ok(()),
            reads: Ok(()),
            lag: None,
            sync: Err(Obstacle {
                code: Code::SuccessorRequired,
                rule: None,
                detail: "not the successor".to_owned(),
            }),
        };
        Self {
            values: Mutex::default(),
            tip: Mutex::new(0),
            writes: Mutex::default(),
            commands: Mutex::default(),
            scans: Mutex::default(),
            refuse_writes: Mutex::default(),
            waiting: watch::channel(()).0,
            covered,
            health: Mutex::new(health),
            pulls,
        }
    }

    fn note(&self, what: impl Into<String>, call: Call) {
        self.commands.lock().unwrap().push((what.into(), call));
    }

    fn done(&self) -> CommandDone {
        CommandDone { entry: LedgerEntryView::from(&genesis()), covered: self.covered }
    }

    fn failed(&self, conditions: &[Condition]) -> Vec<FailedCondition> {
        let values = self.values.lock().unwrap();
        let mut failed = Vec::new();
        for condition in conditions {
            let actual = values.get(&condition.key).map(|(commit, _)| *commit);
            let holds = match condition.expect {
                Expect::Version(commit) => actual == Some(commit),
                Expect::Absent => actual.is_none(),
                Expect::Present => actual.is_some(),
            };
            if !holds {
                let key = String::from_utf8(condition.key.to_vec()).unwrap();
                failed.push(FailedCondition { key, actual_commit_id: actual });
            }
        }
        failed
    }
}

impl NodePort for FakeNode {
    async fn write(&self, write: Write) -> Reply<Written> {
        self.writes.lock().unwrap().push(write.clone());
        if let Some(problem) = self.refuse_writes.lock().unwrap().clone() {
            return Err(problem);
        }
        if matches!(&write.ops[..], [Op::Put { key, .. }] if key == "waits") {
            let _waits = self.waiting.subscribe();
            std::future::pending::<()>().await;
        }
        let failed = self.failed(&write.conditions);
        if !failed.is_empty() {
            return Err(Problem::precondition_failed(&failed));
        }
        let mut tip = self.tip.lock().unwrap();
        *tip += 1;
        let commit_id = CommitId::new(*tip).unwrap();
        let mut values = self.values.lock().unwrap();
        for op in write.ops {
            match op {
                Op::Put { key, value } => values.insert(key, (commit_id, value)),
                Op::Delete { key } => values.remove(&key),
            };
        }
        Ok(Written { commit_id, epoch: Epoch::FIRST, durability: Durability::Local })
    }

    async fn read(&self, read: ReadRequest) -> Reply<ReadAnswer> {
        Ok(ReadAnswer {
            value: self.values.lock().unwrap().get(&read.key).cloned(),
            boundary: Boundary::new(*self.tip.lock().unwrap()),
            epoch: Epoch::FIRST,
            cluster: CLUSTER,
            consistency: read.consistency.unwrap_or(Consistency::Linearizable),
        })
    }

    async fn scan(&self, scan: ScanRequest) -> Reply<ScanAnswer> {
        self.scans.lock().unwrap().push(scan.clone());
        let values = self.values.lock().unwrap();
        let mut items: Vec<ScanItem> = values
            .iter()
            .filter(|(key, _)| key.starts_with(&scan.prefix))
            .filter(|(key, _)| scan.after_key.as_ref().is_none_or(|after| *key > after))
            .map(|(key, (commit, value))| ScanItem {
                key: key.clone(),
                value: value.clone(),
                commit_id: *commit,
            })
            .collect();
        let more = items.len() > scan.limit;
        items.truncate(scan.limit);
        let next = if more { items.last().map(|item| item.key.clone()) } else { None };
        let boundary = scan.at.unwrap_or(Boundary::new(*self.tip.lock().unwrap()));
        Ok(ScanAnswer {
            observed: observed(),
            items,
            next,
            boundary,
            epoch: Epoch::FIRST,
            cluster: CLUSTER,
            consistency: Consistency::Linearizable,
        })
    }

    async fn status(&self, digest: Option<DigestRequest>) -> Reply<View<StatusData>> {
        view(StatusData {
            node_id: node("n1"),
            cluster_name: Some(ClusterName::new("test").unwrap()),
            lifecycle: Lifecycle::Running,
            role: RoleName::PrimaryActive,
            authority: authority_data(),
            tips: Tips {
                wal_tip: Some(Boundary::new(7)),
                wal_durable: Some(Boundary::new(7)),
                acknowledged: None,
                applied: None,
            },
            durability: Some(Durability::Local),
            writable: true,
            read_safety: ReadSafetyData { safe: true, code: None, rule: None },
            enabled: EnabledData { replication: false, failover: true, group_commit: true },
            halt: None,
            store: StoreData { keys: 0, versions: 0, bytes: 0, bytes_max: 1 },
            upstream: None,
            bootstrap_required: false,
            state_digest: digest.map(|DigestRequest { at }| StateDigest {
                commit_id: at.or(Some(Boundary::new(12))),
                digest: Some(Hash([4; 32])),
            }),
        })
    }

    async fn authority(&self) -> Reply<View<AuthorityData>> {
        view(authority_data())
    }

    async fn members(&self) -> Reply<View<Vec<MemberView>>> {
        view(vec![MemberView { member: member(), membership: Membership::Admitted }])
    }

    async fn promotions(&self) -> Reply<View<Vec<PromotionView>>> {
        view(vec![promotion_view()])
    }

    async fn promotion(&self, id: PromotionId) -> Reply<View<PromotionView>> {
        if id.as_str() == "n1-1" { view(promotion_view()) } else { no_entry() }
    }

    async fn replication(&self) -> Reply<View<ReplicationData>> {
        view(ReplicationData {
            role: Some(ReplicationRole::Primary),
            replica_state: None,
            replica_commit_id: None,
            primary_commit_id: Some(Boundary::new(7)),
            wal_received_offset: None,
            wal_validated_offset: None,
            wal_applied_offset: None,
            wal_prefix: None,
            snapshot_bootstrap_state: BootstrapState::NotStarted,
            bootstrap_required: false,
            bootstrap: None,
            read_safety: ReadSafety::Safe,
            blocking_reason: None,
            authority_epoch: Some(Epoch::FIRST),
            authority_holder: Some(node("n1")),
            lag: None,
            upstream: None,
            peers: Vec::new(),
        })
    }

    async fn wal(&self) -> Reply<View<WalData>> {
        view(WalData {
            files: Vec::new(),
            tip: None,
            append_offset: None,
            last_durable_offset: None,
            checksum_status: "verified".to_owned(),
            truncation_point: None,
            received: None,
            validated: None,
            applied: None,
            gaps: Vec::new(),
            failures: Vec::new(),
        })
    }

    async fn mvcc(&self) -> Reply<View<MvccData>> {
        view(MvccData {
            oldest_retained_commit_id: None,
            latest_commit_id: None,
            active_snapshots: ActiveSnapshots::default(),
            gc_watermark: None,
            replica_commit_id: None,
            reads_blocked: false,
        })
    }

    async fn checkpoints(&self) -> Reply<View<CheckpointsData>> {
        view(CheckpointsData {
            last_completed: None,
            pending_commit_id: None,
            pending_state: None,
            aborted: None,
            wal_bytes_between: 1,
        })
    }

    async fn snapshots(&self) -> Reply<View<SnapshotsData>> {
        view(SnapshotsData { active: Vec::new(), files: Vec::new() })
    }

    async fn machines(&self) -> Reply<View<Vec<MachineState>>> {
        view(Vec::new())
    }

    async fn machine(&self, machine: String) -> Reply<View<MachineState>> {
        match machine.as_str() {
            "node_role" => {
                let (state, data) = ("PrimaryActive".to_owned(), serde_json::Value::Null);
                view(MachineState { machine, state, data })
            }
            _ => no_entry(),
        }
    }

    async fn transitions(
        &self,
        _machine: Option<String>,
        _after: u64,
        _limit: usize,
    ) -> Reply<View<Vec<TransitionView>>> {
        view(Vec::new())
    }

    async fn ledger(
        &self,
        _log: LogName,
        _after: u64,
        _limit: usize,
    ) -> Reply<View<Vec<LedgerEntryView>>> {
        view(vec![LedgerEntryView::from(&genesis())])
    }

    async fn ledger_entry(&self, _log: LogName, seq: Seq) -> Reply<View<LedgerEntryView>> {
        if seq == Seq::FIRST { view(LedgerEntryView::from(&genesis())) } else { no_entry() }
    }

    async fn events(&self, after: u64, limit: usize) -> Vec<EventView> {
        // Two of the journal are gone; after the last one the node stops.
        let kept = (3..=5).filter(|seq| *seq > after).take(limit);
        kept.map(event).collect()
    }

    async fn last_event(&self) -> u64 {
        5
    }

    async fn metrics(&self) -> Reply<String> {
        Ok("# EOF\n".to_owned())
    }

    async fn history(&self) -> Reply<View<Vec<HistoryEntry>>> {
        view(vec![HistoryEntry {
            epoch: Epoch::FIRST,
            start_commit_id: Boundary::ORIGIN,
            basis: "genesis".to_owned(),
            holder: node("n1"),
        }])
    }

    async fn explain_promotion(&self, id: PromotionId) -> Reply<View<Explanation>> {
        if id.as_str() == "n1-1" { view(explanation(false)) } else { no_entry() }
    }
    async fn explain_replication(&self) -> Reply<View<Explanation>> {
        view(explanation(true))
    }
    async fn explain_read(&self, _key: Bytes, _at: Option<Boundary>) -> Reply<View<Explanation>> {
        view(explanation(true))
    }
    async fn explain_write(&self) -> Reply<View<Explanation>> {
        view(explanation(true))
    }
    async fn explain_bootstrap(&self) -> Reply<View<Explanation>> {
        view(explanation(true))
    }
    async fn explain_segment(&self, _: CommitId) -> Reply<View<Explanation>> {
        view(explanation(true))
    }

    async fn explain_checkpoint(&self) -> Reply<View<Explanation>> {
        view(explanation(true))
    }

    async fn explain_recovery(&self) -> Reply<View<Explanation>> {
        view(explanation(true))
    }

    async fn admit(&self, request: AdmitRequest, call: Call) -> Reply<CommandDone> {
        self.note(format!("admit {}", request.node_id), call);
        Ok(self.done())
    }
    async fn remove(
        &self,
        node: NodeId,
        expected_epoch: Epoch,
        reason: Reason,
        call: Call,
    ) -> Reply<CommandDone> {
        self.note(format!("remove {node} {expected_epoch} {reason}"), call);
        Ok(self.done())
    }
    async fn command(&self, command: AuthorityCommand, call: Call) -> Reply<CommandDone> {
        self.note(format!("{:?}", command.action), call);
        Ok(self.done())
    }

    async fn decline(&self, request: DeclineRequest, call: Call) -> Reply<Declined> {
        self.note("decline".to_owned(), call);
        let head = genesis().entry.head();
        let claim = DeclineClaim {
            cluster: ClusterId(head.hash.0),
            node_id: node("n2"),
            epoch: request.expected_epoch.next().unwrap(),
            named_by: head,
            ledger: head,
        };
        let decline = SignedDecline { claim, signature: Signature([7; 64]) };
        Ok(Declined { seq: Seq::FIRST, decline })
    }

    async fn promote(&self, request: PromoteRequest, dry_run: bool, call: Call) -> Reply<Promoted> {
        self.note(format!("promote dry_run={dry_run}"), call);
        let promotion_id = (!dry_run).then(|| PromotionId::new("n1-1").unwrap());
        if request.expected_epoch != Epoch::FIRST {
            let remedy = Remedy {
                rule: RuleId::P6A3,
                action: "ask again",
                node_id: None,
                method: "POST",
                path: "/v1/promotions",
                body: None,
            };
            let refusal = explanation(false);
            return Err(Problem::promotion_denied(promotion_id.as_ref(), &refusal, vec![remedy]));
        }
        Ok(Promoted {
            promotion_id,
            outcome: Outcome::Approved,
            epoch: Epoch::new(2).unwrap(),
            holder: node("n1"),
            start_commit: Boundary::new(7),
            explanation: serde_json::to_value(explanation(true)).unwrap(),
            dry_run,
        })
    }

    async fn follow(&self, request: FollowRequest, call: Call) -> Reply<Intervened> {
        self.note(format!("follow {}", request.upstream), call);
        Ok(Intervened { seq: Seq::FIRST, upstream: request.upstream })
    }
    async fn resume(&self, _request: ResumeRequest, call: Call) -> Reply<Intervened> {
        self.note("resume", call);
        Ok(Intervened { seq: Seq::FIRST, upstream: member().address })
    }

    async fn bootstrap(&self, _request: BootstrapRequest, call: Call) -> Reply<Intervened> {
        self.note("bootstrap", call);
        Ok(Intervened { seq: Seq::FIRST, upstream: member().address })
    }

    async fn take_checkpoint(
        &self,
        request: CheckpointRequest,
        call: Call,
    ) -> Reply<CheckpointTaken> {
        let complete = call.deadline > std::time::Duration::from_secs(1);
        self.note(format!("checkpoint {}", request.reason), call);
        Ok(CheckpointTaken {
            complete,
            checkpoint: None,
            unchanged: false,
            segments_removed: 0,
            snapshots_removed: 0,
        })
    }

    async fn discard_suffix(
        &self,
        _request: DiscardRequest,
        dry_run: bool,
        call: Call,
    ) -> Reply<Discarded> {
        self.note(format!("discard dry_run={dry_run}"), call);
        Ok(Discarded {
            seq: (!dry_run).then_some(Seq::FIRST),
            kept: Position { boundary: Boundary::new(2), chain: Chain([1; 32]) },
            discarded: Boundary::new(3),
            cleared: Some(RuleId::FV2),
            commits_total: 0,
            commits: Vec::new(),
            entries_total: 0,
            entries: Vec::new(),
            quarantine: None,
        })
    }

    async fn health(&self) -> Health {
        self.health.lock().unwrap().clone()
    }

    async fn pull(&self, request: PullRequest, connection: ConnectionGuard) -> Reply<PullAnswer> {
        self.pulls.send(connection.clone()).unwrap();
        if request.wait {
            connection.closed().await;
        }
        Ok(PullAnswer {
            cluster: CLUSTER,
            node_id: node("n1"),
            entries: vec![Bytes::from(genesis().encode())],
            batches: Bytes::from_static(b"batches"),
            acknowledged: None,
            tip: Some(Boundary::new(7)),
            barrier: Some(9),
        })
    }

    async fn snapshot(
        &self,
        request: SnapshotRequest,
        _connection: ConnectionGuard,
    ) -> Reply<SnapshotChunk> {
        Ok(SnapshotChunk {
            cluster: CLUSTER,
            node_id: node("n1"),
            manifest: Hash([6; 32]),
            cut: Boundary::new(7),
            bytes_total: 5,
            offset: request.offset,
            bytes: Bytes::from_static(b"chunk"),
        })
    }
}
