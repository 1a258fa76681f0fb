//! Inspection: the published state in the shapes of the wire. Nothing here contacts a peer or changes
//! anything.
//!
//! Keeps: CORE-O3, OAPI-1, OAPI-3, OAPI-7, O5-2, O5-3, O5-4, O5-10, RA-11, EX-8.

use aerodb_core::authority::{EntryBody, Succession, Tenure};
use aerodb_core::decision::promotion::Progress;
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::explain::{Explanation, explain};
use aerodb_core::id::CommitId;
use aerodb_core::machine::{Failure, Latch, RoleName};
use aerodb_core::rules::RuleId;
use aerodb_core::wal::missing_by;
use aerodb_http_api::envelope::{ObservedAt, Snapshot};
use aerodb_http_api::types::{
    ActiveSnapshots, AuthorityData, AuthorityStatus, BootstrapData, CommitRange, EnabledData,
    HaltData, HistoryEntry, Lifecycle, MemberView, MvccData, PeerData, ReadSafety, ReadSafetyData,
    Refusal, ReplicationData, ReplicationRole, StatusData, StoreData, SuccessorData,
    SuccessorState, Tips, WalData, WalFile,
};

use crate::config::Failover;
use crate::http::Http;
use crate::http::read::Wanted;
use crate::http::refusal::{read_code, write_code};
use crate::supervisor::progress_of;
use crate::view::View;

/// A read without wishes, for the question whether reads are safe.
pub(super) const ANY_READ: Wanted = Wanted {
    at: None,
    min_commit: None,
    consistency: Some(aerodb_core::decision::read::Consistency::Snapshot),
    deadline: std::time::Duration::ZERO,
};

impl Http {
    /// What an answer of this moment was taken from.
    pub(super) fn observed(&self) -> ObservedAt {
        let view = self.shared.view.load();
        ObservedAt {
            cluster_id: Some(self.shared.identity.cluster),
            node_id: self.shared.identity.node_id.clone(),
            epoch: Some(view.authority.epoch()),
            commit_id: self.shared.acks.bounds().acknowledged,
            ledger_seq: Some(view.authority.head().seq),
            snapshot: Snapshot::Live,
        }
    }

    /// Whether writes are admitted here now.
    pub(super) fn write_refusal(&self, view: &View) -> Option<Refusal> {
        let refused = view.write.admit(&self.shared.write_live()).err();
        refused.map(|(refusal, rule)| Refusal { code: write_code(refusal), rule: Some(rule) })
    }

    /// Whether reads of an acknowledged boundary are safe here now.
    pub(super) fn read_refusal(&self, view: &View) -> Option<Refusal> {
        let refused = self.read_facts(view, ANY_READ, None).admit().err();
        refused.map(|(refusal, rule)| Refusal { code: read_code(refusal), rule: Some(rule) })
    }

    pub(super) fn authority_data(&self, view: &View) -> AuthorityData {
        let authority = &view.authority;
        let refusal = self.write_refusal(view);
        AuthorityData {
            epoch: Some(authority.epoch()),
            holder: Some(authority.holder().clone()),
            status: Some(match authority.tenure() {
                Tenure::Held => AuthorityStatus::Held,
                Tenure::Relinquished { .. } => AuthorityStatus::Relinquished,
            }),
            successor: match (authority.succession(), authority.tenure()) {
                (Some(heir), _) => Some(self.successor(view, heir)),
                // The heir by relinquishment alone: nothing was owed to it, so no receipt was asked for.
                (None, Tenure::Relinquished { successor, .. }) => Some(SuccessorData {
                    node_id: successor.clone(),
                    state: SuccessorState::Designated,
                    effective: None,
                }),
                (None, Tenure::Held) => None,
            },
            durability: Some(authority.durability()),
            writable_here: refusal.is_none(),
            refusal,
        }
    }

    /// On the holder a designation is effective once a receipt covers it. On any other node it is: an entry
    /// is served to others only when it is covered, and the heir's own ledger is what covers it.
    pub(super) fn successor(&self, view: &View, heir: &Succession) -> SuccessorData {
        let here = &self.shared.identity.node_id;
        let covered = |entry| self.shared.acks.ledger_receipt().is_some_and(|seq| seq >= entry);
        let (state, effective) = match heir {
            Succession::Designated { entry, .. } => {
                let effective = view.authority.holder() != here || covered(entry.seq);
                let state =
                    if effective { SuccessorState::Effective } else { SuccessorState::Designated };
                (state, effective)
            }
            Succession::Releasing { .. } => (SuccessorState::Releasing, true),
        };
        SuccessorData { node_id: heir.successor().clone(), state, effective: Some(effective) }
    }

    pub(super) fn tips(&self) -> Tips {
        let bounds = self.shared.acks.bounds();
        Tips {
            wal_tip: Some(self.shared.wal.durable_end()),
            wal_durable: Some(self.shared.progress().received),
            acknowledged: bounds.acknowledged,
            applied: Some(bounds.durable),
        }
    }

