//! The store beside maps that could stand in its place. One writer that never stops and 0, 1 or 4
//! readers, over 1 million keys of 16 bytes with 2 versions of 100 bytes each; the other maps hold
//! (key, commit id descending) -> value, read at a view.
//!
//! `cargo bench -p aerodb-node --bench store_map`; compare only figures of one run: the candidates take
//! turns, so that what else the machine does falls on all of them.

#![expect(clippy::unwrap_used, reason = "a poisoned lock ends the benchmark")]

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use aerodb_core::id::{Boundary, CommitId};
use aerodb_core::wal::{Commit, Op};
use aerodb_node::store::{ScanRange, Store, StoreWriter};
use bytes::Bytes;
use crossbeam_skiplist::SkipMap;

const KEYS: u64 = 1_000_000;
const SCAN_ITEMS: usize = 100;
const ROUNDS: usize = 7;
const WINDOW: Duration = Duration::from_millis(250);

type Key = (Bytes, Reverse<u64>);

trait Candidate: Default + Sync {
    const NAME: &'static str;
    fn put(&self, key: Key, value: Bytes);
    fn get(&self, key: &Bytes, view: u64) -> Option<Bytes>;
    fn scan(&self, start: &Bytes, view: u64) -> usize;
}

/// The newest version of `key` at the view is the first at or after (key, view).
fn visible<'a>(first: Option<(&'a Key, &'a Bytes)>, key: &Bytes) -> Option<&'a Bytes> {
    first.filter(|(at, _)| at.0 == *key).map(|(_, value)| value)
}

/// Counts visible keys and touches their values, as a scan that fills a page does.
fn page<N: AsRef<Key>, V: AsRef<[u8]>>(rows: impl Iterator<Item = (N, V)>, view: u64) -> usize {
    let mut last = Bytes::new();
    let mut found = 0;
    for (key, value) in rows {
        let (name, Reverse(commit)) = key.as_ref();
        if *commit <= view && *name != last {
            last = name.clone();
            found += usize::from(!value.as_ref().is_empty());
            if found == SCAN_ITEMS {
                break;
            }
        }
    }
    found
}

struct K<'a>(&'a Key);
impl AsRef<Key> for K<'_> {
    fn as_ref(&self) -> &Key {
        self.0
    }
}

#[derive(Default)]
struct StdLocked(RwLock<BTreeMap<Key, Bytes>>);
impl Candidate for StdLocked {
    const NAME: &'static str = "std RwLock<BTreeMap>";
    fn put(&self, key: Key, value: Bytes) {
        self.0.write().unwrap().insert(key, value);
    }
    fn get(&self, key: &Bytes, view: u64) -> Option<Bytes> {
        let map = self.0.read().unwrap();
        visible(map.range((key.clone(), Reverse(view))..).next(), key).cloned()
    }
    fn scan(&self, start: &Bytes, view: u64) -> usize {
        let map = self.0.read().unwrap();
        page(map.range((start.clone(), Reverse(u64::MAX))..).map(|(k, v)| (K(k), v)), view)
    }
}

#[derive(Default)]
struct ParkingLocked(parking_lot::RwLock<BTreeMap<Key, Bytes>>);
impl Candidate for ParkingLocked {
    const NAME: &'static str = "parking_lot RwLock<BTreeMap>";
    fn put(&self, key: Key, value: Bytes) {
        self.0.write().insert(key, value);
    }
    fn get(&self, key: &Bytes, view: u64) -> Option<Bytes> {
        let map = self.0.read();
        visible(map.range((key.clone(), Reverse(view))..).next(), key).cloned()
    }
    fn scan(&self, start: &Bytes, view: u64) -> usize {
        let map = self.0.read();
        page(map.range((start.clone(), Reverse(u64::MAX))..).map(|(k, v)| (K(k), v)), view)
    }
}

#[derive(Default)]
struct Skip(SkipMap<Key, Bytes>);
impl Candidate for Skip {
    const NAME: &'static str = "crossbeam SkipMap";
    fn put(&self, key: Key, value: Bytes) {
        self.0.insert(key, value);
    }
    fn get(&self, key: &Bytes, view: u64) -> Option<Bytes> {
        let first = self.0.range((key.clone(), Reverse(view))..).next();
        visible(first.as_ref().map(|e| (e.key(), e.value())), key).cloned()
    }
    fn scan(&self, start: &Bytes, view: u64) -> usize {
        let mut last = Bytes::new();
        let mut found = 0;
        for entry in self.0.range((start.clone(), Reverse(u64::MAX))..) {
            let (name, Reverse(commit)) = entry.key();
            if *commit <= view && *name != last {
                last = name.clone();
                found += usize::from(!entry.value().is_empty());
                if found == SCAN_ITEMS {
                    break;
                }
            }
        }
        found
    }
}

