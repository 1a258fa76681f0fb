//! The port of the routes, method by method.

use aerodb_core::explain::Explanation;
use aerodb_core::id::{Boundary, CommitId, Epoch, NodeId, PromotionId, Reason, Seq};
use aerodb_core::machine::MachineName;
use aerodb_http_api::code::Code;
use aerodb_http_api::connection::ConnectionGuard;
use aerodb_http_api::envelope::View;
use aerodb_http_api::port::{Call, NodePort, Reply};
use aerodb_http_api::problem::Problem;
use aerodb_http_api::stream::{PullAnswer, PullRequest, SnapshotChunk, SnapshotRequest};
use aerodb_http_api::types::{
    AdmitRequest, AuthorityCommand, AuthorityData, BootstrapRequest, CheckpointRequest,
    CheckpointTaken, CheckpointsData, CommandDone, DeclineRequest, Declined, DigestRequest,
    DiscardRequest, Discarded, EventView, FollowRequest, Health, HistoryEntry, Intervened,
    LedgerEntryView, LogName, MachineState, MemberView, MvccData, PromoteRequest, Promoted,
    PromotionView, ReadAnswer, ReadRequest, ReplicationData, ResumeRequest, ScanAnswer,
    ScanRequest, SnapshotsData, StateDigest, StatusData, TransitionView, WalData, Write, Written,
};
use bytes::Bytes;

use crate::attempts;
use crate::bootstrap::serve as serve_snapshot;
use crate::http::Http;
use crate::http::inspect::ANY_READ;
use crate::http::read::Wanted;
use crate::journal::Transition;
use crate::machines::Shown;
use crate::replication::serve_pull;

fn unknown(what: &str, name: &str) -> Problem {
    Problem::new(Code::NoSuchEntry, format!("there is no {what} {name}"))
}

fn machine_named(name: &str) -> Result<MachineName, Problem> {
    let found = MachineName::ALL.iter().find(|machine| machine.as_str() == name);
    found.copied().ok_or_else(|| unknown("machine", name))
}

fn state(shown: Shown) -> MachineState {
    MachineState {
        machine: shown.machine.as_str().to_owned(),
        state: shown.state.to_owned(),
        data: shown.data,
    }
}

fn transition(step: Transition) -> TransitionView {
    TransitionView {
        seq: step.seq,
        machine: step.machine.as_str().to_owned(),
        from: step.from.to_owned(),
        to: step.to.to_owned(),
        event: step.event.to_owned(),
        row: step.row.to_owned(),
        rules: vec![step.rule],
    }
}

impl NodePort for Http {
    async fn write(&self, write: Write) -> Reply<Written> {
        self.do_write(write).await
    }

    async fn read(&self, read: ReadRequest) -> Reply<ReadAnswer> {
        self.do_read(read).await
    }

    async fn scan(&self, scan: ScanRequest) -> Reply<ScanAnswer> {
        self.do_scan(scan).await
    }

    async fn status(&self, digest: Option<DigestRequest>) -> Reply<View<StatusData>> {
        let state_digest = match digest {
            None => None,
            Some(DigestRequest { at }) => {
                Some(match self.digest(Wanted { at, ..ANY_READ }).await {
                    Ok((at, digest)) => StateDigest { commit_id: Some(at), digest: Some(digest) },
                    // A commit that was named can be refused; the status itself is always answered.
                    Err(refused) if at.is_some() => return Err(refused),
                    Err(_) => StateDigest { commit_id: None, digest: None },
                })
            }
        };
        Ok(self.labelled(StatusData { state_digest, ..self.status_data() }))
    }

    async fn authority(&self) -> Reply<View<AuthorityData>> {
        let view = self.shared.view.load_full();
        Ok(self.envelope(self.authority_data(&view)))
    }

    async fn members(&self) -> Reply<View<Vec<MemberView>>> {
        Ok(self.envelope(self.member_views()))
    }

    async fn promotions(&self) -> Reply<View<Vec<PromotionView>>> {
        Ok(self.envelope(attempts::all(&self.shared)))
    }