    pub(super) fn status_data(&self) -> StatusData {
        let view = self.shared.view.load();
        let usage = self.shared.store.usage();
        let read = self.read_refusal(&view);
        let authority = self.authority_data(&view);
        StatusData {
            node_id: self.shared.identity.node_id.clone(),
            cluster_name: Some(view.authority.cluster_name().clone()),
            lifecycle: lifecycle(self.shared.machines.lifecycle.get()),
            role: view.role.role_name(),
            tips: self.tips(),
            durability: authority.durability,
            writable: authority.writable_here,
            read_safety: ReadSafetyData {
                safe: read.is_none(),
                code: read.as_ref().map(|refusal| refusal.code),
                rule: read.as_ref().and_then(|refusal| refusal.rule),
            },
            enabled: EnabledData {
                replication: view.upstream.is_some() || view.authority.members().count() > 1,
                failover: self.shared.failover == Failover::Enabled,
                group_commit: self.shared.group_commit,
            },
            halt: view.latch.cause().map(|failure| HaltData {
                rule: failure.rule,
                evidence: serde_json::from_str(&failure.evidence).unwrap_or_default(),
            }),
            store: StoreData {
                keys: usage.keys,
                versions: usage.versions,
                bytes: usage.bytes,
                bytes_max: view.write.store_bytes_max,
            },
            upstream: view.upstream.clone(),
            bootstrap_required: view.bootstrap_required,
            state_digest: None,
            authority,
        }
    }

    pub(super) fn member_views(&self) -> Vec<MemberView> {
        let view = self.shared.view.load();
        let seen = |(member, membership): (&aerodb_core::authority::Member, _)| MemberView {
            member: member.clone(),
            membership,
        };
        view.authority.members().map(seen).collect()
    }

    pub(super) fn replication_data(&self) -> ReplicationData {
        let view = self.shared.view.load();
        let (bounds, role) = (self.shared.acks.bounds(), view.role.role_name());
        let replica = role == RoleName::ReplicaActive;
        let upstream_tip = *self.shared.upstream_tip.borrow();
        let primary =
            if role == RoleName::PrimaryActive { Some(bounds.durable) } else { upstream_tip };
        let progress = self.shared.progress();
        let read = self.read_refusal(&view);
        ReplicationData {
            role: match role {
                RoleName::PrimaryActive | RoleName::PrimarySealed => Some(ReplicationRole::Primary),
                RoleName::ReplicaActive => Some(ReplicationRole::Replica),
                RoleName::Uninitialized | RoleName::ReplicationHalted => None,
            },
            // A halted pipeline stays where it stopped.
            replica_state: (replica || role == RoleName::ReplicationHalted).then(|| {
                use aerodb_core::machine::Machine as _;
                self.shared.machines.pipeline.get().name().to_owned()
            }),
            replica_commit_id: bounds.acknowledged.filter(|_| replica),
            primary_commit_id: primary,
            wal_received_offset: Some(progress.received),
            wal_validated_offset: Some(progress.validated),
            wal_applied_offset: Some(progress.applied),
            wal_prefix: self.shared.wal.batch_end_at(bounds.durable).ok().flatten(),
            snapshot_bootstrap_state: progress_of(&self.shared.machines.bootstrap.get()),
            bootstrap_required: view.bootstrap_required,
            bootstrap: self.bootstrap_data(),
            read_safety: if read.is_none() { ReadSafety::Safe } else { ReadSafety::Unsafe },
            blocking_reason: self.blocking_reason(&view, read.as_ref()),
            authority_epoch: Some(view.authority.epoch()),
            authority_holder: Some(view.authority.holder().clone()),
            lag: self.lag(role),
            upstream: view.upstream.clone(),
            peers: self.peers(),
        }
    }

    fn bootstrap_data(&self) -> Option<BootstrapData> {
        use aerodb_core::machine::Machine as _;
        let transfer = self.shared.bootstrap.get()?;
        Some(BootstrapData {
            state: self.shared.machines.bootstrap.get().name().to_owned(),
            cut_commit_id: transfer.of.map(|(cut, _)| cut),
            bytes_received: transfer.bytes,
            bytes_total: transfer.of.map(|(_, bytes)| bytes),
            chunks_received: transfer.chunks(),
            chunks_total: transfer.chunks_total(),
            rule: transfer.rule,
            failure: transfer.failure,
        })
    }

    /// The last decision on a snapshot that this node received, made again from its record.
    pub(super) fn bootstrap_explanation(&self) -> Option<Explanation> {
        let entries = self.shared.decision_entries.after(None, usize::MAX);
        entries.iter().rev().find_map(|stored| match &stored.entry.entry.body {
            DecisionBody::BootstrapDecided { decision, .. } => Some(explain(&decision.facts)),
            _ => None,
        })
    }

    fn blocking_reason(&self, view: &View, read: Option<&Refusal>) -> Option<String> {
        let halted = view.latch.cause().map(|failure| format!("halted: {}", failure.rule));
        let detached = view.detached.as_ref().map(|why| format!("disconnected: {why}"));
        halted.or(detached).or_else(|| read.map(|refusal| refusal.code.to_string()))
    }