/// What a node has: keys by hash and in order, each with its versions.
struct Whole {
    writer: Mutex<StoreWriter>,
    store: Store,
}
impl Default for Whole {
    fn default() -> Self {
        let (writer, store) = Store::empty();
        Self { writer: Mutex::new(writer), store }
    }
}
impl Candidate for Whole {
    const NAME: &'static str = "the store";
    fn put(&self, (key, Reverse(commit)): Key, value: Bytes) {
        let commit_id = CommitId::new(commit).unwrap();
        let ops = vec![Op::Put { key, value }];
        self.writer.lock().unwrap().apply(commit_id, Commit { ops });
    }
    fn get(&self, key: &Bytes, view: u64) -> Option<Bytes> {
        self.store.get(key, Boundary::new(view)).map(|(_, value)| value)
    }
    fn scan(&self, start: &Bytes, view: u64) -> usize {
        let range = ScanRange { start: Bound::Included(start.clone()), end: Bound::Unbounded };
        let (items, _) = self.store.scan(&range, Boundary::new(view), SCAN_ITEMS);
        items.iter().filter(|item| !item.value.is_empty()).count()
    }
}

/// Marsaglia's xorshift64: the same keys in the same order for every candidate.
fn shuffle(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn key(number: u64) -> Bytes {
    Bytes::from(format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

fn value() -> Bytes {
    Bytes::from(vec![b'v'; 100])
}

/// What one window of one situation gave.
#[derive(Clone, Copy)]
struct Figures {
    writes_per_second: f64,
    reads_per_second: f64,
    /// One write in a thousand took longer, in microseconds.
    write_p999_us: f64,
}

/// Readers beside the writer, and whether they scan.
const SITUATIONS: [(u64, bool); 5] = [(0, false), (1, false), (4, false), (1, true), (4, true)];

/// A candidate that stays loaded while the others take their turns.
struct Loaded<C> {
    map: C,
    commit: u64,
}

trait Contestant {
    fn name(&self) -> &'static str;
    fn measure(&mut self, readers: u64, scans: bool) -> Figures;
}

fn load<C: Candidate + 'static>() -> Box<dyn Contestant> {
    let mut loaded = Loaded { map: C::default(), commit: 0 };
    for number in (0..KEYS).chain(0..KEYS) {
        loaded.commit += 1;
        loaded.map.put((key(number), Reverse(loaded.commit)), value());
    }
    Box::new(loaded)
}

fn read_until<C: Candidate>(
    map: &C,
    mut seed: u64,
    view: u64,
    scans: bool,
    stop: &AtomicBool,
) -> u64 {
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        let key = key(shuffle(&mut seed) % KEYS);
        if scans {
            std::hint::black_box(map.scan(&key, view));
        } else {
            assert!(map.get(&key, view).is_some());
        }
        count += 1;
    }
    count
}

impl<C: Candidate> Contestant for Loaded<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn measure(&mut self, readers: u64, scans: bool) -> Figures {
        let (map, view) = (&self.map, self.commit);
        let (stop, reads) = (AtomicBool::new(false), AtomicU64::new(0));
        let mut micros = Vec::new();
        let started = Instant::now();
        thread::scope(|scope| {
            for reader in 0..readers {
                let (stop, reads) = (&stop, &reads);
                scope.spawn(move || {
                    let count = read_until(map, 0x51ed_270b + reader, view, scans, stop);
                    reads.fetch_add(count, Ordering::Relaxed);
                });
            }
            let mut seed = 0x2545_f491 ^ view;
            while started.elapsed() < WINDOW {
                self.commit += 1;
                let (key, value) = (key(shuffle(&mut seed) % KEYS), value());
                let before = Instant::now();
                map.put((key, Reverse(self.commit)), value);
                micros.push(before.elapsed().as_secs_f64() * 1e6);
            }
            stop.store(true, Ordering::Relaxed);
        });
        let seconds = started.elapsed().as_secs_f64();
        micros.sort_by(f64::total_cmp);
        Figures {
            writes_per_second: micros.len() as f64 / seconds,
            reads_per_second: reads.load(Ordering::Relaxed) as f64 / seconds,
            write_p999_us: micros[micros.len() * 999 / 1000],
        }
    }
}

fn median(rounds: &[Figures], of: impl Fn(&Figures) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let mut contestants =
        [load::<StdLocked>(), load::<ParkingLocked>(), load::<Skip>(), load::<Whole>()];
    println!("medians of {ROUNDS} interleaved rounds; a scan is {SCAN_ITEMS} items");
    for (readers, scans) in SITUATIONS {
        println!("one writer, {readers} readers that {}", if scans { "scan" } else { "get" });
        let mut rounds = [const { Vec::new() }; 4];
        for _ in 0..ROUNDS {
            for (contestant, rounds) in contestants.iter_mut().zip(&mut rounds) {
                rounds.push(contestant.measure(readers, scans));
            }
        }
        for (contestant, rounds) in contestants.iter().zip(&rounds) {
            println!(
                "  {:<30}{:>10.0} writes/s, p99.9 {:>8.0} us{:>11.0} reads/s",
                contestant.name(),
                median(rounds, |figures| figures.writes_per_second),
                median(rounds, |figures| figures.write_p999_us),
                median(rounds, |figures| figures.reads_per_second),
            );
        }
    }
}
