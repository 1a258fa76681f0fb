//! Entries as bytes: one encoding each, and nothing else decodes.

use super::{Ancestor, ENTRY_BYTES_MAX, Entry, EntryBody, EntryError, Genesis, SignedEntry};
use crate::authority::evolve;
use crate::authority::tests_support::{SIGNATURE, Story, at, epoch, genesis, node, seq};
use crate::hash::ClusterId;
use crate::position::Position;

/// One entry of every kind, each where it may stand.
fn every_kind() -> Vec<Entry> {
    let story = Story::founded().admit("n2").admit("n3");
    let designated = story.clone().designate("n2", 10);
    let releasing = designated.clone().release("n2");
    vec![
        genesis(),
        story.by_holder(story.admission("n4")),
        story.by_holder(story.removal("n3")),
        story.by_holder(story.designation("n2", at(10))),
        designated.by_holder(designated.release_of("n2")),
        releasing.by_holder(releasing.end_of_obligation("n2", releasing.receipt("n2"))),
        story.by_holder(story.relinquishment("n2", at(12))),
        designated.grant_entry(designated.grant_of("n2", at(14))),
    ]
}

fn signed(entry: Entry) -> SignedEntry {
    SignedEntry { entry, signature: SIGNATURE }
}

fn admission() -> SignedEntry {
    let story = Story::founded();
    signed(story.by_holder(story.admission("n2")))
}

#[test]
fn every_kind_of_entry_decodes_to_what_was_encoded() {
    let mut kinds = Vec::new();
    for entry in every_kind() {
        kinds.push(entry.body.kind());
        let entry = signed(entry);
        assert_eq!(SignedEntry::decode(&entry.encode()), Ok(entry));
    }
    assert_eq!(
        kinds,
        [
            "genesis",
            "member_admitted",
            "member_removed",
            "successor_designated",
            "successor_released",
            "obligation_ended",
            "authority_relinquished",
            "authority_granted",
        ]
    );
}

/// The history of a fork begins where the ancestor's could be proven, with a chain of its own; where nothing could,
/// as that of any cluster.
#[test]
fn fk2_a_forked_cluster_starts_at_the_last_proven_commit_of_its_ancestor() {
    let story = Story::founded();
    let cluster = story.authority().cluster();
    let EntryBody::Genesis(plain) = genesis().body else { panic!("it is a genesis") };
    let of = |proven| Genesis {
        ancestor: Some(Ancestor {
            cluster: ClusterId([8; 32]),
            epoch: epoch(3),
            proven,
            ledger: story.head(),
        }),
        ..plain.clone()
    };
    let origin = Position::origin(cluster);
    assert_eq!(plain.start(cluster), origin);
    assert_eq!(of(at(7)).start(cluster), Position::forked(cluster, &at(7)));
    assert_eq!(of(at(7)).start(cluster).boundary, at(7).boundary);
    assert_eq!(of(at(0)).start(cluster), origin);
    assert_eq!(EntryBody::Genesis(of(at(7))).names(), Some(at(7).boundary));
    assert_eq!(EntryBody::Genesis(plain.clone()).names(), None);
    assert_eq!(story.authority().ancestor(), None);
    let forked = Entry { body: EntryBody::Genesis(of(at(7))), ..genesis() };
    let authority = evolve(None, &forked).unwrap();
    assert_eq!(authority.ancestor(), of(at(7)).ancestor.as_ref());
    assert_eq!(authority.start(), Position::forked(authority.cluster(), &at(7)));
}

/// What a node's grants say of its own record; nothing else does, and no other node's.
#[test]
fn only_a_grant_names_the_request_in_its_holders_record() {
    for entry in every_kind() {
        let is_grant = matches!(entry.body, EntryBody::AuthorityGranted(_));
        assert_eq!(entry.body.asked_of(&node("n2")), is_grant.then(|| seq(1)), "{entry:?}");
        assert_eq!(entry.body.asked_of(&node("n3")), None, "{entry:?}");
    }
}

#[test]
fn a_decision_read_back_from_a_grant_still_replays() {
    let granted = signed(every_kind().pop().unwrap());
    let read = SignedEntry::decode(&granted.encode()).unwrap();
    let EntryBody::AuthorityGranted(grant) = read.entry.body else { panic!("it is a grant") };
    assert!(grant.decision.replay().unwrap().holds());
}

#[test]
fn bytes_after_the_entry_are_not_canonical() {
    let mut bytes = admission().encode();
    bytes.push(0);
    assert_eq!(SignedEntry::decode(&bytes), Err(EntryError::NotCanonical));
}

/// The format is a variable-length number; 1 can also be written with a needless second byte.
#[test]
fn a_longer_spelling_of_the_same_number_is_not_canonical() {
    let mut bytes = admission().encode();
    assert_eq!(bytes[0], 1);
    bytes.splice(..1, [0x81, 0x00]);
    assert_eq!(SignedEntry::decode(&bytes), Err(EntryError::NotCanonical));
}

#[test]
fn an_entry_of_a_later_format_is_named_as_such() {
    let mut entry = admission();
    entry.entry.format = 2;
    assert_eq!(SignedEntry::decode(&entry.encode()), Err(EntryError::Format { found: 2 }));
    assert_eq!(
        SignedEntry::decode(&[2, 0xff]),
        Err(EntryError::Format { found: 2 }),
        "another shape"
    );
}

#[test]
fn a_cut_entry_is_malformed_wherever_it_is_cut() {
    let bytes = admission().encode();
    for length in 0..bytes.len() {
        let cut = SignedEntry::decode(&bytes[..length]);
        assert_eq!(cut, Err(EntryError::Malformed), "cut at {length}");
    }
}

#[test]
fn the_hash_covers_the_annotation_and_not_the_signature() {
    let entry = admission().entry;
    assert_eq!((entry.head().seq, entry.head().hash), (seq(2), entry.hash()));
    let mut noted = entry.clone();
    noted.annotation.received_at_ms += 1;
    assert_ne!(noted.hash(), entry.hash());
}

#[test]
fn an_entry_has_at_most_so_many_bytes() {
    let of = |operator: usize| {
        let mut signed = admission();
        signed.entry.annotation.operator = "o".repeat(operator);
        signed.encode()
    };
    // The length of the operator's name takes two bytes more than that of an empty one.
    let largest = of(ENTRY_BYTES_MAX - of(0).len() - 1);
    assert!((ENTRY_BYTES_MAX - 1..=ENTRY_BYTES_MAX).contains(&largest.len()), "{}", largest.len());
    assert!(SignedEntry::decode(&largest).is_ok());
    let larger = of(ENTRY_BYTES_MAX);
    let refused = SignedEntry::decode(&larger);
    assert_eq!(refused, Err(EntryError::TooLarge { bytes: larger.len() }));
}