    /// Commits that the upstream told of and this replica does not have; `None` where it is unknown, also
    /// while the replica is not pulling.
    pub(super) fn lag(&self, role: RoleName) -> Option<u64> {
        let attached = self.shared.view.load().detached.is_none();
        let tip = (*self.shared.upstream_tip.borrow())
            .filter(|_| role == RoleName::ReplicaActive && attached)?;
        Some(tip.get().saturating_sub(self.shared.acks.bounds().durable.get()))
    }

    fn peers(&self) -> Vec<PeerData> {
        let peer = |peer: crate::replication::PeerState| PeerData {
            node_id: peer.node_id,
            attached: peer.attached,
            receipt_commit_id: peer.position,
            ledger_seq: peer.ledger,
        };
        self.shared.peers.list().into_iter().map(peer).collect()
    }

    pub(super) fn wal_data(&self) -> WalData {
        let view = self.shared.view.load();
        let (progress, segments) = (self.shared.progress(), self.shared.wal.segments());
        let received = progress.received;
        let last = segments.last().map(|segment| segment.used_bytes);
        WalData {
            tip: self.shared.wal.batch_end_at(received).ok().flatten(),
            append_offset: last,
            last_durable_offset: last,
            files: segments
                .into_iter()
                .map(|segment| WalFile {
                    name: format!("{:016}.seg", segment.number),
                    first_commit_id: CommitId::new(segment.first_commit),
                    bytes: segment.used_bytes,
                })
                .collect(),
            checksum_status: checksum_status(&view.latch, &progress).to_owned(),
            truncation_point: self.shared.wal.start().map(|start| start.position.boundary),
            received: Some(received),
            validated: Some(progress.validated),
            applied: Some(progress.applied),
            gaps: view.latch.failures().filter_map(gap).collect(),
            failures: view.latch.failures().map(aerodb_core::explain_value).collect(),
        }
    }

    pub(super) fn mvcc_data(&self) -> MvccData {
        let view = self.shared.view.load();
        let bounds = self.shared.acks.bounds();
        let replica = view.role.role_name() == RoleName::ReplicaActive;
        let (floor, views) = (self.shared.store.oldest_retained(), self.shared.store.views());
        MvccData {
            oldest_retained_commit_id: Some(floor),
            latest_commit_id: bounds.acknowledged,
            active_snapshots: ActiveSnapshots {
                count: views.iter().map(|view| view.count).sum(),
                commit_ids: views.iter().map(|view| view.at).collect(),
            },
            gc_watermark: Some(floor),
            replica_commit_id: bounds.acknowledged.filter(|_| replica),
            reads_blocked: self.read_refusal(&view).is_some(),
        }
    }

    /// The epochs so far, with what each was granted on.
    pub(super) fn epochs(&self) -> Vec<HistoryEntry> {
        let view = self.shared.view.load();
        let basis = |start: &aerodb_core::authority::EpochStart| {
            let granted = self.shared.authority_entries.entry(start.granted_by.seq);
            granted.map_or("unknown", |stored| match &stored.entry.entry.body {
                EntryBody::AuthorityGranted(grant) => grant.basis.as_str(),
                EntryBody::Genesis(_) => "genesis",
                EntryBody::MemberAdmitted { .. }
                | EntryBody::MemberRemoved { .. }
                | EntryBody::SuccessorDesignated { .. }
                | EntryBody::SuccessorReleased { .. }
                | EntryBody::ObligationEnded { .. }
                | EntryBody::AuthorityRelinquished { .. } => "unknown",
            })
        };
        let entry = |start: &aerodb_core::authority::EpochStart| HistoryEntry {
            epoch: start.epoch,
            start_commit_id: start.start.boundary,
            basis: basis(start).to_owned(),
            holder: start.holder.clone(),
        };
        view.authority.epochs().iter().map(entry).collect()
    }
}

/// What is known of the bytes in the log.
fn checksum_status(latch: &Latch, progress: &Progress) -> &'static str {
    let damaged = latch.failures().any(|failure| failure.rule == RuleId::FV1);
    match (progress.received > progress.validated, damaged) {
        (false, _) => "verified",
        (true, false) => "unvalidated",
        (true, true) => "damaged",
    }
}

/// The range that a latched failure says was missing, if it is about a gap.
fn gap(failure: &Failure) -> Option<CommitRange> {
    let evidence = serde_json::from_str(&failure.evidence).ok()?;
    let (first_commit_id, last_commit_id) = missing_by(&evidence)?;
    Some(CommitRange { first_commit_id, last_commit_id })
}

const fn lifecycle(lifecycle: aerodb_core::machine::Lifecycle) -> Lifecycle {
    use aerodb_core::machine::Lifecycle as L;
    match lifecycle {
        L::Uninitialized | L::Initializing => Lifecycle::Booting,
        L::Recovering | L::Verifying => Lifecycle::Recovering,
        L::Serving | L::StartedHalted => Lifecycle::Running,
        L::ShuttingDown | L::Terminated => Lifecycle::Stopping,
    }
}