    async fn promotion(&self, id: PromotionId) -> Reply<View<PromotionView>> {
        let found =
            attempts::all(&self.shared).into_iter().find(|attempt| attempt.promotion_id == id);
        found.map(|attempt| self.envelope(attempt)).ok_or_else(|| unknown("promotion", id.as_str()))
    }

    async fn replication(&self) -> Reply<View<ReplicationData>> {
        Ok(self.labelled(self.replication_data()))
    }

    async fn wal(&self) -> Reply<View<WalData>> {
        Ok(self.labelled(self.wal_data()))
    }

    async fn mvcc(&self) -> Reply<View<MvccData>> {
        Ok(self.labelled(self.mvcc_data()))
    }

    async fn checkpoints(&self) -> Reply<View<CheckpointsData>> {
        Ok(self.envelope(self.checkpoints_data()))
    }

    async fn snapshots(&self) -> Reply<View<SnapshotsData>> {
        Ok(self.envelope(self.snapshots_data()))
    }

    async fn machines(&self) -> Reply<View<Vec<MachineState>>> {
        Ok(self.envelope(self.machines_here().map(state).collect()))
    }

    async fn machine(&self, machine: String) -> Reply<View<MachineState>> {
        let name = machine_named(&machine)?;
        let found = self.machines_here().find(|shown| shown.machine == name);
        found
            .map(|shown| self.envelope(state(shown)))
            .ok_or_else(|| unknown("single state of machine", &machine))
    }

    async fn transitions(
        &self,
        machine: Option<String>,
        after: u64,
        limit: usize,
    ) -> Reply<View<Vec<TransitionView>>> {
        let machine = machine.as_deref().map(machine_named).transpose();
        // Here the name is a parameter, not a place.
        let machine = machine.map_err(|_| {
            let known: Vec<_> = MachineName::ALL.iter().map(|machine| machine.as_str()).collect();
            let detail = format!("machine is one of {}", known.join(", "));
            Problem::new(Code::InvalidParameter, detail)
        })?;
        let steps = self.shared.machines.journal.after(after, machine, limit);
        Ok(self.envelope(steps.into_iter().map(transition).collect()))
    }

    async fn ledger(
        &self,
        log: LogName,
        after: u64,
        limit: usize,
    ) -> Reply<View<Vec<LedgerEntryView>>> {
        let after = Seq::new(after);
        let entries = match log {
            LogName::Authority => {
                let stored = self.shared.authority_entries.after(after, limit);
                stored.iter().map(|stored| LedgerEntryView::from(&*stored.entry)).collect()
            }
            LogName::Decision => {
                let stored = self.record().await.after(after, limit);
                stored.iter().map(|stored| LedgerEntryView::from(&*stored.entry)).collect()
            }
        };
        Ok(self.envelope(entries))
    }

    async fn ledger_entry(&self, log: LogName, seq: Seq) -> Reply<View<LedgerEntryView>> {
        let found = match log {
            LogName::Authority => self
                .shared
                .authority_entries
                .entry(seq)
                .map(|stored| LedgerEntryView::from(&*stored.entry)),
            LogName::Decision => {
                self.record().await.entry(seq).map(|stored| LedgerEntryView::from(&*stored.entry))
            }
        };
        found
            .map(|entry| self.envelope(entry))
            .ok_or_else(|| unknown("ledger entry", &seq.to_string()))
    }

    async fn events(&self, after: u64, limit: usize) -> Vec<EventView> {
        self.events_after(after, limit).await
    }

    async fn last_event(&self) -> u64 {
        self.shared.machines.journal.last()
    }

    async fn metrics(&self) -> Reply<String> {
        self.metrics_text()
    }

    async fn history(&self) -> Reply<View<Vec<HistoryEntry>>> {
        Ok(self.envelope(self.epochs()))
    }

