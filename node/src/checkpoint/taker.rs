//! The steps of one checkpoint, in the order of machine 4.9.

use std::path::PathBuf;
use std::sync::Arc;

use aerodb_core::authority::Authority;
use aerodb_core::decision::checkpoint::{
    CheckpointFacts, CheckpointRecord, CutByLedger, SnapshotMade,
};
use aerodb_core::explain::explain;
use aerodb_core::hash::PublicKey;
use aerodb_core::id::{Boundary, CommitId};
use aerodb_core::machine::{Checkpoint as Machine, CheckpointEvent};
use aerodb_core::position::Position;
use aerodb_ledger::Durable;
use aerodb_ledger::checkpoint::{Checkpoint, WalStart};
use aerodb_ledger::crash::{self, Point};
use aerodb_ledger::disk::{Disk, create_dir};
use aerodb_ledger::snapshot::{Manifest, Snapshot, SnapshotError, SnapshotFacts, SnapshotWriter};
use aerodb_ledger::wal::{Removal, WalReader};

use super::error::CheckpointError;
use super::shelf::Shelf;
use crate::journal::{Cell, Journal};
use crate::open::Standing;
use crate::store::{ReadView, Store, ViewSource};
use crate::view::Identity;

/// After so many versions the thread lets others have its processor: some tens of microseconds, as one that is woken
/// for a write waits for no longer, however the scheduler divides its time.
const VERSIONS_AT_A_TIME: usize = 32;

/// What a checkpoint is taken at.
#[derive(Debug, Clone)]
pub struct Cut {
    /// The acknowledged bound; `None` while unknown.
    pub acknowledged: Option<Boundary>,
    /// The durable authority ledger, folded.
    pub authority: Arc<Authority>,
}

/// Has the log's owner let go of what a durable marker no longer needs.
pub type LetGo<'a> = &'a mut dyn FnMut(&Durable<Checkpoint>) -> Result<Removal, CheckpointError>;

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The checkpoint in force.
    pub standing: Standing,
    /// Whether it was there already: nothing was acknowledged since.
    pub unchanged: bool,
    /// Segments of the log that were removed.
    pub segments_removed: usize,
    /// Snapshots, and leftovers of one, that were removed.
    pub snapshots_removed: usize,
}

/// What the steps work with.
#[derive(Debug)]
pub struct Taker {
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The data directory.
    pub data: PathBuf,
    /// Who this node is.
    pub identity: Identity,
    /// The versions of all keys.
    pub store: Store,
    /// The durable history.
    pub wal: WalReader,
    /// The snapshots.
    pub shelf: Arc<Shelf>,
    /// The machine of the checkpoint in force or in the making.
    pub machine: Arc<Cell<Machine>>,
    /// Where its steps are journalled.
    pub journal: Arc<Journal>,
}

impl Taker {
    /// Takes a checkpoint of everything that is acknowledged.
    ///
    /// # Errors
    /// [`CheckpointError`]; the one before, if there is one, is in force then, unless the disk failed: that
    /// is known after a restart.
    pub fn take(&self, cut: &Cut, let_go: LetGo<'_>) -> Result<Taken, CheckpointError> {
        crash::reached(Point::SnapBegin);
        let position = self.position(cut)?;
        if let Some(standing) = self.shelf.standing().filter(|it| it.marker.position == position) {
            // A crash may have left what the one before it should have taken along.
            let snapshots_removed = self.shelf.clean(&*self.disk)?;
            return Ok(Taken { standing, unchanged: true, segments_removed: 0, snapshots_removed });
        }
        let taken = self.take_at(position, cut, let_go);
        if let Err(error) = &taken {
            self.give_up();
            self.shelf.note(Err(error.to_string()));
        }
        taken
    }

    /// Where the acknowledged history ends.
    fn position(&self, cut: &Cut) -> Result<Position, CheckpointError> {
        let at = cut.acknowledged.ok_or(CheckpointError::Unknown)?;
        if at == Boundary::ORIGIN {
            return Err(CheckpointError::Nothing);
        }
        self.wal.batch_end_at(at)?.ok_or(CheckpointError::NoBatchEnd { at })
    }

