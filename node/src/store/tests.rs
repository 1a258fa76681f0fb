//! The store against a model that keeps every state whole: boundary -> key -> (commit, value).

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use aerodb_core::id::{Boundary, CommitId};
use aerodb_core::wal::{Commit, Op};
use bytes::Bytes;

use super::reader::SCAN_BYTES_MAX;
use super::usage::VERSION_OVERHEAD_BYTES;
use super::{Item, ScanRange, Store, StoreWriter, Usage, Version, VersionInfo};

type State = BTreeMap<Bytes, (CommitId, Bytes)>;

/// Marsaglia's xorshift64: the same sequence on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// Few, short keys over three bytes, so that they share prefixes, 0xff ends included.
    fn key(&mut self) -> Bytes {
        let length = 1 + self.below(3);
        (0..length).map(|_| [0, b'a', 0xff][self.below(3) as usize]).collect()
    }

    fn op(&mut self) -> Op {
        match self.below(3) {
            0 => Op::Delete { key: self.key() },
            _ => {
                let length = self.below(4);
                let value = (0..length).map(|_| self.below(256) as u8).collect();
                Op::Put { key: self.key(), value }
            }
        }
    }

    fn commit(&mut self) -> Commit {
        Commit { ops: (0..self.below(5)).map(|_| self.op()).collect() }
    }

    fn bound(&mut self) -> Bound<Bytes> {
        match self.below(3) {
            0 => Bound::Unbounded,
            1 => Bound::Included(self.key()),
            _ => Bound::Excluded(self.key()),
        }
    }
}

fn id(number: u64) -> CommitId {
    CommitId::new(number).unwrap()
}

fn put(key: &'static str, value: &'static str) -> Op {
    Op::Put { key: key.into(), value: value.into() }
}

fn delete(key: &'static str) -> Op {
    Op::Delete { key: key.into() }
}

fn applied(commits: &[Vec<Op>]) -> (StoreWriter, Store) {
    let (mut writer, store) = Store::empty();
    for (number, ops) in (1..).zip(commits) {
        writer.apply(id(number), Commit { ops: ops.clone() });
    }
    (writer, store)
}

/// What the state becomes by the commit, one change after the other.
fn model_next(before: &State, commit_id: CommitId, commit: &Commit) -> State {
    let mut after = before.clone();
    for op in &commit.ops {
        match op {
            Op::Put { key, value } => after.insert(key.clone(), (commit_id, value.clone())),
            Op::Delete { key } => after.remove(key),
        };
    }
    after
}

fn model_scan(state: &State, range: &ScanRange) -> Vec<Item> {
    let above_start = |key: &Bytes| match &range.start {
        Bound::Included(start) => key >= start,
        Bound::Excluded(start) => key > start,
        Bound::Unbounded => true,
    };
    let below_end = |key: &Bytes| match &range.end {
        Bound::Included(end) => key <= end,
        Bound::Excluded(end) => key < end,
        Bound::Unbounded => true,
    };
    let within = state.iter().filter(|(key, _)| above_start(key) && below_end(key));
    within
        .map(|(key, (commit_id, value))| Item {
            key: key.clone(),
            value: value.clone(),
            commit_id: *commit_id,
        })
        .collect()
}

fn check_view(store: &Store, at: Boundary, state: &State, random: &mut Random) {
    for _ in 0..20 {
        let key = random.key();
        assert_eq!(store.get(&key, at), state.get(&key).cloned(), "{key:?} at {at}");
    }
    for turn in 0..12 {
        let range = match turn {
            0 => ScanRange::ALL,
            1..4 => ScanRange::prefix(&random.key()),
            _ => ScanRange { start: random.bound(), end: random.bound() },
        };
        let expected = model_scan(state, &range);
        let limit = random.below(8) as usize;
        let (items, more) = store.scan(&range, at, limit);
        assert_eq!(items, expected[..limit.min(expected.len())], "{range:?} at {at}");
        assert_eq!(more, limit < expected.len(), "{range:?} at {at}, limit {limit}");
    }
}

