//! Authority moves while clients write. Every write is acknowledged and in the history up to where the epoch ends,
//! or refused, or answered `NOT_ACKNOWLEDGED` with its commit id; and every commit of the epoch is one of these.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use aerodb_tests::{Answer, Node};

use crate::ring::Ring;

const ROUNDS: u64 = 8;
const WRITERS: usize = 6;
/// So many are acknowledged before authority moves.
const ENOUGH: usize = 60;

/// What clients were told of the writes that became commits.
#[derive(Debug, Default)]
struct Told {
    /// Commit to key, of what was acknowledged.
    acknowledged: BTreeMap<u64, String>,
    /// The same of what was not.
    caught: BTreeMap<u64, String>,
    /// Codes of what never became a commit.
    refused: BTreeSet<String>,
}

impl Told {
    fn take(&mut self, key: String, answer: &Answer) {
        let commit = |place: &serde_json::Value| place["commit_id"].as_u64().expect("a commit id");
        let before = match (answer.status, answer.code()) {
            (200, _) => self.acknowledged.insert(commit(&answer.body["data"]), key),
            (503, "NOT_ACKNOWLEDGED") => self.caught.insert(commit(&answer.body), key),
            (421 | 503, code) => {
                self.refused.insert(code.to_owned());
                None
            }
            _ => panic!("{}", answer.text),
        };
        assert_eq!(before, None, "a commit id was given twice: {}", answer.text);
    }

    fn commits(&self) -> BTreeSet<u64> {
        let both: BTreeSet<u64> =
            self.acknowledged.keys().chain(self.caught.keys()).copied().collect();
        assert_eq!(both.len(), self.acknowledged.len() + self.caught.len(), "{self:?}");
        both
    }
}

/// Clients write to the holder; in the middle of it authority moves; they go on until they are told that it does.
fn under_load<T>(holder: &Node, round: u64, moving: impl FnOnce() -> T) -> (T, Told) {
    let (told, written, moved) =
        (Mutex::new(Told::default()), AtomicUsize::new(0), AtomicBool::new(false));
    let outcome = std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (told, written, moved) = (&told, &written, &moved);
            scope.spawn(move || {
                for number in 0.. {
                    let last = moved.load(Ordering::SeqCst);
                    let key = format!("r{round}-w{writer}-{number}");
                    let answer = holder.put(&key, &key);
                    assert!(
                        !last || answer.status != 200,
                        "acknowledged too late: {}",
                        answer.text
                    );
                    written.fetch_add(usize::from(answer.status == 200), Ordering::SeqCst);
                    told.lock().expect("no panic").take(key, &answer);
                    if last {
                        return;
                    }
                }
            });
        }
        holder.wait("acknowledges", || (written.load(Ordering::SeqCst) >= ENOUGH).then_some(()));
        let outcome = moving();
        moved.store(true, Ordering::SeqCst);
        outcome
    });
    (outcome, told.into_inner().expect("no panic"))
}

fn assert_there(node: &Node, key: &str, commit: u64) {
    let answer = node.get(&format!("/v1/kv/{key}")).expect(200);
    assert_eq!((answer.text.as_str(), answer.etag), (key, Some(format!("\"{commit}\""))));
}

/// With a successor and without one, which decides what an acknowledgement waits for.
#[test]
fn relinquishing_under_load_leaves_no_write_in_between() {
    let mut ring = Ring::start();
    for round in 0..ROUNDS {
        if round % 2 == 0 {
            ring.holder().designate(&ring.heir().id);
        }
        let before = ring.holder().data("/v1/wal")["tip"]["commit_id"].as_u64().unwrap_or(0);
        let (done, told) = under_load(ring.holder(), round, || {
            ring.ask(ring.holder(), "/v1/authority/relinquish", Some(ring.heir()))
        });
        let done = done.expect(200);
        let last = done.body["data"]["body"]["final"]["commit_id"].as_u64().expect("a commit");
        // No commit that nobody was told of, none past the end, and none twice.
        assert_eq!(told.commits(), (before + 1..=last).collect());
        assert!(told.refused.iter().all(|code| code == "SEALED"), "{:?}", told.refused);
        let (heir, epoch) = (ring.heir(), ring.epoch());
        let granted = heir.wait("is granted the epoch", || {
            let granted = heir.promote(epoch);
            (granted.status == 200).then_some(granted)
        });
        assert_eq!(granted.body["data"]["start_commit"], last);
        // Everything up to the grant's start counts as acknowledged (DESIGN 8).
        for (commit, key) in told.acknowledged.iter().chain(&told.caught) {
            assert_there(heir, key, *commit);
        }
        ring.settle(true);
    }
}

#[test]
fn a_promotion_under_load_loses_nothing_that_was_acknowledged() {
    let mut ring = Ring::start();
    let mut lost = 0;
    for round in 0..ROUNDS {
        ring.holder().designate(&ring.heir().id);
        let (granted, told) =
            under_load(ring.holder(), round, || ring.heir().promote(ring.epoch()));
        let start = granted.expect(200).body["data"]["start_commit"].as_u64().expect("a commit");
        let heir = ring.heir();
        for (commit, key) in &told.acknowledged {
            assert!(
                *commit <= start,
                "commit {commit} was acknowledged, the grant starts at {start}"
            );
            assert_there(heir, key, *commit);
        }
        for (commit, key) in &told.caught {
            if *commit <= start {
                assert_there(heir, key, *commit);
            } else {
                heir.get(&format!("/v1/kv/{key}")).refused(404, "KEY_NOT_FOUND");
                lost += 1;
            }
        }
        assert!(told.refused.iter().all(|code| code == "SUCCESSOR_DETACHED"), "{:?}", told.refused);
        ring.settle(true);
    }
    println!("{lost} writes that were never acknowledged are in no history");
}
