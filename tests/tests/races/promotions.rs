//! Promotions asked for at once.

use aerodb_tests::Answer;
use serde_json::json;

use crate::ring::Ring;
use crate::together::{Ask, together};

const ROUNDS: usize = 12;
const CALLERS: usize = 50;

fn approved(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.status == 200).count()
}

/// Both replicas, and the holder with them: only the heir is granted the epoch.
#[test]
fn two_replicas_asked_at_once_are_granted_one_epoch() {
    let mut ring = Ring::start();
    for _ in 0..ROUNDS {
        ring.holder().designate(&ring.heir().id);
        let epoch = ring.epoch();
        let nodes = [ring.heir(), ring.third(), ring.holder()];
        let asks = nodes.map(|node| Box::new(move || node.promote(epoch)) as Ask<'_>);
        let answers = together(asks.into());
        assert_eq!(answers[0].status, 200, "{}", answers[0].text);
        assert_eq!(answers[0].body["data"]["epoch"], epoch + 1);
        for denied in &answers[1..] {
            denied.refused(409, "PROMOTION_DENIED");
        }
        ring.settle(true);
    }
}

/// Unnamed requests are as many attempts, of which one is approved.
#[test]
fn one_replica_asked_fifty_times_at_once_is_granted_the_epoch_once() {
    let mut ring = Ring::start();
    for _ in 0..ROUNDS {
        ring.holder().designate(&ring.heir().id);
        let (heir, epoch) = (ring.heir(), ring.epoch());
        let ask = || Box::new(move || heir.promote(epoch)) as Ask<'_>;
        let answers = together((0..CALLERS).map(|_| ask()).collect());
        assert_eq!(approved(&answers), 1);
        for denied in answers.iter().filter(|answer| answer.status != 200) {
            denied.refused(409, "PROMOTION_DENIED");
            let why = denied.body["explanation"]["conclusion"]["reason"].as_str();
            assert!(why.is_some_and(|why| why.starts_with("P6-A3")), "{}", denied.text);
        }
        let attempts = heir.data("/v1/promotions");
        let of_this_race = |attempt: &&serde_json::Value| attempt["expected_epoch"] == epoch;
        let attempts: Vec<_> =
            attempts.as_array().expect("a list").iter().filter(of_this_race).cloned().collect();
        assert_eq!(attempts.len(), CALLERS);
        let outcomes =
            |outcome: &str| attempts.iter().filter(|it| it["outcome"] == outcome).count();
        assert_eq!((outcomes("approved"), outcomes("denied")), (1, CALLERS - 1));
        ring.settle(true);
    }
}

/// Named alike they are one attempt, whose outcome everybody is told.
#[test]
fn one_named_request_sent_fifty_times_at_once_is_one_attempt() {
    let mut ring = Ring::start();
    for round in 0..ROUNDS {
        ring.holder().designate(&ring.heir().id);
        let (heir, epoch) = (ring.heir(), ring.epoch());
        let body = json!({
            "expected_epoch": epoch, "reason": "race", "request_id": format!("round-{round}"),
        });
        let ask = || Box::new(|| heir.post("/v1/promotions", &body)) as Ask<'_>;
        let answers = together((0..CALLERS).map(|_| ask()).collect());
        for answer in &answers {
            assert_eq!(answer.body, answers[0].body, "{}", answer.text);
        }
        assert_eq!(approved(&answers), CALLERS);
        ring.settle(true);
    }
}
