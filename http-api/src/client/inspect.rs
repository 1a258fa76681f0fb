//! Inspection and explanations.

use aerodb_core::id::{Boundary, CommitId, PromotionId, Seq};
use aerodb_core::rules::RuleId;
use serde_json::Value;

use super::transport::{Client, encoded, query};
use crate::client::ClientError;
use crate::envelope::View;
use crate::types::{
    AuthorityData, ChartSummary, CheckpointsData, HistoryEntry, LedgerEntryView, LogName,
    MachineState, MemberView, MvccData, PromotionView, ReplicationData, RuleView, SnapshotsData,
    StatusData, TransitionView, WalData,
};

macro_rules! views {
    ($($(#[$doc:meta])* $name:ident: $path:literal -> $data:ty;)*) => {
        impl Client {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// [`ClientError`].
            pub async fn $name(&self) -> Result<View<$data>, ClientError> {
                self.get($path).await
            }
        )*}
    };
}

views! {
    /// Who may write.
    authority: "/v1/authority" -> AuthorityData;
    /// Every node that was ever admitted.
    members: "/v1/members" -> Vec<MemberView>;
    /// The attempts so far, oldest first.
    promotions: "/v1/promotions" -> Vec<PromotionView>;
    /// The state of replication.
    replication: "/v1/replication" -> ReplicationData;
    /// The state of the log on disk.
    wal: "/v1/wal" -> WalData;
    /// Versions and read views.
    mvcc: "/v1/mvcc" -> MvccData;
    /// From where the node recovers.
    checkpoints: "/v1/checkpoints" -> CheckpointsData;
    /// Open read views, and the snapshot on the disk.
    snapshots: "/v1/snapshots" -> SnapshotsData;
    /// The state of every machine.
    machines: "/v1/state" -> Vec<MachineState>;
    /// The catalogue of rules.
    rules: "/v1/rules" -> Vec<RuleView>;
    /// Whether reads are safe there, and why.
    explain_replication: "/v1/explain/replication" -> Value;
    /// Whether a write would be admitted, and why.
    explain_write: "/v1/explain/write" -> Value;
    /// Whether the last snapshot received was taken over, and why.
    explain_bootstrap: "/v1/explain/bootstrap" -> Value;
    /// Whether the checkpoint there can be relied on, and why.
    explain_checkpoint: "/v1/explain/checkpoint" -> Value;
    /// What recovery found and did.
    explain_recovery: "/v1/explain/recovery" -> Value;
}

impl Client {
    /// The node at a glance; with `digest` the digest of its applied state too.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn status(&self, digest: bool) -> Result<View<StatusData>, ClientError> {
        self.get(if digest { "/v1/status?digest=true" } else { "/v1/status" }).await
    }

    /// The node at a glance with the digest of what reads show at a commit, the newest by default.
    ///
    /// # Errors
    /// [`ClientError`]; also when the commit cannot be read.
    pub async fn status_at(&self, at: Option<Boundary>) -> Result<View<StatusData>, ClientError> {
        let at = at.map(|at| format!("&at={at}")).unwrap_or_default();
        self.get(&format!("/v1/status?digest=true{at}")).await
    }

    /// The state machines, and where they are on this node.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn statecharts(&self) -> Result<View<Vec<ChartSummary>>, ClientError> {
        self.get("/v1/statecharts").await
    }

    /// One attempt.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn promotion(&self, id: &PromotionId) -> Result<View<PromotionView>, ClientError> {
        self.get(&format!("/v1/promotions/{}", encoded(id.as_str()))).await
    }

    /// The state of one machine.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn machine(&self, machine: &str) -> Result<View<MachineState>, ClientError> {
        self.get(&format!("/v1/state/{}", encoded(machine))).await
    }

    /// Transitions in the journal with a number above `after`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn transitions(
        &self,
        machine: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<View<Vec<TransitionView>>, ClientError> {
        let query = query(&[
            ("machine", machine.map(str::to_owned)),
            ("after", Some(after.to_string())),
            ("limit", Some(limit.to_string())),
        ]);
        self.get(&format!("/v1/transitions{query}")).await
    }

    /// Ledger entries with a number above `after`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn ledger(
        &self,
        log: LogName,
        after: u64,
        limit: usize,
    ) -> Result<View<Vec<LedgerEntryView>>, ClientError> {
        let log = log.as_str();
        self.get(&format!("/v1/ledger?log={log}&after={after}&limit={limit}")).await
    }

    /// One ledger entry.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn ledger_entry(
        &self,
        log: LogName,
        seq: Seq,
    ) -> Result<View<LedgerEntryView>, ClientError> {
        self.get(&format!("/v1/ledger/{}/{seq}", log.as_str())).await
    }

    /// The epochs so far, oldest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn history(&self) -> Result<Vec<HistoryEntry>, ClientError> {
        self.get("/history").await
    }

    /// One rule.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn rule(&self, rule: RuleId) -> Result<View<RuleView>, ClientError> {
        self.get(&format!("/v1/rules/{rule}")).await
    }

    /// Why an attempt was approved or denied.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn explain_promotion(&self, id: &PromotionId) -> Result<View<Value>, ClientError> {
        self.get(&format!("/v1/explain/promotion/{}", encoded(id.as_str()))).await
    }

    /// Whether the batch with this commit continues the history, and why.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn explain_segment(&self, commit: CommitId) -> Result<View<Value>, ClientError> {
        self.get(&format!("/v1/explain/segment?commit={commit}")).await
    }

    /// What a read of this key would show, and why.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn explain_read(
        &self,
        key: &str,
        at: Option<Boundary>,
    ) -> Result<View<Value>, ClientError> {
        let query = query(&[("key", Some(key.to_owned())), ("at", at.map(|at| at.to_string()))]);
        self.get(&format!("/v1/explain/read{query}")).await
    }
}
