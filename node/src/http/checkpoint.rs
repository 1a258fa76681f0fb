//! Checkpoints and snapshots on the wire.

use aerodb_core::explain::{Explanation, Remedy, explain};
use aerodb_core::id::{Boundary, CommitId};
use aerodb_core::machine::{Checkpoint as Machine, Machine as _};
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::port::Call;
use aerodb_http_api::problem::Problem;
use aerodb_http_api::types::{
    ActiveSnapshot, CheckpointRequest, CheckpointTaken, CheckpointView, CheckpointsData,
    CommitRange, SnapshotFile, SnapshotSource, SnapshotsData,
};

use crate::checkpoint::{CheckpointError, Cut, Taken, checkpoint_facts};
use crate::http::Http;
use crate::open::Standing;
use crate::store::ViewSource;

impl Http {
    pub(super) async fn do_take_checkpoint(
        &self,
        request: CheckpointRequest,
        call: Call,
    ) -> Result<CheckpointTaken, Problem> {
        let asked = self.annotation(&call, request.reason);
        tracing::info!(operator = %asked.operator, reason = %asked.reason, "a checkpoint is asked for");
        let _recorded = self.supervisor.checkpoint_asked(asked).await?;
        // It goes on to its end whatever becomes of the caller.
        let handle = self.shared.checkpoints.clone();
        let taking = tokio::spawn(async move { handle.take().await });
        let taken = tokio::select! {
            biased;
            taken = tokio::time::timeout(call.deadline, taking) => taken.ok(),
            () = self.shared.stopped() => None,
        };
        match taken {
            Some(Ok(Ok(taken))) => Ok(done(&taken)),
            Some(Ok(Err(error))) => Err(refused(&error)),
            Some(Err(_)) => Err(refused(&CheckpointError::Stopping)),
            None => Ok(CheckpointTaken {
                complete: false,
                checkpoint: None,
                unchanged: false,
                segments_removed: 0,
                snapshots_removed: 0,
            }),
        }
    }

    pub(super) fn checkpoints_data(&self) -> CheckpointsData {
        let machine = self.shared.machines.checkpoint.get();
        CheckpointsData {
            last_completed: self.shared.shelf.standing().as_ref().map(view_of),
            pending_commit_id: pending(&machine),
            pending_state: pending(&machine).map(|_| machine.name().to_owned()),
            aborted: self.shared.shelf.aborted(),
            wal_bytes_between: self.shared.checkpoints.bytes_between(),
        }
    }

    pub(super) fn snapshots_data(&self) -> SnapshotsData {
        let active = |views: crate::store::OpenViews| ActiveSnapshot {
            commit_id: views.at,
            source: match views.source {
                ViewSource::User => SnapshotSource::User,
                ViewSource::Internal => SnapshotSource::Internal,
                ViewSource::Recovery => SnapshotSource::Recovery,
            },
            count: views.count,
        };
        let in_force = self.shared.shelf.standing().map(|standing| standing.marker.position);
        let file = |(standing, pulled_by): (Standing, u64)| SnapshotFile {
            in_force: Some(standing.marker.position) == in_force,
            commit_id: standing.marker.position.boundary,
            manifest: standing.marker.snapshot,
            bytes: standing.manifest.file_bytes(),
            keys: standing.manifest.keys,
            versions: standing.manifest.versions,
            oldest_retained_commit_id: standing.manifest.facts.oldest_retained,
            pulled_by,
        };
        SnapshotsData {
            active: self.shared.store.views().into_iter().map(active).collect(),
            files: self.shared.shelf.files().into_iter().map(file).collect(),
        }
    }

    pub(super) fn checkpoint_explanation(&self) -> Explanation {
        let standing = self.shared.shelf.standing();
        let authority = self.shared.view.load().authority.clone();
        let cut = Cut { acknowledged: self.shared.acks.bounds().acknowledged, authority };
        let named = standing.as_ref().map(|it| (&it.marker, &it.manifest));
        let wal_end = self.shared.wal.durable_end();
        explain(&checkpoint_facts(&self.shared.identity, named, &cut, wal_end))
    }
}

const fn pending(machine: &Machine) -> Option<Boundary> {
    match machine {
        Machine::Tentative { boundary }
        | Machine::Written { boundary }
        | Machine::SnapshotDurable { boundary }
        | Machine::Recorded { boundary }
        | Machine::Truncating { boundary } => Some(*boundary),
        Machine::Absent | Machine::Complete { .. } | Machine::Damaged { .. } => None,
    }
}

fn done(taken: &Taken) -> CheckpointTaken {
    CheckpointTaken {
        complete: true,
        checkpoint: Some(view_of(&taken.standing)),
        unchanged: taken.unchanged,
        segments_removed: taken.segments_removed as u64,
        snapshots_removed: taken.snapshots_removed as u64,
    }
}

fn view_of(Standing { marker, manifest }: &Standing) -> CheckpointView {
    let last = CommitId::new(marker.position.boundary.get());
    CheckpointView {
        commit_id: marker.position.boundary,
        position: marker.position,
        epoch: marker.epoch,
        ledger: marker.ledger,
        designation: marker.designation,
        snapshot: marker.snapshot,
        snapshot_bytes: manifest.file_bytes(),
        keys: manifest.keys,
        versions: manifest.versions,
        oldest_retained_commit_id: manifest.facts.oldest_retained,
        durability: "durable".to_owned(),
        wal_covered: last
            .map(|last| CommitRange { first_commit_id: CommitId::FIRST, last_commit_id: last }),
        wal_kept_from: marker.wal_start.position,
    }
}

fn refused(error: &CheckpointError) -> Problem {
    let plain = |code| Problem::new(code, error.to_string());
    let look = |rule, action, path| vec![Remedy::look(rule, action, None, path)];
    match error {
        CheckpointError::Unknown => plain(Code::ReadUnsafe).rule(
            RuleId::Au12,
            look(
                RuleId::Au12,
                "see whether the successor is pulling; aerodb resume on it lets it",
                "/v1/replication",
            ),
        ),
        CheckpointError::Stopping => plain(Code::Recovering),
        CheckpointError::Unsafe(explanation) => {
            let rule = explanation.first_failed().unwrap_or(RuleId::Mvs1);
            let remedies = look(rule, "see what the checkpoint would stand on", "/v1/checkpoints");
            plain(Code::CommandRefused).explained(explanation, remedies)
        }
        CheckpointError::NotHere
        | CheckpointError::Nothing
        | CheckpointError::NoBatchEnd { .. }
        | CheckpointError::NotRetained { .. } => {
            let action = "see how far the history is acknowledged and applied here";
            let remedies = look(RuleId::Mvs1, action, "/v1/status");
            plain(Code::CommandRefused).rule(RuleId::Mvs1, remedies)
        }
        CheckpointError::Snapshot(_) | CheckpointError::Fault(_) | CheckpointError::Disk(_) => {
            let code = if error.is_no_space() { Code::NoSpace } else { Code::WalPoisoned };
            let action = "see what the disk has left, and the log of the node; then ask again";
            plain(code).rule(RuleId::P3D9, look(RuleId::P3D9, action, "/v1/checkpoints"))
        }
    }
}
