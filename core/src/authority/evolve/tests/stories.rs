//! Whole histories of authority, end to end.

use crate::authority::tests_support::{Story, at, commit, epoch, node};
use crate::authority::{Authority, Illegal};

fn epochs_of(authority: &Authority, commits: &[u64]) -> Vec<u64> {
    commits.iter().map(|number| authority.epoch_at(commit(*number)).get()).collect()
}

/// 1. n1 founds, admits n2 and n3, names n2 its heir after commit 10.
/// 2. n1 dies; n2 has 14 commits and promotes itself on the designation.
/// 3. n2 names n3, takes it back, and hands over to n1 in good order at commit 30.
/// 4. n1 is granted epoch 3 on the relinquishment.
#[test]
fn two_failovers_one_on_each_basis() {
    let story = Story::founded()
        .admit("n2")
        .admit("n3")
        .designate("n2", 10)
        .grant("n2", 14)
        .designate("n3", 20)
        .release("n3")
        .end_obligation("n3")
        .relinquish("n1", 30)
        .grant("n1", 30);

    let authority = story.authority();
    assert_eq!((authority.epoch(), authority.holder()), (epoch(3), &node("n1")));
    assert_eq!(authority.start(), at(30));
    let epochs: Vec<_> = authority
        .epochs()
        .iter()
        .map(|start| (start.epoch.get(), start.holder.as_str(), start.start.boundary.get()))
        .collect();
    assert_eq!(epochs, [(1, "n1", 0), (2, "n2", 14), (3, "n1", 30)]);
    assert_eq!(epochs_of(authority, &[1, 14, 15, 30, 31, 1000]), [1, 1, 2, 2, 3, 3]);
}

#[test]
fn an_epoch_without_commits_holds_no_place_in_the_history() {
    let story = Story::promoted_at(14).relinquish("n1", 14).grant("n1", 14);
    assert_eq!(epochs_of(story.authority(), &[14, 15]), [1, 3]);
}

#[test]
fn the_deposed_holders_late_entry_does_not_continue_the_new_ledger() {
    let before = Story::founded().admit("n2").designate("n2", 10);
    let late = before.by_holder(before.release_of("n2"));
    let after = before.grant("n2", 14);
    assert!(matches!(after.try_entry(&late), Err(Illegal::Number { .. })));
}
