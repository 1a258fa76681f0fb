//! What pruning takes out, and what it must leave.

use std::thread;

use aerodb_core::id::{Boundary, CommitId};
use aerodb_core::wal::{Commit, Op};
use bytes::Bytes;

use super::super::usage::VERSION_OVERHEAD_BYTES;
use super::super::{Loader, ScanRange, Store, StoreWriter, ViewSource};
use super::Pruner;

const KEYS: u64 = 7;

fn id(number: u64) -> CommitId {
    CommitId::new(number).unwrap()
}

fn at(number: u64) -> Boundary {
    Boundary::new(number)
}

fn key(number: u64) -> Bytes {
    Bytes::from(format!("key{}", number % KEYS))
}

/// Commit n gives key n modulo 7 a value; every fifth one makes it absent.
fn change(number: u64) -> Commit {
    let op = match number % 5 {
        0 => Op::Delete { key: key(number) },
        _ => Op::Put { key: key(number), value: Bytes::from(number.to_string()) },
    };
    Commit { ops: vec![op] }
}

/// The store of so many commits, all of them handed over for pruning.
fn filled(commits: u64) -> (StoreWriter, Store) {
    let (mut writer, store) = Store::empty();
    (1..=commits).for_each(|number| writer.apply(id(number), &change(number)));
    writer.hand_over();
    (writer, store)
}

fn everything(store: &Store, view: u64) -> (Vec<super::super::Item>, aerodb_core::hash::Hash) {
    (store.scan(&ScanRange::ALL, at(view), 100).0, store.state_digest(at(view)))
}

#[test]
fn mvg_1_every_view_from_the_floor_on_shows_what_it_showed_before() {
    let (_writer, store) = filled(100);
    let before: Vec<_> = (0..=100).map(|view| everything(&store, view)).collect();
    for floor in [10, 60, 99, 100] {
        store.prune(Some(at(100)), 100 - floor);
        assert_eq!(store.oldest_retained(), at(floor));
        for view in floor..=100 {
            assert_eq!(everything(&store, view), before[view as usize], "{view} from {floor} on");
        }
        // Not one more is kept than some view can show: the newest of each key at the floor, and all above.
        let usage = store.usage();
        assert_eq!((usage.keys, usage.versions), (KEYS, KEYS + 100 - floor), "floor {floor}");
    }
    assert_eq!(store.prune(Some(at(100)), 0), 0, "pruning twice takes nothing more");
}

#[test]
fn mvg_4_the_newest_version_of_a_key_stays_a_tombstone_too() {
    let (mut writer, store) = Store::empty();
    writer.apply(id(1), &Commit { ops: vec![Op::Put { key: "a".into(), value: "1".into() }] });
    writer.apply(id(2), &Commit { ops: vec![Op::Delete { key: "a".into() }] });
    writer.hand_over();
    assert_eq!(store.prune(Some(at(2)), 0), 1);
    let left = store.versions(b"a", Boundary::new(u64::MAX), 9);
    assert_eq!(
        left.iter().map(|info| (info.commit_id, info.tombstone)).collect::<Vec<_>>(),
        [(id(2), true)]
    );
    assert_eq!(store.usage().bytes, 1 + VERSION_OVERHEAD_BYTES);
}

#[test]
fn mvg_1_an_open_view_keeps_what_it_needs_and_none_opens_below_the_floor() {
    let (_writer, store) = filled(100);
    let shown = everything(&store, 40);
    let view = store.view(at(40), ViewSource::User).unwrap();
    let other = store.view(at(80), ViewSource::Internal).unwrap();
    store.prune(Some(at(100)), 0);
    assert_eq!(store.oldest_retained(), at(40));
    assert_eq!(everything(&store, 40), shown);
    assert!(store.view(at(39), ViewSource::User).is_none());
    drop(view);
    store.prune(Some(at(100)), 0);
    assert_eq!(store.oldest_retained(), at(80));
    drop(other);
    store.prune(Some(at(100)), 0);
    assert_eq!(store.oldest_retained(), at(100));
    assert!(store.views().is_empty());
}

#[test]
fn mvg_2_nothing_is_pruned_while_nothing_is_known_to_be_acknowledged() {
    let (_writer, store) = filled(100);
    assert_eq!(store.prune(None, 0), 0);
    assert_eq!(store.oldest_retained(), Boundary::ORIGIN);
}

#[test]
fn the_pruner_looks_again_when_the_view_that_held_the_floor_back_is_closed() {
    let (writer, store) = filled(100);
    let view = store.view(at(0), ViewSource::User).unwrap();
    let pruner = Pruner {
        store: store.clone(),
        retain_commits: 0,
        acknowledged: Box::new(|| Some(at(100))),
    };
    let pruning = thread::spawn(move || pruner.run());
    // It is woken by what was handed over, and by the view's end only once it has looked in vain.
    while !store.shared.views.is_held_back() {
        thread::yield_now();
    }
    assert_eq!(store.usage().versions, 100);
    drop(view);
    while store.usage().versions > KEYS {
        thread::yield_now();
    }
    drop(writer);
    pruning.join().unwrap();
}

#[test]
fn mvs_2_a_store_that_is_loaded_with_what_another_retains_shows_the_same_and_prunes_the_same() {
    let (_writer, store) = filled(100);
    store.prune(Some(at(90)), 40);
    let view = store.view_with_history(at(90), ViewSource::Internal).unwrap();
    assert_eq!(view.needs(), at(50));
    let (writer, loaded) = Store::empty();
    let mut loader = Loader::new(writer);
    let rows: Vec<_> = store.retained(&view).collect();
    for (key, commit, value) in rows.clone() {
        loader.push(key, commit, value).unwrap();
    }
    let mut writer = loader.finish(at(90), view.needs());
    assert_eq!(loaded.oldest_retained(), at(50));
    for view in 50..=90 {
        assert_eq!(everything(&loaded, view), everything(&store, view), "{view}");
    }
    (91..=100).for_each(|number| writer.apply(id(number), &change(number)));
    writer.hand_over();
    drop(view);
    for floor in [70, 95, 100] {
        store.prune(Some(at(100)), 100 - floor);
        loaded.prune(Some(at(100)), 100 - floor);
        assert_eq!(loaded.usage(), store.usage(), "floor {floor}");
    }
    let (writer, _) = Store::empty();
    let mut loader = Loader::new(writer);
    let (key, commit, value) = rows[0].clone();
    loader.push(key.clone(), commit, value.clone()).unwrap();
    assert!(loader.push(key, commit, value).is_err(), "no version comes twice");
}

#[test]
fn mvs_1_what_a_snapshot_holds_does_not_depend_on_what_was_pruned_already() {
    let (_a, pruned) = filled(100);
    let (_b, waiting) = filled(60);
    pruned.prune(Some(at(60)), 20);
    // The floor is raised, but nothing was taken out yet.
    waiting.shared.views.begin_at(at(40));
    let rows = |store: &Store| {
        let view = store.view_with_history(at(60), ViewSource::Internal).unwrap();
        store.retained(&view).collect::<Vec<_>>()
    };
    assert_eq!(rows(&pruned), rows(&waiting));
    assert!(waiting.usage().versions > rows(&waiting).len() as u64);
}
