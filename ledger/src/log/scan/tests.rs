//! What a log may consist of.

use std::convert::Infallible;

use aerodb_core::rules::RuleId;

use super::*;
use crate::disk::RealDisk;
use crate::log::{FrameBuffer, FrameHeader};

const OWNER: PublicKey = PublicKey([5; 32]);

fn records(seq: u64, first: u64, last: u64) -> FrameHeader {
    let kind = FrameKind::Records;
    FrameHeader { kind, first, last, records: 1, payload_bytes: 5, ..FrameHeader::trailer(seq) }
}

/// A log of one segment that holds these frames, of one block each.
fn scanned(kind: LogKind, frames: &[FrameHeader]) -> Result<ScannedLog, Fault> {
    let dir = tempfile::tempdir().unwrap();
    let bytes = (frames.len() as u64 + 2) * 4096;
    let header = SegmentHeader { kind, number: 1, bytes, block: Block::MIN, owner: OWNER };
    let mut segment = header.encode().to_vec();
    let mut buffer = FrameBuffer::default();
    for frame in frames {
        let record = [7_u8].into_iter().take(frame.records as usize);
        let record: Vec<u8> = record.collect();
        let records = (frame.records > 0).then_some(&record[..]);
        segment.extend_from_slice(buffer.form(frame, Block::MIN, records.into_iter()));
    }
    segment.resize(usize::try_from(bytes).unwrap(), 0);
    std::fs::write(path_of(dir.path(), 1), segment).unwrap();
    let scan = Scan {
        disk: &RealDisk,
        dir: dir.path(),
        kind,
        owner: Some(&OWNER),
        start: LogStart::ORIGIN,
        witness: Witness::default(),
    };
    scan.run(&mut |_, _| Ok::<(), OpenError<Infallible>>(())).map_err(|error| match error {
        OpenError::Fault(fault) => fault,
        OpenError::Refused(never) => match never {},
    })
}

/// Where the damage is, and what it is.
fn damaged(kind: LogKind, frames: &[FrameHeader]) -> (RuleId, u64, Damage) {
    match scanned(kind, frames).unwrap_err() {
        Fault::Corrupt { rule, offset, what, .. } => (rule, offset, what),
        other => panic!("{other}"),
    }
}

#[test]
fn a_ledger_has_a_trailer_after_each_frame_and_nowhere_else_and_a_wal_none() {
    let (entry, trailer) = (records, FrameHeader::trailer);
    for kind in [LogKind::Authority, LogKind::Decision] {
        let whole = scanned(kind, &[entry(1, 1, 1), trailer(2), entry(3, 2, 4), trailer(4)]);
        let whole = whole.unwrap();
        assert_eq!((whole.frames, whole.bytes, whole.last_seq()), (4, 4 * 4096, 4));
        assert_eq!((whole.first_record, whole.last_record), (Some(1), Some(4)));
        assert!(!whole.trailer_missing(kind));
        assert!(scanned(kind, &[entry(1, 1, 1)]).unwrap().trailer_missing(kind));
        for (frames, at) in [
            (&[trailer(1)][..], 1),
            (&[entry(1, 1, 1), trailer(2), trailer(3)], 3),
            (&[entry(1, 1, 1), entry(2, 2, 2)], 2),
        ] {
            let (_, offset, what) = damaged(kind, frames);
            assert_eq!((offset, what), (at * 4096, Damage::TrailerOrder { seq: at }));
        }
    }
    let wal = scanned(LogKind::Wal, &[entry(1, 1, 1), entry(2, 2, 2)]).unwrap();
    assert!(!wal.trailer_missing(LogKind::Wal));
    let (_, offset, what) = damaged(LogKind::Wal, &[entry(1, 1, 1), trailer(2)]);
    assert_eq!((offset, what), (2 * 4096, Damage::TrailerOrder { seq: 2 }));
}

#[test]
fn dis_18_records_are_numbered_without_hole_from_1_on() {
    for (frames, expected, found) in [
        (&[records(1, 2, 2)][..], 1, 2),
        (&[records(1, 0, 0)], 1, 0),
        (&[records(1, 1, 0)], 1, 1),
        (&[records(1, 1, 3), records(2, 3, 3)], 4, 3),
        (&[records(1, 1, 3), records(2, 5, 5)], 4, 5),
        (&[records(1, 1, 3), records(2, 4, 3)], 4, 4),
    ] {
        let (rule, offset, what) = damaged(LogKind::Wal, frames);
        assert_eq!(rule, RuleId::Dis18);
        let at = frames.len() as u64 * 4096;
        assert_eq!((offset, what), (at, Damage::RecordNumber { expected, found }));
    }
    let log = scanned(LogKind::Wal, &[records(1, 1, 3), records(2, 4, 4)]).unwrap();
    assert_eq!((log.first_record, log.last_record), (Some(1), Some(4)));
}
