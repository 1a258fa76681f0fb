//! The steps of a discarding, in order; see the head of the module.

use std::sync::Arc;

use aerodb_core::decision::record::{DecisionBody, RequestRef};
use aerodb_core::id::Seq;
use aerodb_core::rules::RuleId;
use aerodb_http_api::types::Discarded;
use aerodb_ledger::crash::{self, Point};
use aerodb_ledger::disk::Disk;

use crate::directory::DataDir;
use crate::discard::DiscardError;
use crate::discard::found::Found;
use crate::discard::kept::{KEPT, keep, keep_ledger, put, put_ledger};
use crate::identity::{IdentityFile, Stamp};

/// What an opened decision ledger does for a discarding: the entry is durable, these are its number and the
/// ledger's last frame.
#[derive(Debug)]
pub struct Recorded {
    /// The entry.
    pub seq: Seq,
    /// The last frame after it.
    pub frame: u64,
}

impl Found {
    /// Steps 1 to 6. Recorded are the failure that this clears and the operator's name for the request. `next` is
    /// the number that the entry will have, which names the quarantined logs. Gives the
    /// identity with its new stamp too: a process that serves the directory must not write an older one.
    ///
    /// # Errors
    /// [`DiscardError`]; run again, it goes on where it was.
    pub fn set_aside(
        self,
        dir: &DataDir,
        disk: &Arc<dyn Disk>,
        (cleared, request): (Option<RuleId>, Option<RequestRef>),
        next: Option<Seq>,
        record: impl FnOnce(DecisionBody) -> Result<Recorded, DiscardError>,
    ) -> Result<(Discarded, IdentityFile), DiscardError> {
        let kept_dir = dir.path().join(KEPT);
        let wal_frame = keep(&kept_dir, dir, disk, &self)?;
        let authority_frame = keep_ledger(dir, disk, &self)?;
        crash::reached(Point::DiscardKept);
        let number = format!("{:016}", next.map_or(0, Seq::get));
        let name = format!("wal-{number}");
        let mut discarded = self.listed(cleared);
        let Recorded { seq, frame } = record(DecisionBody::SuffixDiscarded {
            cleared,
            kept: discarded.kept,
            discarded: discarded.discarded,
            quarantine: name.clone(),
            commits_total: discarded.commits_total,
            entries_total: discarded.entries_total,
            entries: discarded.entries.clone(),
            request,
        })?;
        crash::reached(Point::DiscardRecorded);
        let mut stamp = Stamp { wal_frame, decision_frame: frame, ..self.identity.stamp };
        stamp.authority_frame = authority_frame.unwrap_or(stamp.authority_frame);
        let identity = self.identity.restamped(stamp).write(&**disk, dir.path())?;
        crash::reached(Point::DiscardStamped);
        put(disk, &dir.wal(), &dir.quarantine().join(&name))?;
        disk.sync_dir(dir.path())?;
        crash::reached(Point::DiscardAside);
        put_ledger(dir, disk, &number)?;
        put(disk, &kept_dir, &dir.wal())?;
        discarded.seq = Some(seq);
        discarded.quarantine = Some(name);
        Ok((discarded, identity))
    }
}