/// Proves: MVI-2, MVV-2.
#[test]
fn mvv_1_every_view_of_a_random_history_equals_the_model() {
    for seed in 1..=6 {
        let mut random = Random(seed * 0x9e37_79b9);
        let (mut writer, store) = Store::empty();
        let mut states = vec![State::new()];
        let mut digests = vec![store.state_digest(Boundary::ORIGIN)];
        for number in 1..=150 {
            let commit = random.commit();
            states.push(model_next(&states[states.len() - 1], id(number), &commit));
            writer.apply(id(number), commit);
            digests.push(store.state_digest(Boundary::new(number)));
        }
        for (at, state) in (0..).map(Boundary::new).zip(&states) {
            check_view(&store, at, state, &mut random);
        }
        for (at, digest) in (0..).map(Boundary::new).zip(&digests) {
            assert_eq!(
                store.state_digest(at),
                *digest,
                "what came after changed the digest at {at}"
            );
        }
        for (one, two) in (0..states.len()).zip(1..states.len()) {
            assert_eq!(states[one] == states[two], digests[one] == digests[two], "{one}, {two}");
        }
    }
}

#[test]
fn the_digest_tells_apart_what_only_lengths_tell_apart() {
    let at = Boundary::new(1);
    let digest = |ops| applied(&[ops]).1.state_digest(at);
    assert_ne!(digest(vec![put("ab", "c")]), digest(vec![put("a", "bc")]));
    assert_ne!(digest(vec![put("a", "")]), digest(vec![]), "an empty value is a value");
    assert_eq!(digest(vec![delete("a")]), digest(vec![]), "an absent key is no row");
}

#[test]
fn nothing_applied_is_visible_below_its_commit() {
    let (writer, store) = applied(&[vec![put("a", "1")], vec![put("a", "2"), put("b", "2")]]);
    assert_eq!(writer.applied(), Boundary::new(2));
    assert_eq!(store.get(b"a", Boundary::ORIGIN), None);
    assert_eq!(store.get(b"a", Boundary::new(1)), Some((id(1), "1".into())));
    assert_eq!(store.get(b"b", Boundary::new(1)), None);
    assert_eq!(store.latest(b"b"), Some((id(2), Version::Value("2".into()))));
    assert_eq!(store.get(b"a", Boundary::new(u64::MAX)), Some((id(2), "2".into())));
}

#[test]
fn deleting_an_absent_key_leaves_a_tombstone() {
    let (_, store) = applied(&[vec![delete("a")]]);
    assert_eq!(store.latest(b"a"), Some((id(1), Version::Tombstone)));
    assert_eq!(store.get(b"a", Boundary::new(1)), None);
    assert_eq!(store.usage().keys, 1);
}

#[test]
fn of_several_changes_to_one_key_in_one_commit_the_last_counts() {
    let (_, store) = applied(&[vec![put("a", "1"), delete("a"), put("a", "22"), put("b", "1")]]);
    assert_eq!(store.get(b"a", Boundary::new(1)), Some((id(1), "22".into())));
    let bytes = 2 + 3 + 2 * VERSION_OVERHEAD_BYTES;
    assert_eq!(store.usage(), Usage { keys: 2, versions: 2, bytes });
}

#[test]
fn versions_are_listed_newest_first_and_of_this_key_only() {
    let (_, store) = applied(&[
        vec![put("a", "1"), put("aa", "x")],
        vec![delete("a")],
        vec![put("a", "333"), put("A", "x")],
    ]);
    let info = |number, tombstone, bytes| VersionInfo { commit_id: id(number), tombstone, bytes };
    let all = [info(3, false, 3), info(2, true, 0), info(1, false, 1)];
    assert_eq!(store.versions(b"a", Boundary::new(u64::MAX), 9), all);
    assert_eq!(store.versions(b"a", Boundary::new(u64::MAX), 2), all[..2]);
    assert_eq!(store.versions(b"b", Boundary::new(u64::MAX), 9), []);
}