    fn take_at(
        &self,
        position: Position,
        cut: &Cut,
        let_go: LetGo<'_>,
    ) -> Result<Taken, CheckpointError> {
        let at = position.boundary;
        // It keeps all that is readable now, so that the snapshot is of one moment although writes go on.
        let view = self.store.view_with_history(at, ViewSource::Internal);
        let view = view.ok_or(CheckpointError::NotRetained { at })?;
        create_dir(&*self.disk, self.shelf.dir())?;
        let leftovers = self.shelf.clean(&*self.disk)?;

        self.machine.renew(Machine::Absent);
        self.step(&CheckpointEvent::Begun { boundary: at });
        let snapshot = self.write_snapshot(&view, position, cut)?;
        drop(view);
        let marker = self.record(&snapshot, cut)?;
        let standing = Standing { marker: (*marker).clone(), manifest: snapshot.manifest };
        self.shelf.note(Ok(standing.clone()));
        let segments_removed = self.truncate(&marker, let_go)?;
        let snapshots_removed = leftovers + self.shelf.clean(&*self.disk)?;
        Ok(Taken { standing, unchanged: false, segments_removed, snapshots_removed })
    }

    fn write_snapshot(
        &self,
        view: &ReadView,
        position: Position,
        cut: &Cut,
    ) -> Result<Durable<Snapshot>, CheckpointError> {
        let facts = self.facts(view, position, &cut.authority)?;
        let disk = Arc::clone(&self.disk);
        let log = Arc::clone(self.wal.pulse());
        let mut writer = SnapshotWriter::create(disk, self.shelf.dir(), facts)?.beside(log);
        push_retained(&mut writer, view)?;
        self.step(&CheckpointEvent::Written);
        let snapshot = writer.finish()?;
        self.step(&CheckpointEvent::Synced);
        crash::reached(Point::CkptAfterSnapshot);
        Ok(snapshot)
    }

    fn facts(
        &self,
        view: &ReadView,
        position: Position,
        authority: &Authority,
    ) -> Result<SnapshotFacts, CheckpointError> {
        let cut = CutByLedger::of(authority, position.boundary).ok_or(CheckpointError::Nothing)?;
        Ok(SnapshotFacts {
            cluster: self.identity.cluster,
            position,
            epoch: cut.epoch,
            ledger: cut.ledger,
            oldest_retained: view.needs(),
            designation: cut.designation,
        })
    }

    /// Writes the marker, if it is safe to rely on.
    fn record(
        &self,
        snapshot: &Durable<Snapshot>,
        cut: &Cut,
    ) -> Result<Durable<Checkpoint>, CheckpointError> {
        let manifest = &snapshot.manifest;
        let facts = &manifest.facts;
        let at = facts.position.boundary;
        // Who pulls an older snapshot needs the log from there on.
        let kept = self.shelf.oldest_pulled().map_or(at, |pulled| pulled.min(at));
        let start = self.wal.start_keeping(kept).ok_or(CheckpointError::NoBatchEnd { at })?;
        let marker = self.marker(manifest, start);
        let judged = explain(&checkpoint_facts(
            &self.identity,
            Some((&marker, manifest)),
            cut,
            self.wal.durable_end(),
        ));
        if !judged.holds() {
            return Err(CheckpointError::Unsafe(Box::new(judged)));
        }
        let marker = marker.write(&*self.disk, &self.data)?;
        self.step(&CheckpointEvent::Recorded);
        crash::reached(Point::CkptAfterRecord);
        Ok(marker)
    }

    fn marker(&self, manifest: &Manifest, wal_start: WalStart) -> Checkpoint {
        let owner: PublicKey = self.identity.public_key;
        Checkpoint {
            cluster: self.identity.cluster,
            owner,
            position: manifest.facts.position,
            epoch: manifest.facts.epoch,
            ledger: manifest.facts.ledger,
            designation: manifest.facts.designation,
            snapshot: manifest.hash(),
            wal_start,
        }
    }

