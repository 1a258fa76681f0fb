//! F-RS2: a read under which the state changes is evaluated again or refused, and never mixes two states.

use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use aerodb_tests::proxy::Fault;
use aerodb_tests::{Answer, Cluster, Node};

use crate::golden;
use crate::stage::{Stage, wait_halted};

/// Far below the 30 seconds that a read may wait by default: what ends it is the change.
const PROMPT: Duration = Duration::from_secs(15);

fn ask<'s>(scope: &'s Scope<'s, '_>, node: &Node, path: &str) -> ScopedJoinHandle<'s, Answer> {
    let url = format!("{}{path}", node.url());
    scope.spawn(move || aerodb_tests::send("GET", &url, &[], None).expect("an answer"))
}

/// Proves: M-R30.
#[test]
fn f_rs2_a_read_that_waits_while_its_node_halts_is_refused_at_once() {
    let mut cluster = Cluster::start();
    cluster.n1.designate("n2");
    let _ = cluster.n1.put("k", "1").expect(200);
    cluster.n2.freeze();
    let soon = [("aerodb-deadline-ms", "200")];
    let caught = cluster.n1.try_send("PUT", "/v1/kv/k", &soon, Some(b"2")).expect("an answer");
    caught.refused(503, "NOT_ACKNOWLEDGED");

    std::thread::scope(|scope| {
        // It waits for the echo of a successor that does not answer; then the successor is gone.
        let unconfirmed = ask(scope, &cluster.n1, "/v1/kv/k");
        cluster.n2.kill_shared();
        let refused = unconfirmed.join().expect("no panic");
        refused.refused(503, "READ_UNSAFE");
        assert_eq!(refused.body["rule"], "AU-11");
    });
    // Frozen, so that it cannot hand its suffix to the successor first.
    cluster.n1.freeze();
    cluster.n2.start_again();
    let _ = cluster.n2.promote(1).expect(200);
    cluster.n1.thaw();
    let asked = Instant::now();
    std::thread::scope(|scope| {
        let waiting = ask(scope, &cluster.n1, "/v1/kv/k?consistency=snapshot&min_commit=9");
        cluster.n1.follow(&cluster.n2).refused(503, "HALTED");
        let refused = waiting.join().expect("no panic");
        refused.refused(503, "HALTED");
        golden::check("f_rs2_halted", &refused.body["explanation"]);
    });
    assert!(asked.elapsed() < PROMPT, "{:?}", asked.elapsed());
}

#[test]
fn f_rs2_a_read_that_waits_while_its_node_is_promoted_is_answered_in_the_new_epoch_alone() {
    let mut cluster = Cluster::start();
    cluster.n1.designate("n2");
    let _ = cluster.n1.put("k", "1").expect(200);
    cluster.n2.wait_applied(1);
    cluster.n1.kill();
    std::thread::scope(|scope| {
        let get = ask(scope, &cluster.n2, "/v1/kv/k?min_commit=2");
        let scan = ask(scope, &cluster.n2, "/v1/kv?min_commit=2");
        let _ = cluster.n2.promote(1).expect(200);
        let put = cluster.n2.put("k", "2").expect(200);
        assert_eq!(put.body["data"]["commit_id"], 2);
        let got = get.join().expect("no panic").expect(200);
        assert_eq!((got.text.as_str(), got.view, got.epoch), ("2", Some(2), Some(2)));
        let page = scan.join().expect("no panic").expect(200);
        assert_eq!((page.view, page.epoch), (Some(2), Some(2)));
        let observed = &page.body["observed_at"];
        assert_eq!((&observed["commit_id"], &observed["epoch"]), (&2.into(), &2.into()));
        assert_eq!(page.body["data"]["commit_id"], 2);
        assert_eq!(page.body["data"]["items"][0]["value"], "2");
    });
}

/// The look at the end of a read: it has read, and its node halts before it is answered. Everybody else is answered
/// while it stands there, on whatever thread their connections are.
/// Proves: M-R30.
#[test]
fn f_rs2_a_read_that_has_read_when_its_node_halts_is_refused() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.n2.stop();
    let hold = stage.n2.start_to_stand_at("read.mid");
    stage.wait_pulling();
    stage.n2.wait_shown(2);
    std::thread::scope(|scope| {
        let read = ask(scope, &stage.n2, "/v1/kv/k1?consistency=snapshot");
        // It goes on when this closure ends, however it does.
        let mut hold = hold;
        hold.reached(&stage.n2);
        stage.proxy.next(Fault::Flip(40));
        stage.put(3..=3);
        let _ = wait_halted(&stage.n2, "F-V1");
        hold.release();
        let refused = read.join().expect("no panic");
        refused.refused(503, "HALTED");
    });
}
