//! What opening for writing does after the whole log has been read and found sound, and before
//! anything of it is acted on.
//!
//! 1. A torn tail is copied into quarantine (file and directory fsynced).
//! 2. It is overwritten with zeros, and these are fsynced.
//! 3. The last whole frame, unless a witness shows that it was durable, is written again as it is: that
//!    it could be read proves nothing about the device.
//! 4. Its segment is fsynced in any case, file and directory: that zeros are read after it proves
//!    nothing about the device either. They may be those of a process that died within step 2, and the
//!    next frame must not come to lie over sectors that may return.
//!
//! A crash between or within any of these leaves a log on which the same steps run again: the copy
//! has a name made of its content, a partly zeroed tail is a tail, and a frame that is written over
//! itself does not change.
//!
//! Keeps: F-P1, P3-G1, P3-T7, P3-D5.

use std::path::{Path, PathBuf};

use aerodb_core::hash::Hash;

use crate::crash::{self, Point};
use crate::disk::{self, Access, Disk, DiskError};
use crate::log::scan::{LastFrame, Tail};
use crate::log::segment::path_of;
use crate::log::{LogKind, Recovery, RewrittenFrame, ScannedLog, UnprovenTail, Witness};

impl ScannedLog {
    /// What reading alone found.
    pub(crate) fn recovery(&self, dir: &Path, kind: LogKind) -> Recovery {
        Recovery {
            log: kind,
            segments: self.segments.len() as u64,
            leftover_segments: self.leftover.clone(),
            frames: self.frames,
            first_record: self.first_record,
            last_record: self.last_record,
            bytes: self.bytes,
            last_frame_seq: self.last_frame.as_ref().map(|frame| frame.seq),
            unproven_tail: self.tail.as_ref().map(|tail| UnprovenTail {
                file: path_of(dir, tail.segment),
                offset: tail.offset,
                bytes: tail.bytes.len() as u64,
                frame_seq: self.last_seq() + 1,
                quarantined_to: None,
            }),
            rewritten_frame: None,
            trailer_missing: self.trailer_missing(kind),
        }
    }

    fn is_witnessed(&self, last: &LastFrame, kind: LogKind, witness: Witness) -> bool {
        // A record that was seen proves the frame that holds it, but not the trailer after that.
        let by_record = match kind {
            LogKind::Wal => witness.record.is_some() && witness.record >= self.last_record,
            LogKind::Authority | LogKind::Decision => false,
        };
        by_record || witness.frame_seq.is_some_and(|seq| seq >= last.seq)
    }
}

/// Runs the steps above and says what was done.
pub(crate) fn repair(
    disk: &dyn Disk,
    dir: &Path,
    kind: LogKind,
    log: &ScannedLog,
    witness: Witness,
    quarantine: &Path,
) -> Result<Recovery, DiskError> {
    let mut recovery = log.recovery(dir, kind);
    if let (Some(tail), Some(told)) = (&log.tail, &mut recovery.unproven_tail) {
        told.quarantined_to = Some(keep(disk, quarantine, kind, tail, told.frame_seq)?);
        overwrite(disk, dir, tail.segment, tail.offset, &vec![0; tail.bytes.len()])?;
    }
    match &log.last_frame {
        Some(last) if log.is_witnessed(last, kind, witness) => {
            sync(disk, dir, last.place.segment)?;
        }
        Some(last) => {
            overwrite(disk, dir, last.place.segment, last.place.offset, &last.bytes)?;
            recovery.rewritten_frame = Some(RewrittenFrame {
                file: path_of(dir, last.place.segment),
                offset: last.place.offset,
                bytes: last.place.bytes,
                frame_seq: last.seq,
            });
        }
        None => {}
    }
    Ok(recovery)
}

/// Copies the tail's bytes into the quarantine directory; the same bytes always have the same name.
fn keep(
    disk: &dyn Disk,
    quarantine: &Path,
    kind: LogKind,
    tail: &Tail,
    seq: u64,
) -> Result<PathBuf, DiskError> {
    let digest = Hash::of("aerodb 2026 quarantined tail", &[&tail.bytes]).to_string();
    let (segment, offset, digest) = (tail.segment, tail.offset, &digest[..16]);
    let name = format!("{}-frame-{seq}-{segment:016}-{offset}-{digest}.tail", kind.as_str());
    let path = quarantine.join(name);
    disk::create_dir(disk, quarantine)?;
    disk::replace_file(disk, &path, &tail.bytes)?;
    Ok(path)
}

fn overwrite(
    disk: &dyn Disk,
    dir: &Path,
    segment: u64,
    offset: u64,
    bytes: &[u8],
) -> Result<(), DiskError> {
    let file = disk.open(&path_of(dir, segment), Access::ReadWrite)?;
    if let Err(error) = crash::write_at(Point::RecOverwrite, &*file, offset, bytes) {
        // Cut within a sector it would be damage to the next opening. The failure is told all the same.
        drop(file.write_at(offset, bytes).and_then(|()| file.sync_data()));
        return Err(error);
    }
    crash::sync_data(Point::RecOverwriteFsync, &file)?;
    disk.sync_dir(dir)
}

fn sync(disk: &dyn Disk, dir: &Path, segment: u64) -> Result<(), DiskError> {
    disk.open(&path_of(dir, segment), Access::ReadWrite)?.sync_data()?;
    disk.sync_dir(dir)
}
