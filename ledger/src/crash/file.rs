//! The places on the way of a file that is replaced whole: which file it is says its name.

use std::path::Path;

use super::armed::{reached, write_at};
use super::{FileStep, Point};
use crate::disk::{DiskError, DiskFile};

/// The places of one file, in order.
struct Places {
    write: Option<Point>,
    fsync: Point,
    rename: Point,
    dir_fsync: Point,
}

const SNAPSHOT: Places = Places {
    // Written block by block, see the snapshot's writer.
    write: None,
    fsync: Point::SnapManifestFsync,
    rename: Point::SnapRename,
    dir_fsync: Point::SnapDirFsync,
};
const TAIL: Places = Places {
    write: Some(Point::RecTailWrite),
    fsync: Point::RecTailFsync,
    rename: Point::RecTailRename,
    dir_fsync: Point::RecTailDirFsync,
};
const IDENTITY: Places = Places {
    write: Some(Point::MetaWrite),
    fsync: Point::MetaFsync,
    rename: Point::MetaRename,
    dir_fsync: Point::MetaDirFsync,
};
const MARKER: Places = Places {
    write: Some(Point::CkptRecordWrite),
    fsync: Point::CkptRecordFsync,
    rename: Point::CkptRecordRename,
    dir_fsync: Point::CkptRecordDirFsync,
};
const WAL: Places = Places {
    write: Some(Point::WalCreateWrite),
    fsync: Point::WalCreateFsync,
    rename: Point::WalCreateRename,
    dir_fsync: Point::WalCreateDirFsync,
};
const LEDGER: Places = Places {
    write: Some(Point::LedgerCreateWrite),
    fsync: Point::LedgerCreateFsync,
    rename: Point::LedgerCreateRename,
    dir_fsync: Point::LedgerCreateDirFsync,
};

fn places_of(path: &Path) -> Option<Places> {
    let name = path.file_name()?.to_str()?;
    let dir = path.parent().and_then(|dir| dir.file_name()?.to_str());
    match (name, path.extension().and_then(|ending| ending.to_str()), dir) {
        ("identity", _, _) => Some(IDENTITY),
        ("checkpoint", _, _) => Some(MARKER),
        (_, Some("snapshot"), _) => Some(SNAPSHOT),
        (_, Some("tail"), _) => Some(TAIL),
        (_, Some("seg"), Some("wal")) => Some(WAL),
        (_, Some("seg"), Some("authority.ledger")) => Some(LEDGER),
        _ => None,
    }
}

/// The file is so far, or the directory.
pub(crate) fn came_to(step: FileStep, path: &Path) {
    if step == FileStep::DirFsync && path.file_name().is_some_and(|name| name == "snapshots") {
        return reached(Point::SnapParentFsync);
    }
    let Some(places) = places_of(path) else { return };
    reached(match step {
        FileStep::Fsync => places.fsync,
        FileStep::Rename => places.rename,
        FileStep::DirFsync => places.dir_fsync,
    });
}

/// Writes the start of the file.
pub(crate) fn write_file(path: &Path, file: &dyn DiskFile, bytes: &[u8]) -> Result<(), DiskError> {
    match places_of(path).and_then(|places| places.write) {
        Some(point) => write_at(point, file, 0, bytes),
        None => file.write_at(0, bytes),
    }
}
