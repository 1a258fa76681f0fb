//! What pruning takes out, and what it must leave.

use std::collections::{BTreeSet, VecDeque};
use std::thread;

use aerodb_core::id::{Boundary, CommitId};
use aerodb_core::wal::{Commit, Op};
use bytes::Bytes;

use super::super::usage::VERSION_OVERHEAD_BYTES;
use super::super::{Loader, ScanRange, Store, StoreWriter, Usage, ViewSource};
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
    (1..=commits).for_each(|number| writer.apply(id(number), change(number)));
    writer.hand_over();
    (writer, store)
}

/// Prunes, with every floor recorded.
fn prune(store: &Store, acknowledged: Option<Boundary>, retain_commits: u64) -> u64 {
    store.prune(acknowledged, retain_commits, &mut |_| true)
}

fn everything(store: &Store, view: u64) -> (Vec<super::super::Item>, aerodb_core::hash::Hash) {
    (store.scan(&ScanRange::ALL, at(view), 100).0, store.state_digest(at(view)))
}

#[test]
fn mvg_1_every_view_from_the_floor_on_shows_what_it_showed_before() {
    let (_writer, store) = filled(100);
    let before: Vec<_> = (0..=100).map(|view| everything(&store, view)).collect();
    for floor in [10, 60, 99, 100] {
        prune(&store, Some(at(100)), 100 - floor);
        assert_eq!(store.oldest_retained(), at(floor));
        for view in floor..=100 {
            assert_eq!(everything(&store, view), before[view as usize], "{view} from {floor} on");
        }
        // Not one more is kept than some view can show: what the floor shows of each key, and all above.
        let shown = everything(&store, floor).0;
        let above = (floor + 1..=100).map(key);
        let keys = shown.iter().map(|item| item.key.clone()).chain(above).collect::<BTreeSet<_>>();
        let usage = store.usage();
        let expected = (keys.len() as u64, shown.len() as u64 + 100 - floor);
        assert_eq!((usage.keys, usage.versions), expected, "floor {floor}");
    }
    assert_eq!(prune(&store, Some(at(100)), 0), 0, "pruning twice takes nothing more");
}

fn one(op: Op) -> Commit {
    Commit { ops: vec![op] }
}

fn put(value: &'static str) -> Commit {
    one(Op::Put { key: "a".into(), value: value.into() })
}

fn delete() -> Commit {
    one(Op::Delete { key: "a".into() })
}

#[test]
fn mvg_4_the_newest_value_of_a_key_stays() {
    let (mut writer, store) = Store::empty();
    writer.apply(id(1), delete());
    writer.apply(id(2), put("1"));
    writer.apply(id(3), put("2"));
    writer.hand_over();
    assert_eq!(prune(&store, Some(at(3)), 0), 2);
    assert_eq!(store.get(b"a", at(3)), Some((id(3), "2".into())));
    let usage = store.usage();
    let bytes = 2 + VERSION_OVERHEAD_BYTES;
    assert_eq!(usage, Usage { keys: 1, versions: 1, bytes });
}

#[test]
fn a_deleted_key_takes_no_room_once_no_view_can_be_opened_before_its_end() {
    let (mut writer, store) = Store::empty();
    writer.apply(id(1), put("1"));
    writer.apply(id(2), delete());
    writer.hand_over();
    assert_eq!(prune(&store, Some(at(2)), 1), 0, "commit 1 can be read");
    assert_eq!(prune(&store, Some(at(2)), 0), 2);
    assert_eq!(store.versions(b"a", Boundary::new(u64::MAX), 9).len(), 0);
    assert_eq!(store.usage(), Usage::default());
    assert_eq!(store.get(b"a", at(2)), None);
}

/// The key counts once whether it comes back before its tombstone went, or after.
#[test]
fn a_key_that_comes_back_is_counted_once() {
    for prunes_between in [false, true] {
        let (mut writer, store) = Store::empty();
        writer.apply(id(1), put("1"));
        writer.apply(id(2), delete());
        if prunes_between {
            writer.hand_over();
            prune(&store, Some(at(2)), 0);
        }
        writer.apply(id(3), put("2"));
        writer.hand_over();
        assert_eq!(store.usage().keys, 1);
        prune(&store, Some(at(3)), 0);
        let bytes = 2 + VERSION_OVERHEAD_BYTES;
        assert_eq!(store.usage(), Usage { keys: 1, versions: 1, bytes });
        assert_eq!(store.get(b"a", at(3)), Some((id(3), "2".into())));
    }
}

#[test]
fn mvg_3_nothing_goes_and_the_floor_stays_when_it_cannot_be_recorded() {
    let (_writer, store) = filled(100);
    let mut asked = Vec::new();
    let taken = store.prune(Some(at(100)), 40, &mut |floor| {
        asked.push(floor);
        false
    });
    assert_eq!((taken, asked), (0, vec![at(60)]));
    assert_eq!((store.oldest_retained(), store.usage().versions), (at(0), 100));
    assert!(store.view(at(1), ViewSource::User).is_some());
    assert!(prune(&store, Some(at(100)), 40) > 0, "later it is recorded");
}

#[test]
fn mvg_3_what_was_pruned_is_not_readable_after_a_replay_and_goes_again() {
    let (_writer, pruned) = filled(100);
    prune(&pruned, Some(at(100)), 40);
    let (mut writer, replayed) = filled(100);
    writer.retain_from(at(60));
    assert!(replayed.view(at(59), ViewSource::User).is_none());
    let rows = |store: &Store| {
        let view = store.view_with_history(at(100), ViewSource::Internal).unwrap();
        store.retained(&view).collect::<Vec<_>>()
    };
    assert_eq!(rows(&replayed), rows(&pruned));
    let taken = replayed.prune(Some(at(100)), 40, &mut |_| panic!("nothing is recorded again"));
    assert!(taken > 0);
    assert_eq!(replayed.usage(), pruned.usage());
}

