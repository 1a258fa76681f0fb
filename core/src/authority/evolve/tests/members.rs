//! Who takes part: ids and keys are never reused, and nobody who is needed is removed.

use super::assert_illegal;
use crate::authority::tests_support::{Story, at, member, node};
use crate::authority::{EntryBody, Illegal, Membership};
use crate::rules::RuleId;

fn taken(name: &str) -> Illegal {
    Illegal::MemberTaken { node_id: node(name) }
}

fn cannot_be(what: &'static str, name: &str) -> Illegal {
    Illegal::Member { node_id: node(name), what }
}

#[test]
fn an_admitted_node_is_a_member_until_it_is_removed_and_known_for_ever() {
    let story = Story::founded().admit("n2");
    assert_eq!(story.authority().admitted(&node("n2")), Some(&member("n2")));
    let story = story.remove("n2");
    assert_eq!(story.authority().admitted(&node("n2")), None);
    let known = story.authority().member(&node("n2"));
    assert_eq!(known, Some((&member("n2"), Membership::Removed)));
    assert_eq!(story.authority().member(&node("n3")), None);
}

#[test]
fn a_node_id_is_never_admitted_twice() {
    let story = Story::founded().admit("n2").admit("n3").remove("n3");
    for name in ["n1", "n2", "n3"] {
        assert_illegal(story.refuses(story.admission(name)), taken(name), RuleId::P6A3);
    }
}

#[test]
fn a_key_is_never_admitted_twice() {
    let story = Story::founded().admit("n2").admit("n3").remove("n3");
    for owner in ["n1", "n2", "n3"] {
        let mut newcomer = member("n4");
        newcomer.public_key = member(owner).public_key;
        let epoch = story.authority().epoch();
        let body = EntryBody::MemberAdmitted { epoch, member: newcomer };
        assert_illegal(story.refuses(body), taken("n4"), RuleId::P6A3);
    }
}

#[test]
fn the_holder_an_unknown_and_a_removed_node_cannot_be_removed() {
    let story = Story::founded().admit("n2").remove("n2");
    for name in ["n1", "n2", "n3"] {
        let found = story.refuses(story.removal(name));
        assert_illegal(found, cannot_be("removed", name), RuleId::P6A3);
    }
}

#[test]
fn the_heir_cannot_be_removed_before_its_obligation_ends() {
    let designated = Story::founded().admit("n2").designate("n2", 10);
    let releasing = designated.clone().release("n2");
    for story in [&designated, &releasing] {
        let found = story.refuses(story.removal("n2"));
        assert_illegal(found, cannot_be("removed", "n2"), RuleId::P6A3);
    }
    let ended = releasing.end_obligation("n2").remove("n2");
    assert_eq!(ended.authority().admitted(&node("n2")), None);
}

#[test]
fn only_an_admitted_member_other_than_the_holder_becomes_heir() {
    let story = Story::founded().admit("n2").remove("n2");
    for name in ["n1", "n2", "n3"] {
        for body in [story.designation(name, at(10)), story.relinquishment(name, at(10))] {
            assert_illegal(story.refuses(body), cannot_be("successor", name), RuleId::P6A3);
        }
    }
}
