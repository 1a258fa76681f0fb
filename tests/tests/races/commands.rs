//! A promotion on the designation, and a command that takes the ground from under it.

use aerodb_tests::{Answer, Node};
use serde_json::json;

use crate::ring::Ring;
use crate::together::{Ask, together};

const ROUNDS: usize = 16;

fn denied_by(answer: &Answer, rule: &str) {
    answer.refused(409, "PROMOTION_DENIED");
    let why = answer.body["explanation"]["conclusion"]["reason"].as_str().unwrap_or_default();
    assert!(why.contains(rule), "{}", answer.text);
}

/// Both at once; gives what the promotion and the command were answered.
fn race(
    ring: &Ring,
    command: impl FnOnce() -> Answer + Send,
) -> (Answer, Answer) {
    let (heir, epoch) = (ring.heir(), ring.epoch());
    let asks: Vec<Ask<'_>> = vec![Box::new(move || heir.promote(epoch)), Box::new(command)];
    let answers: [Answer; 2] = together(asks).try_into().expect("two answers");
    let [promoted, commanded] = answers;
    (promoted, commanded)
}

/// How often each side came first: a race that only one side ever wins was none.
#[derive(Debug, Default)]
struct Score {
    promoted: usize,
    commanded: usize,
}

#[test]
fn a_promotion_and_a_release_at_once_have_one_outcome() {
    let (mut ring, mut score) = (Ring::start(), Score::default());
    for _ in 0..ROUNDS {
        ring.holder().designate(&ring.heir().id);
        let (promoted, released) = race(&ring, || {
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
    println!("promotion against release: {score:?}");
}

#[test]
fn a_promotion_and_a_relinquishment_at_once_have_one_outcome() {
    let (mut ring, mut score) = (Ring::start(), Score::default());
    for _ in 0..ROUNDS {
        ring.holder().designate(&ring.heir().id);
        let (promoted, relinquished) = race(&ring, || {
            ring.ask(ring.holder(), "/v1/authority/relinquish", Some(ring.heir()))
        });
        assert!(matches!(relinquished.status, 200 | 202 | 409), "{}", relinquished.text);
        if promoted.status == 200 {
            score.promoted += 1;
        } else {
            // It had the relinquishment and not yet all of it: nobody acknowledges until it is asked again.
            promoted.refused(409, "PROMOTION_DENIED");
            score.commanded += 1;
            let (heir, epoch) = (ring.heir(), ring.epoch());
            heir.wait("is granted the epoch that was ended in its favour", || {
                (heir.promote(epoch).status == 200).then_some(())
            });
        }
        ring.settle(true);
    }
    println!("promotion against relinquishment: {score:?}");
}

/// The heir itself is asked for both.
#[test]
fn a_promotion_and_a_decline_at_once_have_one_outcome() {
    let (mut ring, mut score) = (Ring::start(), Score::default());
    for _ in 0..ROUNDS {
        ring.holder().designate(&ring.heir().id);
        let (promoted, declined) =
            race(&ring, || ring.ask(ring.heir(), "/v1/authority/decline", None));
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
    println!("promotion against decline: {score:?}");
}

fn release_on(holder: &Node, epoch: u64, certificate: &serde_json::Value) {
    let body = json!({
        "expected_epoch": epoch, "reason": "declined", "evidence": [{ "decline": certificate }],
    });
    let _ = holder.post("/v1/authority/release", &body).expect(200);
}
