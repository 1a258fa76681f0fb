//! Who is told what, and when.

use aerodb_core::decision::acknowledge::Floor;
use aerodb_core::id::Epoch;
use aerodb_http_api::connection::ConnectionGuard;

use super::*;
use crate::replication::Peers;

const fn at(commits: u64) -> Boundary {
    Boundary::new(commits)
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn owed_to(node: &str) -> Obligation {
    Obligation { node_id: NodeId::new(node).unwrap(), epoch: Epoch::FIRST }
}

fn holding(obligation: Option<Obligation>) -> Acknowledgements<()> {
    let acks = Acknowledgements::new(at(0), Some(at(0)), Some(seq(1)));
    acks.hold(Tenure::new(obligation, Floor::Known(at(0)), seq(1), Some(seq(1))));
    acks
}

fn append(acks: &Acknowledgements<()>, end: u64) -> oneshot::Receiver<((), Settled)> {
    let (reply, settled) = oneshot::channel();
    acks.durable(at(end), [Waiter { needs: at(end), value: (), reply }]);
    settled
}

#[test]
fn locally_a_durable_write_is_acknowledged_at_once() {
    let acks = holding(None);
    assert_eq!(append(&acks, 1).try_recv().unwrap().1, Ok(Durability::Local));
    assert_eq!(acks.bounds().acknowledged, Some(at(1)));
}

#[test]
fn paired_a_write_waits_for_the_receipt_that_covers_it() {
    let owed = owed_to("n2");
    let acks = holding(Some(owed.clone()));
    acks.look_again(&owed.node_id, |_| true);
    let (mut one, mut two) = (append(&acks, 1), append(&acks, 2));
    assert!(one.try_recv().is_err());
    assert_eq!(acks.bounds().acknowledged, Some(at(0)));
    acks.receipt(&owed, at(1), Some(seq(1)));
    assert_eq!(one.try_recv().unwrap().1, Ok(Durability::Paired));
    assert!(two.try_recv().is_err());
    acks.receipt(&owed_to("n3"), at(2), None);
    assert!(two.try_recv().is_err(), "a receipt of another node counts for nothing");
    acks.receipt(&owed, at(2), None);
    assert_eq!(two.try_recv().unwrap().1, Ok(Durability::Paired));
}

#[test]
fn au10_a_write_caught_by_a_detached_successor_is_not_acknowledged() {
    let owed = owed_to("n2");
    let acks = holding(Some(owed.clone()));
    acks.look_again(&owed.node_id, |_| true);
    let mut caught = append(&acks, 1);
    acks.look_again(&owed.node_id, |_| false);
    assert_eq!(caught.try_recv().unwrap().1, Err(Unacknowledged::SuccessorDetached));
    assert_eq!(append(&acks, 2).try_recv().unwrap().1, Err(Unacknowledged::SuccessorDetached));
    assert_eq!(acks.bounds().acknowledged, Some(at(0)));
}

#[test]
fn the_end_of_an_earlier_connection_noticed_late_detaches_nobody() {
    let (owed, peers) = (owed_to("n2"), Peers::default());
    let acks = holding(Some(owed.clone()));
    let node = &owed.node_id;
    let (first_life, first) = ConnectionGuard::open("n2");
    let (second_life, second) = ConnectionGuard::open("n2");
    let look = || acks.look_again(node, |node| peers.is_attached(node));
    peers.heard(node, ([1; 16], None), &first, None, None).unwrap();
    look();
    drop(first_life);
    peers.heard(node, ([1; 16], None), &second, None, None).unwrap();
    look();
    look();
    assert_eq!(acks.successor_attached(), Some(true));
    drop(second_life);
    look();
    assert_eq!(acks.successor_attached(), Some(false));
    acks.look_again(&owed_to("n3").node_id, |_| true);
    assert_eq!(acks.successor_attached(), Some(false), "another node's connection");
}

#[test]
fn a_node_whose_connection_ends_while_it_is_designated_is_not_attached() {
    let (owed, peers) = (owed_to("n2"), Peers::default());
    let acks = holding(None);
    let (life, guard) = ConnectionGuard::open("n2");
    peers.heard(&owed.node_id, ([1; 16], None), &guard, None, None).unwrap();
    drop(life);
    acks.look_again(&owed.node_id, |node| peers.is_attached(node));
    acks.ledger_grown(Some(owed), seq(2), |node| peers.is_attached(node));
    assert_eq!(acks.successor_attached(), Some(false));
}

#[test]
fn a_write_that_waits_when_the_obligation_ends_is_acknowledged_as_what_it_is() {
    let owed = owed_to("n2");
    let acks = holding(Some(owed.clone()));
    acks.look_again(&owed.node_id, |_| true);
    let mut caught = append(&acks, 1);
    acks.ledger_grown(None, seq(2), |_| true);
    assert_eq!(caught.try_recv().unwrap().1, Ok(Durability::Local));
}

#[test]
fn the_bound_of_a_new_obligation_starts_at_what_was_acknowledged() {
    let acks = holding(None);
    drop(append(&acks, 3));
    let owed = owed_to("n2");
    acks.ledger_grown(Some(owed.clone()), seq(2), |_| true);
    assert_eq!(
        acks.bounds(),
        Bounds { durable: at(3), acknowledged: Some(at(3)), covered: Some(seq(1)) }
    );
    acks.receipt(&owed, at(3), Some(seq(2)));
    assert_eq!(acks.bounds().covered, Some(seq(2)));
}

#[test]
fn au12_after_a_restart_under_obligation_nothing_is_known_until_the_tip_is_covered() {
    let owed = owed_to("n2");
    let acks = Acknowledgements::<()>::new(at(5), None, None);
    acks.hold(Tenure::new(Some(owed.clone()), Floor::UnknownUntil(at(5)), seq(2), None));
    assert_eq!(acks.bounds().acknowledged, None);
    acks.receipt(&owed, at(4), Some(seq(2)));
    assert_eq!(acks.bounds().acknowledged, None);
    acks.receipt(&owed, at(5), Some(seq(2)));
    assert_eq!(acks.bounds().acknowledged, Some(at(5)));
}

#[test]
fn who_waits_when_the_tenure_ends_is_told() {
    let owed = owed_to("n2");
    let acks = holding(Some(owed.clone()));
    acks.look_again(&owed.node_id, |_| true);
    let mut caught = append(&acks, 1);
    acks.stop_holding(Some(at(0)), Some(seq(1)));
    assert_eq!(caught.try_recv().unwrap().1, Err(Unacknowledged::AuthorityEnded));
}
