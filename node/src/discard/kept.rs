//! The logs that are kept: written beside the old ones, and put in their places.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aerodb_ledger::authority::AuthorityLedger;
use aerodb_ledger::disk::{Disk, DiskError, is_dir, remove_tree};
use aerodb_ledger::log::{LogOptions, Prepare};
use aerodb_ledger::wal::{Wal, WalPlace, scan_read_only};
use aerodb_ledger::{Fault, LedgerPlace, OpenError};

use crate::directory::{DataDir, block_under};
use crate::discard::DiscardError;
use crate::discard::found::Found;
use crate::witness::frame;

/// The most bytes of batches that are written as one frame.
const FRAME_BYTES: usize = 1 << 20;

/// Where the log that is kept lies until it takes the other one's place.
pub(super) const KEPT: &str = "wal.kept";

/// The same for the authority ledger.
const KEPT_LEDGER: &str = "authority.ledger.kept";

/// Writes the authority ledger that is kept beside the old one, if it is another one; gives its last frame.
pub(super) fn keep_ledger(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    found: &Found,
) -> Result<Option<u64>, DiscardError> {
    let kept_dir = dir.path().join(KEPT_LEDGER);
    if is_dir(&**disk, &kept_dir)? {
        // What was cut off before step 4 was never used, and must not be by a later discarding.
        remove_tree(&**disk, &kept_dir)?;
        disk.sync_dir(dir.path())?;
    }
    let Some(cut) = &found.cut else { return Ok(None) };
    let options = LogOptions::new(dir.ledger_options().segment_bytes(), Prepare::OnDemand)?
        .with_block(block_under(dir, &**disk))?;
    let place = LedgerPlace { disk: Arc::clone(disk), dir: &kept_dir, options, owner: found.owner };
    let ledger = AuthorityLedger::create_again(&place, cut.kept.clone())
        .map_err(|error| DiscardError::Ledger(error.to_string()))?;
    Ok(Some(ledger.last_frame_seq()))
}

/// Writes the WAL that is kept beside the old one; gives its last frame.
pub(super) fn keep(
    kept_dir: &Path,
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    found: &Found,
) -> Result<u64, DiscardError> {
    if is_dir(&**disk, kept_dir)? {
        // Step 1 was cut off, or what followed it; what it wrote was never used.
        remove_tree(&**disk, kept_dir)?;
    }
    let options = LogOptions::new(dir.wal_options().segment_bytes(), Prepare::OnDemand)?
        .with_block(block_under(dir, &**disk))?;
    let place = WalPlace { disk: Arc::clone(disk), dir: kept_dir, options, owner: found.owner };
    let checkpoint = found.checkpoint.as_ref();
    let mut wal = match checkpoint {
        // What the checkpoint let go of stays gone: the WAL that is kept begins where it says.
        Some(marker) => Wal::create_after(&place, marker)?,
        None => Wal::create(&place)?,
    };
    let (mut batches, mut bytes) = (Vec::new(), 0);
    let end = found.standing.tip.boundary;
    scan_read_only(
        &**disk,
        &dir.wal(),
        Some(&found.owner),
        checkpoint,
        frame(found.identity.stamp.wal_frame),
        &mut |raw| {
            let within = raw.claimed_range().is_some_and(|(_, last)| end.covers(last));
            if within {
                bytes += raw.bytes().len();
                batches.push(raw);
            }
            if bytes > FRAME_BYTES {
                wal.append(&std::mem::take(&mut batches))?;
                bytes = 0;
            }
            Ok(())
        },
    )
    .map_err(|error: OpenError<Fault>| match error {
        OpenError::Fault(fault) | OpenError::Refused(fault) => fault,
    })?;
    if !batches.is_empty() {
        wal.append(&batches)?;
    }
    Ok(wal.last_frame_seq())
}

/// A rename that is durable in the directory that it leads to.
pub(super) fn put(disk: &Arc<dyn Disk>, from: &Path, to: &Path) -> Result<(), DiskError> {
    disk.rename(from, to)?;
    disk.sync_dir(to.parent().unwrap_or_else(|| Path::new(".")))
}

/// Step 5, where a ledger is kept: the one in force goes aside, unless it has gone already.
pub(super) fn put_ledger(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    number: &str,
) -> Result<(), DiskError> {
    let (kept, place) = (dir.path().join(KEPT_LEDGER), dir.authority_ledger());
    if !is_dir(&**disk, &kept)? {
        return Ok(());
    }
    if is_dir(&**disk, &place)? {
        put(disk, &place, &vacant(dir, disk, &format!("authority-{number}"))?)?;
        disk.sync_dir(dir.path())?;
    }
    put(disk, &kept, &place)
}

/// A name in quarantine that nothing has. The plain one is taken where a power loss kept the new name of a rename
/// and the old one too.
fn vacant(dir: &DataDir, disk: &Arc<dyn Disk>, name: &str) -> Result<PathBuf, DiskError> {
    let mut path = dir.quarantine().join(name);
    for again in 2.. {
        if !is_dir(&**disk, &path)? {
            break;
        }
        path = dir.quarantine().join(format!("{name}-{again}"));
    }
    Ok(path)
}

/// The number in the name of the WAL that was set aside last.
pub(super) fn last_number(dir: &DataDir, disk: &Arc<dyn Disk>) -> Result<String, DiskError> {
    let names = disk.list(&dir.quarantine())?;
    let numbers = names.iter().filter_map(|name| name.strip_prefix("wal-"));
    Ok(numbers.max().unwrap_or_default().to_owned())
}
