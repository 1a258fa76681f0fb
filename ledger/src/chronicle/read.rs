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

#[cfg(test)]
mod tests {
    use aerodb_core::authority::EntryError;
    use aerodb_core::hash::Hash;
    use aerodb_core::id::Seq;
    use aerodb_core::position::LedgerHead;

    use super::*;
    use crate::log::{FrameHeader, LogKind};

    /// A ledger of numbers, each one more than the one before.
    #[derive(Debug, Clone)]
    struct Numbers(u64);

    impl Fold for Numbers {
        type Entry = u64;
        type Rejected = String;
        const KIND: LogKind = LogKind::Decision;

        fn encode(entry: &u64) -> Vec<u8> {
            entry.to_le_bytes().to_vec()
        }

        fn decode(bytes: &[u8]) -> Result<u64, EntryError> {
            let bytes = bytes.try_into().map_err(|_| EntryError::Malformed)?;
            Ok(u64::from_le_bytes(bytes))
        }

        fn head_of(entry: &u64) -> LedgerHead {
            LedgerHead { seq: Seq::new(*entry).unwrap(), hash: Hash([*entry as u8; 32]) }
        }

        fn previous_of(entry: &u64) -> Hash {
            Hash([*entry as u8 - 1; 32])
        }

        fn rule_of(_: &String) -> RuleId {
            RuleId::P6A2
        }

        fn admit(&mut self, entry: &u64) -> Result<(), String> {
            if *entry != self.0 + 1 {
                return Err(format!("{entry} does not follow {}", self.0));
            }
            self.0 = *entry;
            Ok(())
        }
    }

    /// Entries 3 and 4, as the header of their frame says.
    fn frame() -> Frame {
        let records: Vec<Bytes> = [3, 4].map(|entry| Numbers::encode(&entry).into()).into();
        let header = FrameHeader {
            kind: FrameKind::Records,
            first: 3,
            last: 4,
            records: 2,
            payload_bytes: 24,
            previous: [2; 32],
            ..FrameHeader::trailer(5)
        };
        Frame { header, records }
    }

    fn taken(frame: Frame) -> Result<Vec<u64>, (RuleId, Damage)> {
        let place = FramePlace { segment: 1, offset: 8192, bytes: 4096 };
        match take(&mut Numbers(2), Path::new("/log"), place, frame) {
            Ok(taken) => Ok(taken.iter().map(|stored| *stored.entry).collect()),
            Err(Fault::Corrupt { rule, what, offset: 8192, .. }) => Err((rule, what)),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn dis_18_a_frame_whose_header_says_something_else_than_its_entries_is_corrupt() {
        assert_eq!(taken(frame()), Ok(vec![3, 4]));
        let stamp = LedgerHead { seq: Seq::FIRST, hash: Hash([1; 32]) };
        let changes: [fn(&mut FrameHeader, LedgerHead); 4] = [
            |header, _| header.last = 5,
            |header, _| header.epoch = 1,
            |header, stamp| header.stamp = Some(stamp),
            |header, _| header.previous = [3; 32],
        ];
        for change in changes {
            let mut lying = frame();
            change(&mut lying.header, stamp);
            let (rule, damage) = taken(lying).unwrap_err();
            assert_eq!(rule, RuleId::Dis18);
            assert!(matches!(damage, Damage::Record { number: 3, .. }), "{damage}");
        }
    }

    #[test]
    fn what_does_not_decode_and_what_is_not_admitted_is_corrupt_under_its_number_and_rule() {
        let with_second = |bytes: &'static [u8]| {
            let mut frame = frame();
            frame.records[1] = Bytes::from_static(bytes);
            taken(frame).unwrap_err()
        };
        let (rule, damage) = with_second(b"short");
        assert!(matches!(damage, Damage::Record { number: 4, rule: RuleId::P3D4, .. }));
        assert_eq!(rule, RuleId::P3D4);
        let (rule, damage) = with_second(&[9, 0, 0, 0, 0, 0, 0, 0]);
        let why = "9 does not follow 3".to_owned();
        assert_eq!((rule, damage), (RuleId::P6A2, Damage::Record { number: 4, rule, why }));
        let trailer = Frame { header: FrameHeader::trailer(5), records: Vec::new() };
        assert_eq!(taken(trailer), Ok(vec![]));
    }
}
