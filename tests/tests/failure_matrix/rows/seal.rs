//! M-P17 and M-P18: the holder gives its epoch up, and dies at every step of that.

use std::thread;

use aerodb_tests::{Node, aerodb, command_dies_at};
use serde_json::json;

use crate::rows::pair::{First, ORDERS, Pair, state};
use crate::rows::promotion::{after_the_frame, before_the_frame};

fn body(pair: &Pair) -> serde_json::Value {
    json!({ "successor": pair.heir.id, "expected_epoch": pair.holder.epoch(), "reason": "test" })
}

fn relinquish<'a>(node: &'a Node, heir: &'a str, epoch: &'a str) -> [&'a str; 8] {
    let dir = node.dir_arg();
    ["relinquish", heir, "--expected-epoch", epoch, "--reason", "test", "--data-dir", dir]
}

/// The holder is still the holder: it acknowledges, and nobody has a basis to be promoted on.
#[track_caller]
fn assert_holding(pair: &mut Pair, epoch: u64, what: &str) {
    pair.attach();
    assert_eq!(state(&pair.holder, "role"), "PrimaryActive", "{what}");
    pair.heir.promote(epoch).refused(409, "PROMOTION_DENIED");
    pair.put();
}

/// It is sealed: it acknowledges nothing, serves its heir, and the heir is promoted and has everything.
#[track_caller]
fn assert_sealed(pair: &mut Pair, epoch: u64, what: &str) {
    assert_eq!(state(&pair.holder, "role"), "PrimarySealed", "{what}");
    pair.holder.put("stolen", "1").refused(503, "SEALED");
    pair.attach();
    let heir = &pair.heir;
    heir.wait("has the relinquishment", || {
        let authority = heir.try_get("/v1/authority")?.body["data"].clone();
        (authority["status"] == "relinquished").then_some(())
    });
    let granted = heir.promote(epoch).expect(200);
    assert_eq!(granted.body["data"]["start_commit"], pair.acknowledged, "{what}");
    pair.holder.put("stolen", "1").refused(503, "SEALED");
    pair.assert_readable(&pair.heir);
    let _ = pair.holder.follow(&pair.heir).expect(200);
    std::mem::swap(&mut pair.holder, &mut pair.heir);
    pair.wait_attached();
    pair.put();
    pair.assert_equal();
}

/// A running holder is asked to relinquish, and dies at each of these points.
#[track_caller]
fn each_dies_online(points: &[String], sealed: bool) {
    let mut pair = Pair::strangers();
    for first in ORDERS {
        for point in points {
            let what = format!("{point}, {first:?} first");
            let epoch = pair.holder.epoch();
            let _ = pair.holder.stop();
            pair.holder.start_to_die_at(point);
            pair.attach();
            pair.put();
            let answer = pair.holder.try_post("/v1/authority/relinquish", &body(&pair));
            assert!(answer.is_none(), "{what}: {answer:?}");
            pair.holder.died_at(point);
            pair.heir.kill();
            pair.start_both(first);
            if sealed {
                assert_sealed(&mut pair, epoch, &what);
            } else {
                assert_holding(&mut pair, epoch, &what);
            }
        }
    }
    pair.audited();
}

#[test]
fn m_p17_a_relinquishment_of_which_no_whole_frame_is_written_is_none() {
    each_dies_online(&before_the_frame("ledger", ""), false);
}

#[test]
fn m_p17_a_relinquishment_whose_frame_is_whole_seals_for_good() {
    let mut places = after_the_frame("ledger", "");
    places.extend(["seal.after", "seal.recorded"].map(str::to_owned));
    each_dies_online(&places, true);
}

