//! A promotion on the designation, and a command that takes the ground from under it.

use aerodb_tests::{Answer, Node};
use serde_json::json;

use crate::ring::Ring;
use crate::together::{Ask, together};

const ROUNDS: usize = 16;
/// Of the command before the promotion, in looks; below zero it is the promotion's.
const HEAD_STARTS: [i32; 8] = [0, 1, 2, 4, 20, 0, -1, -4];

fn denied_by(answer: &Answer, rule: &str) {
    answer.refused(409, "PROMOTION_DENIED");
    let why = answer.body["explanation"]["conclusion"]["reason"].as_str().unwrap_or_default();
    assert!(why.contains(rule), "{}", answer.text);
}

/// Both at once, one side with a head start that differs from round to round: the other one looks first, so often.
/// Gives what the promotion and the command were answered.
fn race(ring: &Ring, round: usize, command: impl FnOnce() -> Answer + Send) -> (Answer, Answer) {
    let (heir, epoch) = (ring.heir(), ring.epoch());
    let head_start = HEAD_STARTS[round % HEAD_STARTS.len()];
    let promote = move || {
        looks(heir, epoch, head_start);
        heir.promote(epoch)
    };
    let command = move || {
        looks(heir, epoch, -head_start);
        command()
    };
    let asks: Vec<Ask<'_>> = vec![Box::new(promote), Box::new(command)];
    let answers: [Answer; 2] = together(asks).try_into().expect("two answers");
    let [promoted, commanded] = answers;
    (promoted, commanded)
}

/// Dry runs, which take what time requests take and leave no trace.
fn looks(heir: &Node, epoch: u64, count: i32) {
    for _ in 0..count {
        let body = json!({ "expected_epoch": epoch, "reason": "a look" });
        assert_ne!(heir.post("/v1/promotions?dry_run=true", &body).status, 500);
    }
}

/// How often each side came first.
#[derive(Debug, Default)]
struct Score {
    promoted: usize,
    commanded: usize,
}

impl Score {
    /// A race that only one side ever wins was none.
    fn check(&self, what: &str) {
        println!("promotion against {what}: {self:?}");
        assert!(self.promoted > 0 && self.commanded > 0, "{what}: {self:?}");
    }
}

#[test]
fn a_promotion_and_a_release_at_once_have_one_outcome() {
    let (mut ring, mut score) = (Ring::start(), Score::default());
    for round in 0..ROUNDS {
        ring.holder().designate(&ring.heir().id);
        let (promoted, released) = race(&ring, round, || {
            ring.ask(ring.holder(), "/v1/authority/release", Some(ring.heir()))
        });
        if promoted.status == 200 {
            // The release may be durable on the holder; it is never covered.
            assert_ne!(released.status, 200, "both: {}\n{}", promoted.text, released.text);
            score.promoted += 1;
            ring.settle(true);
        } else {
            denied_by(&promoted, "P6-A1");
            assert!(matches!(released.status, 200 | 202), "{}", released.text);
            score.commanded += 1;
            ring.settle(false);
            ring.without_a_successor();
        }
    }
    score.check("release");
}

#[test]
fn a_promotion_and_a_relinquishment_at_once_have_one_outcome() {
    let (mut ring, mut score) = (Ring::start(), Score::default());
    for round in 0..ROUNDS {
        ring.holder().designate(&ring.heir().id);
        let (promoted, relinquished) = race(&ring, round, || {
            ring.ask(ring.holder(), "/v1/authority/relinquish", Some(ring.heir()))
        });
        assert!(matches!(relinquished.status, 200 | 202 | 409), "{}", relinquished.text);
        if promoted.status != 200 {
            // It had the relinquishment and not yet all of it: nobody acknowledges until it is asked again.
            promoted.refused(409, "PROMOTION_DENIED");
            let (heir, epoch) = (ring.heir(), ring.epoch());
            heir.wait("is granted the epoch that was ended in its favour", || {
                (heir.promote(epoch).status == 200).then_some(())
            });
        }
        let history = ring.heir().get("/history").expect(200).body;
        match history.as_array().and_then(|epochs| epochs.last()?["basis"].as_str()) {
            Some("designation") => score.promoted += 1,
            Some("relinquishment") => score.commanded += 1,
            other => panic!("{other:?}"),
        }
        ring.settle(true);
    }
    score.check("relinquishment");
}

/// The heir itself is asked for both.
#[test]
fn a_promotion_and_a_decline_at_once_have_one_outcome() {
    let (mut ring, mut score) = (Ring::start(), Score::default());
    for round in 0..ROUNDS {
        ring.holder().designate(&ring.heir().id);
        let (promoted, declined) =
            race(&ring, round, || ring.ask(ring.heir(), "/v1/authority/decline", None));
        if promoted.status == 200 {
            declined.refused(409, "COMMAND_REFUSED");
            assert_eq!(declined.body["rule"], "P6-A3", "{}", declined.text);
            score.promoted += 1;
            ring.settle(true);
        } else {
            denied_by(&promoted, "AU-17");
            let certificate = declined.expect(200).body["data"]["decline"].clone();
            score.commanded += 1;
            ring.settle(false);
            let epoch = ring.epoch();
            release_on(ring.holder(), epoch, &certificate);
            // The heir of this epoch is spent: authority goes on over the third node.
            let moved = json!({
                "successor": ring.third().id, "expected_epoch": epoch, "reason": "race",
            });
            let _ = ring.holder().post("/v1/authority/relinquish", &moved).expect(200);
            ring.pass_to_third();
        }
    }
    score.check("decline");
}

fn release_on(holder: &Node, epoch: u64, certificate: &serde_json::Value) {
    let body = json!({
        "expected_epoch": epoch, "reason": "declined", "evidence": [{ "decline": certificate }],
    });
    let _ = holder.post("/v1/authority/release", &body).expect(200);
}