#[test]
fn usage_counts_a_key_once_and_the_bytes_of_each_version() {
    let (_, store) =
        applied(&[vec![put("key", "12345")], vec![put("key", "123")], vec![delete("key")]]);
    let bytes = 3 * 3 + 5 + 3 + 3 * VERSION_OVERHEAD_BYTES;
    assert_eq!(store.usage(), Usage { keys: 1, versions: 3, bytes });
}

#[test]
fn what_is_stored_does_not_keep_the_buffer_that_it_was_cut_from() {
    let buffer = Bytes::from(vec![b'x'; 4096]);
    let (mut writer, store) = Store::empty();
    let op = Op::Put { key: buffer.slice(..4), value: buffer.slice(4..8) };
    writer.apply(id(1), Commit { ops: vec![op] });
    assert!(buffer.is_unique(), "the store holds a handle on the buffer");
    assert_eq!(store.get(b"xxxx", Boundary::new(1)), Some((id(1), "xxxx".into())));
}

#[test]
fn a_key_with_many_versions_is_passed_over_at_every_view() {
    let hot = (0..200).map(|_| vec![put("m", "v")]);
    let commits: Vec<_> = [vec![put("a", "1"), put("z", "1")]].into_iter().chain(hot).collect();
    let (_, store) = applied(&commits);
    for at in 1..=201 {
        let (items, more) = store.scan(&ScanRange::ALL, Boundary::new(at), 9);
        let found: Vec<_> =
            items.iter().map(|item| (&item.key[..], item.commit_id.get())).collect();
        let m = (at > 1).then_some((&b"m"[..], at));
        let expected: Vec<_> =
            [Some((&b"a"[..], 1)), m, Some((&b"z"[..], 1))].into_iter().flatten().collect();
        assert_eq!((found, more), (expected, false), "at {at}");
    }
}

/// Commit n sets every key to n: in any view all keys have the view's own commit, or it was torn.
/// Proves: MVI-3, MVV-2, MVV-4.
#[test]
fn mvi_4_a_scan_beside_the_writer_sees_each_commit_whole_and_none_above_its_view() {
    const KEYS: u64 = 40;
    const COMMITS: u64 = 400;
    let (mut writer, store) = Store::empty();
    let published = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut at = Boundary::ORIGIN;
                while at.get() < COMMITS {
                    at = Boundary::new(published.load(Ordering::Acquire));
                    let (items, more) = store.scan(&ScanRange::ALL, at, KEYS as usize);
                    let expected = if at == Boundary::ORIGIN { 0 } else { KEYS as usize };
                    assert_eq!((items.len(), more), (expected, false), "at {at}");
                    assert!(items.iter().all(|item| Boundary::from(item.commit_id) == at));
                    assert_eq!(store.state_digest(at), store.state_digest(at), "MVV-3 at {at}");
                }
            });
        }
        for number in 1..=COMMITS {
            let value = Bytes::from(number.to_string());
            let ops =
                (0..KEYS).map(|key| Op::Put { key: vec![key as u8].into(), value: value.clone() });
            writer.apply(id(number), Commit { ops: ops.collect() });
            published.store(number, Ordering::Release);
        }
    });
}

#[test]
#[should_panic(expected = "commit 2 applied after 2")]
fn mvi_1_a_commit_is_applied_once() {
    let (mut writer, _) = applied(&[vec![], vec![put("a", "1")]]);
    writer.apply(id(2), Commit { ops: vec![] });
}

#[test]
fn a_scan_of_large_values_ends_early_and_says_that_there_is_more() {
    let (mut writer, store) = Store::empty();
    let value = Bytes::from(vec![0; 1 << 20]);
    let put = |key: u8| Op::Put { key: Bytes::from(vec![key]), value: value.clone() };
    writer.apply(id(1), Commit { ops: (0..12).map(put).collect() });
    let page = |range: &ScanRange| store.scan(range, Boundary::new(1), 1000);

    let (first, more) = page(&ScanRange::ALL);
    assert_eq!((first.len(), more), (SCAN_BYTES_MAX >> 20, true));
    let after = first.last().map(|item| item.key.clone());
    let (second, more) = page(&ScanRange::within(b"", None, None, after));
    assert_eq!((first.len() + second.len(), more), (12, false));
}