#[test]
fn mvg_1_an_open_view_keeps_what_it_needs_and_none_opens_below_the_floor() {
    let (_writer, store) = filled(100);
    let shown = everything(&store, 40);
    let view = store.view(at(40), ViewSource::User).unwrap();
    let other = store.view(at(80), ViewSource::Internal).unwrap();
    prune(&store, Some(at(100)), 0);
    assert_eq!(store.oldest_retained(), at(40));
    assert_eq!(everything(&store, 40), shown);
    assert!(store.view(at(39), ViewSource::User).is_none());
    drop(view);
    prune(&store, Some(at(100)), 0);
    assert_eq!(store.oldest_retained(), at(80));
    drop(other);
    prune(&store, Some(at(100)), 0);
    assert_eq!(store.oldest_retained(), at(100));
    assert!(store.views().is_empty());
}

#[test]
fn mvg_2_nothing_is_pruned_while_nothing_is_known_to_be_acknowledged() {
    let (_writer, store) = filled(100);
    assert_eq!(prune(&store, None, 0), 0);
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
        record: Box::new(|_| true),
    };
    let pruning = thread::spawn(move || pruner.run());
    // It is woken by what was handed over, and by the view's end only once it has looked in vain.
    while !store.shared.views.is_held_back() {
        thread::yield_now();
    }
    assert_eq!(store.usage().versions, 100);
    drop(view);
    while store.usage().versions > everything(&store, 100).0.len() as u64 {
        thread::yield_now();
    }
    drop(writer);
    pruning.join().unwrap();
}

#[test]
fn mvs_2_a_store_that_is_loaded_with_what_another_retains_shows_the_same_and_prunes_the_same() {
    let (_writer, store) = filled(100);
    prune(&store, Some(at(90)), 40);
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
    (91..=100).for_each(|number| writer.apply(id(number), change(number)));
    writer.hand_over();
    drop(view);
    for floor in [70, 95, 100] {
        prune(&store, Some(at(100)), 100 - floor);
        prune(&loaded, Some(at(100)), 100 - floor);
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
    prune(&pruned, Some(at(60)), 20);
    // The floor is raised, but nothing was taken out yet.
    waiting.shared.views.begin_at(at(40));
    let rows = |store: &Store| {
        let view = store.view_with_history(at(60), ViewSource::Internal).unwrap();
        store.retained(&view).collect::<Vec<_>>()
    };
    assert_eq!(rows(&pruned), rows(&waiting));
    assert!(waiting.usage().versions > rows(&waiting).len() as u64);
}

/// The pruner has taken out the last version of a key, and before it takes out the key the writer adds to it.
#[test]
fn mvg_4_a_key_that_comes_back_while_its_end_is_pruned_is_not_lost() {
    let (mut writer, store) = Store::empty();
    writer.apply(id(1), delete());
    let ended = store.shared.keys.find(b"a").unwrap();
    assert!(ended.remove(id(1)).unwrap().ended);
    writer.apply(id(2), put("2"));
    store.shared.keys.remove(&ended);
    assert_eq!(store.get(b"a", at(2)), Some((id(2), "2".into())));
    let (items, more) = store.scan(&ScanRange::ALL, at(2), 9);
    assert_eq!((items.len(), more), (1, false));
}

/// Where a key is looked for before its write is applied, it may be gone by then, and back.
#[test]
fn a_key_that_was_found_before_it_went_and_came_back_has_one_history() {
    let (mut writer, store) = Store::empty();
    writer.apply(id(1), put("1"));
    let found = store.place(b"a");
    writer.apply(id(2), delete());
    writer.hand_over();
    assert_eq!(prune(&store, Some(at(2)), 0), 2);
    let not_found = store.place(b"a");
    writer.apply(id(3), put("3"));
    writer.apply_at(id(4), put("4"), found);
    writer.apply_at(id(5), put("5"), not_found);
    let (items, more) = store.scan(&ScanRange::ALL, at(5), 9);
    assert_eq!((items.len(), more), (1, false));
    assert_eq!(store.usage().keys, 1);
    for (number, value) in [(3, "3"), (4, "4"), (5, "5")] {
        assert_eq!(store.get(b"a", at(number)), Some((id(number), value.into())));
    }
}

/// Keys come and go, and their places are some commits old.
#[test]
fn wherever_keys_were_found_before_the_store_is_the_same() {
    let ((mut here, with_places), (mut there, without)) = (Store::empty(), Store::empty());
    let mut places = VecDeque::new();
    for number in 1..=2000 {
        places.push_back(with_places.place(&key(number + 3 * KEYS)));
        // Of the same key, as it was found three rounds of all keys ago.
        let place = if places.len() > 3 * KEYS as usize { places.pop_front() } else { None };
        here.apply_at(id(number), change(number), place.unwrap_or_default());
        there.apply(id(number), change(number));
        if number % 11 == 0 {
            here.hand_over();
            there.hand_over();
            let retain = number % 3;
            let pruned = prune(&with_places, Some(at(number)), retain);
            assert_eq!(pruned, prune(&without, Some(at(number)), retain));
        }
        assert_eq!(with_places.usage(), without.usage());
        assert_eq!(everything(&with_places, number), everything(&without, number));
    }
}
