//! Batches: what is formed reads back, and nothing else does.

use super::*;
use crate::hash::ClusterId;
use crate::wal::{KEY_BYTES_MAX, Op, VALUE_BYTES_MAX};

fn tip() -> Position {
    Position::origin(&ClusterId([9; 32]))
}

fn stamp() -> LedgerHead {
    LedgerHead { seq: Seq::FIRST, hash: Hash([3; 32]) }
}

fn put(key: &'static str, value: &'static str) -> Commit {
    Commit { ops: vec![Op::Put { key: key.into(), value: value.into() }] }
}

#[test]
fn a_batch_decodes_to_what_was_formed() {
    let commits = vec![put("a", "1"), put("b", "2")];
    let (batch, raw) = Batch::form(&tip(), Epoch::FIRST, stamp(), commits).unwrap();
    assert_eq!(raw.decode().unwrap(), batch);
    assert_eq!(raw.check().unwrap(), *batch.as_ref());
    assert_eq!((batch.first().get(), batch.last().get()), (1, 2));
    assert_eq!(raw.claimed_range(), Some((batch.first(), batch.last())));
    let ids: Vec<u64> = batch.commits().map(|(id, _)| id.get()).collect();
    assert_eq!(ids, [1, 2]);
    let given: Vec<_> = batch.into_commits().map(|(id, commit)| (id.get(), commit)).collect();
    assert_eq!(given, [(1, put("a", "1")), (2, put("b", "2"))]);
}

/// What is received of several batches is split where the one before ends.
#[test]
fn batches_in_a_row_are_split_where_each_ends() {
    let form = |tip: &Position, key, value| {
        Batch::form(tip, Epoch::FIRST, stamp(), vec![put(key, value)]).unwrap()
    };
    let (first, one) = form(&tip(), "a", "1");
    let (_, two) = form(&first.end(), "b", "a longer value");
    let mut bytes = Bytes::from([one.bytes().as_ref(), two.bytes().as_ref()].concat());
    assert_eq!(RawBatch::split_first(&mut bytes), Ok(one));
    assert_eq!(RawBatch::split_first(&mut bytes), Ok(two));
    let cut = BatchError::Cut { have: 0, need: HEADER_BYTES };
    assert_eq!(RawBatch::split_first(&mut bytes), Err(cut));
    let least = RawBatch::BYTES_MIN - PREFIX_BYTES;
    let claims = |length: usize| {
        let mut bytes = Bytes::from([&(length as u32).to_le_bytes()[..], &[0; 300]].concat());
        RawBatch::split_first(&mut bytes).map(|raw| raw.bytes().len())
    };
    assert_eq!(claims(least - 1), Err(BatchError::Malformed { what: "length" }));
    assert_eq!(claims(least), Ok(HEADER_BYTES));
    assert_eq!(claims(304 - PREFIX_BYTES), Ok(304));
    assert_eq!(claims(305 - PREFIX_BYTES), Err(BatchError::Cut { have: 304, need: 305 }));
}

/// A batch with this payload, sealed as the writer would.
fn sealed(payload: &[u8]) -> RawBatch {
    let (_, raw) = Batch::form(&tip(), Epoch::FIRST, stamp(), vec![put("a", "1")]).unwrap();
    let mut bytes = raw.bytes()[..HEADER_BYTES].to_vec();
    let after = chain_of(&tip().chain, &bytes[CHAINED], payload);
    bytes[105..137].copy_from_slice(after.as_bytes());
    bytes.extend_from_slice(payload);
    let length = (bytes.len() - PREFIX_BYTES) as u32;
    let checksum = crc32fast::hash(&bytes[PREFIX_BYTES..]);
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
    RawBatch::split_first(&mut Bytes::from(bytes)).unwrap()
}

#[test]
fn checking_and_decoding_a_payload_come_to_the_same() {
    let commits = |commits: &[Commit]| postcard::to_stdvec(commits).unwrap();
    let delete = Commit { ops: vec![Op::Delete { key: "k".into() }, put("a", "b").ops.remove(0)] };
    let one = commits(std::slice::from_ref(&delete));
    let two = commits(&[delete, put("c", "d")]);
    let longer = [&one[..], &[0]].concat();
    for (payload, sound) in [
        (&one[..], true),
        (&commits(&[Commit { ops: Vec::new() }])[..], true),
        (&two[..], false),
        (&longer[..], false),
        (&one[..one.len() - 1], false),
        (&[1, 1, 2, 0][..], false),
        (&[0xff; 12][..], false),
        (&[][..], false),
    ] {
        let raw = sealed(payload);
        let decoded = raw.decode();
        assert_eq!(raw.check(), decoded.clone().map(|batch| *batch.as_ref()), "{payload:?}");
        assert_eq!(decoded.is_ok(), sound, "{payload:?}");
    }
}