    async fn explain_promotion(&self, id: PromotionId) -> Reply<View<Explanation>> {
        let decision = attempts::decision_of(&self.shared, &id);
        let explained = decision.map(|decision| aerodb_core::explain::explain(&decision.facts));
        explained
            .map(|it| self.envelope(it))
            .ok_or_else(|| unknown("decided promotion", id.as_str()))
    }

    async fn explain_replication(&self) -> Reply<View<Explanation>> {
        Ok(self.envelope(self.safety_explanation()))
    }

    async fn explain_read(&self, key: Bytes, at: Option<Boundary>) -> Reply<View<Explanation>> {
        Ok(self.envelope(self.read_explanation(&key, at)))
    }

    async fn explain_write(&self) -> Reply<View<Explanation>> {
        Ok(self.envelope(self.write_explanation()))
    }

    async fn explain_bootstrap(&self) -> Reply<View<Explanation>> {
        let explained = self.bootstrap_explanation();
        explained
            .map(|it| self.envelope(it))
            .ok_or_else(|| Problem::new(Code::NoSuchEntry, "no snapshot was ever received here"))
    }

    async fn explain_segment(&self, commit: CommitId) -> Reply<View<Explanation>> {
        let explained = self.segment_explanation(commit);
        explained.map(|explanation| self.envelope(explanation))
    }

    async fn explain_checkpoint(&self) -> Reply<View<Explanation>> {
        Ok(self.envelope(self.checkpoint_explanation()))
    }

    async fn explain_recovery(&self) -> Reply<View<Explanation>> {
        let mut recovery = self.shared.recovery.subscribe();
        let explained = tokio::select! {
            explained = recovery.wait_for(Option::is_some) => explained.ok().and_then(|it| it.clone()),
            () = self.shared.stopped() => None,
        };
        let stopping = || Problem::new(Code::Recovering, "the node is stopping");
        explained.map(|explained| self.envelope(explained)).ok_or_else(stopping)
    }

    async fn admit(&self, request: AdmitRequest, call: Call) -> Reply<CommandDone> {
        self.do_admit(request, call).await
    }

    async fn remove(
        &self,
        node: NodeId,
        epoch: Epoch,
        reason: Reason,
        call: Call,
    ) -> Reply<CommandDone> {
        self.do_remove(node, epoch, reason, call).await
    }

    async fn command(&self, command: AuthorityCommand, call: Call) -> Reply<CommandDone> {
        self.do_command(command, call).await
    }

    async fn decline(&self, request: DeclineRequest, call: Call) -> Reply<Declined> {
        self.do_decline(request, call).await
    }

    async fn promote(&self, request: PromoteRequest, dry_run: bool, call: Call) -> Reply<Promoted> {
        self.do_promote(request, dry_run, call).await
    }

    async fn follow(&self, request: FollowRequest, call: Call) -> Reply<Intervened> {
        self.do_follow(request, call).await
    }

    async fn resume(&self, request: ResumeRequest, call: Call) -> Reply<Intervened> {
        self.do_resume(request, call).await
    }

    async fn bootstrap(&self, request: BootstrapRequest, call: Call) -> Reply<Intervened> {
        self.do_bootstrap(request, call).await
    }

    async fn take_checkpoint(
        &self,
        request: CheckpointRequest,
        call: Call,
    ) -> Reply<CheckpointTaken> {
        self.do_take_checkpoint(request, call).await
    }

    async fn discard_suffix(
        &self,
        request: DiscardRequest,
        dry_run: bool,
        call: Call,
    ) -> Reply<Discarded> {
        self.do_discard(request, dry_run, call).await
    }

    async fn health(&self) -> Health {
        self.health_facts()
    }

    async fn pull(&self, request: PullRequest, connection: ConnectionGuard) -> Reply<PullAnswer> {
        serve_pull(&self.shared, &self.supervisor, request, connection).await
    }

    async fn snapshot(
        &self,
        request: SnapshotRequest,
        connection: ConnectionGuard,
    ) -> Reply<SnapshotChunk> {
        serve_snapshot(&self.shared, request, connection).await
    }
}
