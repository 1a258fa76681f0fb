//! Reading a ledger: from frames to entries, each admitted by the fold.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use aerodb_core::hash::PublicKey;
use aerodb_core::rules::RuleId;
use bytes::Bytes;

use crate::chronicle::{Entries, Fold, Stored};
use crate::disk::Disk;
use crate::fault::{Damage, Fault, OpenError};
use crate::log::{
    Frame, FrameKind, FramePlace, LogStart, RecordsHeader, Recovery, Scan, Witness, path_of,
};

/// Looks at each entry, in order, once the fold has admitted it.
type VisitEntry<'v, T, E> = &'v mut dyn FnMut(Stored<T>) -> Result<(), E>;

/// Reads a ledger entry by entry; nothing is written, and of the entries nothing is kept but what the fold
/// keeps.
pub(crate) fn read<F: Fold, E>(
    disk: &dyn Disk,
    dir: &Path,
    owner: Option<&PublicKey>,
    witness: Witness,
    mut fold: F,
    visit: VisitEntry<'_, F::Entry, E>,
) -> Result<(F, Recovery), OpenError<E>> {
    let scan = Scan { disk, dir, kind: F::KIND, owner, start: LogStart::ORIGIN, witness };
    let scanned = scan.run(&mut |at, frame| {
        let taken = take(&mut fold, dir, at, frame)?;
        taken.into_iter().try_for_each(&mut *visit).map_err(OpenError::Refused)
    })?;
    let recovery = scanned.recovery(dir, F::KIND);
    Ok((fold, recovery))
}

/// As [`read`], the entries kept in memory.
pub(crate) fn collect<F: Fold>(
    disk: &dyn Disk,
    dir: &Path,
    owner: Option<&PublicKey>,
    witness: Witness,
    fold: F,
) -> Result<(F, Entries<F::Entry>, Recovery), Fault> {
    let entries = Entries::new();
    let mut keep = |entry| {
        entries.extend([entry]);
        Ok(())
    };
    let (fold, recovery) =
        read(disk, dir, owner, witness, fold, &mut keep).map_err(never_refused)?;
    Ok((fold, entries, recovery))
}

/// Of a reader that refuses no entry other than by a fault.
pub(super) fn never_refused(error: OpenError<Infallible>) -> Fault {
    match error {
        OpenError::Fault(fault) => fault,
    }
}

pub(super) fn header_of<F: Fold>(first: &F::Entry, last: &F::Entry) -> RecordsHeader {
    RecordsHeader {
        first: F::head_of(first).seq.get(),
        last: F::head_of(last).seq.get(),
        epoch: 0,
        stamp: None,
        previous: F::previous_of(first).0,
    }
}

/// Admits the entries of one frame, and gives them on.
pub(super) fn take<F: Fold>(
    fold: &mut F,
    dir: &Path,
    place: FramePlace,
    frame: Frame,
) -> Result<Vec<Stored<F::Entry>>, Fault> {
    let corrupt = |number, rule, why: String| {
        let damage = Damage::Record { number, rule, why };
        Fault::corrupt(&path_of(dir, place.segment), place.offset, damage)
    };
    let header = frame.header;
    if header.kind == FrameKind::Trailer {
        return Ok(Vec::new());
    }
    let mut taken: Vec<Stored<F::Entry>> = Vec::new();
    for (number, bytes) in (header.first..).zip(frame.records) {
        let entry =
            F::decode(&bytes).map_err(|error| corrupt(number, RuleId::P3D4, error.to_string()))?;
        fold.admit(&entry)
            .map_err(|rejected| corrupt(number, F::rule_of(&rejected), rejected.to_string()))?;
        taken.push(stored(entry, bytes));
    }
    let said = RecordsHeader {
        first: header.first,
        last: header.last,
        epoch: header.epoch,
        stamp: header.stamp,
        previous: header.previous,
    };
    match (taken.first(), taken.last()) {
        (Some(first), Some(last)) if header_of::<F>(&first.entry, &last.entry) == said => Ok(taken),
        (Some(_) | None, _) => {
            let why = "the batch header does not say what the entries say".to_owned();
            Err(corrupt(header.first, RuleId::Dis18, why))
        }
    }
}

fn stored<E>(entry: E, bytes: Bytes) -> Stored<E> {
    Stored { entry: Arc::new(entry), bytes }
}