#[test]
fn no_commits_form_no_batch() {
    assert_eq!(Batch::form(&tip(), Epoch::FIRST, stamp(), Vec::new()), None);
}

/// Proves: WAL-4, P3-D7.
#[test]
fn every_flipped_byte_and_every_cut_is_found() {
    let (_, raw) = Batch::form(&tip(), Epoch::FIRST, stamp(), vec![put("key", "value")]).unwrap();
    for at in 0..raw.bytes().len() {
        let mut bytes = raw.bytes().to_vec();
        bytes[at] ^= 0x40;
        let mut bytes = Bytes::from(bytes);
        let raw = RawBatch::split_first(&mut bytes);
        let found = raw.clone().and_then(|raw| raw.decode());
        assert_eq!(raw.and_then(|raw| raw.check()).err(), found.clone().err());
        assert!(found.is_err(), "a flip at {at} went unnoticed");
    }
    for length in 0..raw.bytes().len() {
        let mut bytes = raw.bytes().slice(..length);
        assert!(
            matches!(RawBatch::split_first(&mut bytes), Err(BatchError::Cut { .. })),
            "cut at {length}"
        );
    }
}

#[test]
fn the_chain_depends_on_everything_before() {
    let (one, _) = Batch::form(&tip(), Epoch::FIRST, stamp(), vec![put("a", "1")]).unwrap();
    let (two, _) = Batch::form(&tip(), Epoch::FIRST, stamp(), vec![put("a", "2")]).unwrap();
    let (after_one, _) =
        Batch::form(&one.end(), Epoch::FIRST, stamp(), vec![put("b", "1")]).unwrap();
    let (after_two, _) =
        Batch::form(&two.end(), Epoch::FIRST, stamp(), vec![put("b", "1")]).unwrap();
    assert_ne!(after_one.end().chain, after_two.end().chain);
}

/// Proves: WAL-5.
#[test]
fn a_payload_has_one_encoding() {
    assert!(sealed(&[1, 1, 1, 1, b'k']).decode().is_ok(), "one commit deletes k");
    for longer in [
        &[0x81, 0, 1, 1, 1, b'k'][..],
        &[1, 0x81, 0, 1, 1, b'k'],
        &[1, 1, 0x81, 0, 1, b'k'],
        &[1, 1, 1, 0x81, 0, b'k'],
    ] {
        let expected = BatchError::Malformed { what: "encoding of the payload" };
        assert_eq!(sealed(longer).decode(), Err(expected), "{longer:?}");
    }
}

#[test]
fn keys_and_values_keep_their_limits_whoever_wrote_the_batch() {
    let form = |op| {
        let commits = vec![Commit { ops: vec![op] }];
        Batch::form(&tip(), Epoch::FIRST, stamp(), commits).unwrap().1.decode().err()
    };
    let put = |key: Vec<u8>, value: usize| {
        form(Op::Put { key: key.into(), value: vec![0; value].into() })
    };
    assert_eq!(put(vec![b'k'; KEY_BYTES_MAX], VALUE_BYTES_MAX), None);
    let key = Some(BatchError::Malformed { what: "key" });
    assert_eq!(put(Vec::new(), 1), key);
    assert_eq!(put(vec![b'k'; KEY_BYTES_MAX + 1], 1), key);
    assert_eq!(put(vec![0xff], 1), key);
    assert_eq!(form(Op::Delete { key: Bytes::new() }), key);
    assert_eq!(put(vec![b'k'], VALUE_BYTES_MAX + 1), Some(BatchError::Malformed { what: "value" }));
}

#[test]
fn the_chain_covers_the_version_that_gives_the_payload_its_meaning() {
    let (_, raw) = Batch::form(&tip(), Epoch::FIRST, stamp(), vec![put("a", "1")]).unwrap();
    let mut header = raw.bytes()[CHAINED].to_vec();
    let payload = &raw.bytes()[HEADER_BYTES..];
    let (_, after) = raw.claimed_chains();
    assert_eq!(chain_of(&tip().chain, &header, payload), after);
    header[0] += 1;
    assert_ne!(chain_of(&tip().chain, &header, payload), after);
}
