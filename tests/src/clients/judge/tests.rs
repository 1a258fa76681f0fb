//! What the judge must find, and what it must not.

use super::super::history::{Event, History, Operation, Seen};
use super::{Verdict, judge};
use Operation::{Delete, Get, Put, Swap};
use Seen::{Absent, Done, Refused, Unmet, Value};

/// One operation after the other, each called at the first and answered at the second number; no second number:
/// never answered.
fn judged(operations: &[(Operation, u32, Option<(u32, Seen)>)]) -> Verdict {
    let mut moments = Vec::new();
    for (index, (operation, called, answered)) in operations.iter().enumerate() {
        moments.push((*called, index, Err(*operation)));
        moments.extend(answered.map(|(at, seen)| (at, index, Ok(seen))));
    }
    moments.sort_by_key(|(at, _, _)| *at);
    let (history, mut calls) = (History::default(), vec![None; operations.len()]);
    for (_, index, moment) in moments {
        match moment {
            Err(operation) => calls[index] = Some(history.call("k", operation)),
            Ok(seen) => history.answer(calls[index].unwrap(), seen),
        }
    }
    judge(&history.events())
}

fn is_linearizable(operations: &[(Operation, u32, Option<(u32, Seen)>)]) -> bool {
    judged(operations).violations.is_empty()
}

#[test]
fn a_stale_read_is_found() {
    let (one, two) = ((Put(1), 1, Some((2, Done(1)))), (Put(2), 3, Some((4, Done(2)))));
    assert!(is_linearizable(&[one, two, (Get, 5, Some((6, Value(2, 2))))]));
    assert!(!is_linearizable(&[one, two, (Get, 5, Some((6, Value(1, 1))))]));
    // Beside the second write either is right, but not the new one first and then the old one.
    let beside = (Put(2), 3, Some((9, Done(2))));
    let (old, new) = (Value(1, 1), Value(2, 2));
    assert!(is_linearizable(&[one, beside, (Get, 4, Some((5, old))), (Get, 6, Some((7, new)))]));
    assert!(!is_linearizable(&[one, beside, (Get, 4, Some((5, new))), (Get, 6, Some((7, old)))]));
}

#[test]
fn a_lost_write_is_found() {
    let written = (Put(1), 1, Some((2, Done(1))));
    assert!(!is_linearizable(&[written, (Get, 3, Some((4, Absent)))]));
    assert!(!is_linearizable(&[written, (Delete, 3, Some((4, Absent)))]));
    let swapped = (Swap { expected: None, new: 2 }, 3, Some((4, Done(2))));
    assert!(!is_linearizable(&[written, swapped]), "it was not absent");
}

#[test]
fn two_swaps_of_one_value_are_found() {
    let swap = |new| Swap { expected: Some(1), new };
    let first = (Put(1), 1, Some((2, Done(1))));
    let won = (swap(2), 3, Some((5, Done(2))));
    assert!(is_linearizable(&[first, won, (swap(3), 4, Some((6, Unmet)))]));
    assert!(!is_linearizable(&[first, won, (swap(3), 4, Some((6, Done(3))))]));
    assert!(!is_linearizable(&[first, (swap(2), 3, Some((4, Unmet)))]), "it did hold");
}

#[test]
fn an_unknown_outcome_may_come_late_or_never_but_not_twice() {
    let (first, unknown) = ((Put(1), 1, Some((2, Done(1)))), (Put(2), 3, None));
    let get = |at, seen| (Get, at, Some((at + 1, seen)));
    let (one, two) = (Value(1, 1), Value(2, 2));
    assert!(is_linearizable(&[first, unknown, get(4, one), get(6, one)]));
    assert!(is_linearizable(&[first, unknown, get(4, one), get(6, two)]));
    assert!(!is_linearizable(&[first, unknown, get(4, two), get(6, one)]));
    assert!(is_linearizable(&[first, (Delete, 3, None), get(4, one), get(6, Absent)]));
    let late = Swap { expected: Some(1), new: 2 };
    assert!(is_linearizable(&[first, (late, 3, None), get(4, one), get(6, two)]));
    let overwritten = (Put(3), 4, Some((5, Done(3))));
    assert!(!is_linearizable(&[first, (late, 1, None), overwritten, get(6, two), get(8, one)]));
}

#[test]
fn a_write_that_was_refused_must_not_be_seen() {
    let verdict = judged(&[
        (Put(1), 1, Some((2, Refused))),
        (Get, 3, Some((4, Value(1, 1)))),
        (Put(2), 5, None),
    ]);
    assert_eq!(verdict.violations.len(), 1);
    assert_eq!((verdict.answered, verdict.unknown, verdict.refused), (1, 1, 1));
}

#[test]
fn one_value_under_two_commits_is_found() {
    let verdict = judged(&[(Put(1), 1, Some((2, Done(1)))), (Get, 3, Some((4, Value(1, 2))))]);
    assert!(verdict.violations[0].to_string().contains("commits 1 and 2"), "{verdict:?}");
}

#[test]
fn the_story_ends_with_the_first_answer_that_nothing_explains() {
    let verdict = judged(&[
        (Put(1), 1, Some((2, Done(1)))),
        (Get, 3, Some((4, Absent))),
        (Get, 5, Some((6, Value(1, 1)))),
    ]);
    let story = verdict.violations[0].story.clone();
    assert!(story.ends_with("(Call(1), Answered(Absent))"), "{story}");
}

/// Seven writes without an answer and twenty reads beside them: what a failover leaves, and what a search
/// without memory does not survive.
#[test]
fn many_unknown_outcomes_are_judged_quickly() {
    let mut operations: Vec<_> =
        (0..7).map(|number| (Put(u64::from(number) + 100), number, None)).collect();
    for number in 0..20 {
        let at = 100 + 4 * number;
        operations.push((Put(u64::from(at)), at, Some((at + 1, Done(u64::from(at))))));
        let seen = Value(u64::from(at), u64::from(at));
        operations.push((Get, at + 2, Some((at + 3, seen))));
    }
    assert!(is_linearizable(&operations));
    operations.push((Get, 500, Some((501, Absent))));
    assert!(!is_linearizable(&operations));
}

#[test]
fn an_empty_history_is_linearizable() {
    assert!(judge(&Vec::<Event>::new()).violations.is_empty());
}