    fn truncate(
        &self,
        marker: &Durable<Checkpoint>,
        let_go: LetGo<'_>,
    ) -> Result<usize, CheckpointError> {
        self.step(&CheckpointEvent::TruncationBegun);
        let removed = let_go(marker)?.carry_out()?;
        self.step(&CheckpointEvent::Truncated);
        crash::reached(Point::TruncAfter);
        Ok(removed)
    }

    fn step(&self, event: &CheckpointEvent) {
        self.machine.must_step(&self.journal, event);
    }

    /// What was not recorded is given up. A snapshot that is not whole takes no room any more; where that
    /// fails too, the next checkpoint removes it. A whole one stays until then:
    ///
    /// 1. the marker that names it is renamed into place, and the fsync of the directory fails
    /// 2. its snapshot is removed, because no record of it is known to be durable
    /// 3. the process ends, and the next one reads the marker
    fn give_up(&self) {
        let is_partial = match self.machine.get() {
            Machine::Tentative { .. } | Machine::Written { .. } => true,
            Machine::SnapshotDurable { .. } => false,
            Machine::Absent
            | Machine::Recorded { .. }
            | Machine::Truncating { .. }
            | Machine::Complete { .. }
            | Machine::Damaged { .. } => return,
        };
        self.step(&CheckpointEvent::Aborted);
        if is_partial && let Err(error) = self.shelf.clean(&*self.disk) {
            tracing::warn!(%error, "what a checkpoint has left is still there");
        }
    }
}

/// Writes everything that the view keeps readable.
///
/// # Errors
/// [`SnapshotError`].
pub fn push_retained(writer: &mut SnapshotWriter, view: &ReadView) -> Result<(), SnapshotError> {
    for (number, (key, commit, value)) in view.store().retained(view).enumerate() {
        if number.is_multiple_of(VERSIONS_AT_A_TIME) {
            std::thread::yield_now();
        }
        writer.push(&key, commit, value.as_deref())?;
        crash::reached(Point::SnapEnumerate);
    }
    Ok(())
}

/// The facts of `checkpoint.safety`, of a checkpoint that is about to be recorded or that stands.
#[must_use]
pub fn checkpoint_facts(
    identity: &Identity,
    checkpoint: Option<(&Checkpoint, &Manifest)>,
    cut: &Cut,
    wal_end: Boundary,
) -> CheckpointFacts {
    let last = |marker: &Checkpoint| CommitId::new(marker.position.boundary.get());
    let authority = &cut.authority;
    CheckpointFacts {
        cluster: identity.cluster,
        node: identity.node_id.clone(),
        record: checkpoint.map(|(marker, _)| record_of(marker)),
        snapshot: checkpoint.map(|(_, manifest)| made(manifest)),
        acknowledged: cut.acknowledged,
        wal_end,
        epoch_by_ledger: checkpoint
            .and_then(|(marker, _)| last(marker))
            .map(|commit| authority.epoch_at(commit)),
        ledger_known: checkpoint.is_some_and(|(marker, _)| authority.contains(&marker.ledger)),
    }
}

const fn record_of(marker: &Checkpoint) -> CheckpointRecord {
    CheckpointRecord {
        position: marker.position,
        epoch: marker.epoch,
        ledger: marker.ledger,
        designation: marker.designation,
        snapshot: marker.snapshot,
        wal_from: marker.wal_start.position,
    }
}

fn made(manifest: &Manifest) -> SnapshotMade {
    SnapshotMade {
        position: manifest.facts.position,
        epoch: manifest.facts.epoch,
        ledger: manifest.facts.ledger,
        oldest_retained: manifest.facts.oldest_retained,
        keys: manifest.keys,
        versions: manifest.versions,
        manifest: manifest.hash(),
    }
}