/// The same on a stopped node's directory: the command, run again, comes to the same end.
#[test]
fn m_p17_a_relinquishment_on_a_stopped_node_is_none_or_whole_and_run_again_is_the_same() {
    let mut places = before_the_frame("ledger", "");
    let none = places.len();
    places.extend(after_the_frame("ledger", ""));
    places.extend(["seal.after", "seal.recorded"].map(str::to_owned));
    // The command opens the directory as a start does, with a stamp of its own; the second is the one that
    // names the relinquishment.
    for step in ["tmp_write[0]", "tmp_write[100]", "fsync", "rename", "dir_fsync"] {
        places.push(format!("meta.{step}:2"));
    }
    let mut pair = Pair::strangers();
    for (number, point) in places.iter().enumerate() {
        let epoch = pair.holder.epoch();
        let text = epoch.to_string();
        pair.holder.kill();
        command_dies_at(point, &relinquish(&pair.holder, &pair.heir.id, &text));
        // A crash leaves a holder or a sealed node, and which one does not depend on who looks.
        let shown = aerodb(&["ledger", "verify", "--data-dir", pair.holder.dir_arg()]);
        assert_eq!(shown.code, Some(0), "{point}: {shown:?}");
        if number < none {
            pair.holder.start();
            assert_holding(&mut pair, epoch, point);
            pair.holder.kill();
        }
        let again = aerodb(&relinquish(&pair.holder, &pair.heir.id, &text));
        assert_eq!(again.code, Some(0), "{point}: {again:?}");
        pair.heir.kill();
        pair.start_both(First::Holder);
        assert_sealed(&mut pair, epoch, point);
    }
    pair.audited();
}

/// A designation or a release is one entry, whole or absent; asked for again it is there, once.
#[test]
fn a_command_that_dies_is_whole_or_absent_and_asked_again_is_the_same() {
    let mut pair = Pair::strangers();
    let mut places: Vec<_> =
        before_the_frame("ledger", "").into_iter().map(|it| (it, false)).collect();
    places.extend(after_the_frame("ledger", "").into_iter().map(|it| (it, true)));
    places.push(("command.durable".to_owned(), true));
    let named = |node: &Node| node.data("/v1/authority")["successor"]["node_id"].clone();
    for (point, there) in places {
        let _ = pair.holder.stop();
        pair.holder.start_to_die_at(&point);
        pair.attach();
        let answer = pair.holder.try_post("/v1/authority/designate", &body(&pair));
        assert!(answer.is_none(), "{point}: {answer:?}");
        pair.holder.died_at(&point);
        pair.holder.start();
        assert_eq!(named(&pair.holder) == *pair.heir.id, there, "{point}");
        pair.attach();
        if !there {
            pair.holder.designate("n2");
        }
        pair.put();
        let released = pair.holder.post("/v1/authority/release", &body(&pair)).expect(200);
        assert_eq!(released.body["data"]["covered"], true, "{point}: {}", released.text);
        let holder = &pair.holder;
        holder.wait("owes nothing", || {
            let authority = holder.try_get("/v1/authority")?.body["data"].clone();
            authority["successor"].is_null().then_some(())
        });
        pair.put();
    }
    pair.audited();
}

/// Every write is acknowledged and at or below the final commit, or it is not acknowledged.
#[test]
fn m_p18_writes_in_flight_are_acknowledged_below_the_final_commit_or_not_at_all() {
    let pair = Pair::strangers();
    let holder = &pair.holder;
    let asked = body(&pair);
    let (acknowledged, last) = thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                scope.spawn(move || {
                    let mut commits = Vec::new();
                    for number in 0.. {
                        let put = holder.put(&format!("w{writer}-{number}"), "1");
                        if put.status != 200 {
                            assert!(
                                matches!(put.code(), "SEALED" | "NOT_ACKNOWLEDGED" | "RECOVERING"),
                                "{}",
                                put.text
                            );
                            break;
                        }
                        commits.push(put.body["data"]["commit_id"].as_u64().expect("a commit"));
                    }
                    commits
                })
            })
            .collect();
        holder.wait_applied(60);
        let done = holder.post("/v1/authority/relinquish", &asked).expect(200);
        let commits = writers.into_iter().flat_map(|it| it.join().expect("no panic"));
        (commits.collect::<Vec<_>>(), done)
    });
    let entry = last.body["data"]["entry"].to_string();
    pair.attach();
    let heir = &pair.heir;
    heir.wait("has the relinquishment", || {
        let authority = heir.try_get("/v1/authority")?.body["data"].clone();
        (authority["status"] == "relinquished").then_some(())
    });
    let granted = heir.promote(1).expect(200);
    let end = granted.body["data"]["start_commit"].as_u64().expect("a commit");
    assert!(acknowledged.len() >= 50, "{} acknowledged", acknowledged.len());
    assert!(acknowledged.iter().all(|commit| *commit <= end), "past {end}: {entry}");
    let all = heir.get("/v1/kv?prefix=w&limit=1000").expect(200);
    let held: Vec<_> = all.body["data"]["items"].as_array().expect("items").clone();
    for commit in &acknowledged {
        assert!(held.iter().any(|item| item["commit_id"] == *commit), "commit {commit} is lost");
    }
}
