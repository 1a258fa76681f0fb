//! Entries of the decision ledger as bytes: one encoding each, and nothing else decodes.

use super::{DecisionBody, DecisionEntry, EntryAside, Lasting, RequestRef, SignedDecision};
use crate::authority::tests_support::{SIGNATURE, Story, at, epoch, member, node};
use crate::authority::{Annotation, EntryError};
use crate::decision::RecordedDecision;
use crate::decision::bootstrap::BootstrapFacts;
use crate::decision::command::{Command, CommandFacts};
use crate::decision::decline::DeclineFacts;
use crate::decision::fork::ForkFacts;
use crate::decision::promotion::AuthorityFacts;
use crate::decision::relocate::{DirectoryFacts, RelocateFacts};
use crate::directory::{DirectoryId, Retired};
use crate::explain::Recorded;
use crate::hash::{ClusterId, Hash};
use crate::id::{Address, PromotionId, Reason, RequestId, Seq};
use crate::machine::RoleName;
use crate::rules::RuleId;

fn signed(body: DecisionBody) -> SignedDecision {
    let annotation = Annotation {
        received_at_ms: 1_700_000_000_000,
        operator: "local".to_owned(),
        reason: Reason::new("told in a test").unwrap(),
    };
    let entry = DecisionEntry {
        format: DecisionEntry::FORMAT,
        seq: Seq::FIRST,
        previous: Hash::NONE_BEFORE,
        author: node("n2"),
        body,
        annotation,
    };
    SignedDecision { entry, signature: SIGNATURE }
}

fn release() -> Recorded<CommandFacts> {
    let story = Story::founded().admit("n2");
    let facts = CommandFacts {
        cluster: *story.authority().cluster(),
        node: node("n1"),
        command: Command::Release(node("n2")),
        expected_epoch: Some(epoch(1)),
        ledger: story.head(),
        authority: AuthorityFacts::from(story.authority()),
        role: RoleName::PrimaryActive,
        halt: None,
        wal_end: at(12),
        membership: None,
        key_known: false,
        pulling: false,
        declined: false,
    };
    Recorded::decide(facts).0
}

/// Damaged bytes: the facts with everything missing that can be.
fn bootstrap() -> Recorded<BootstrapFacts> {
    let story = Story::founded().admit("n2");
    let facts = BootstrapFacts {
        cluster: *story.authority().cluster(),
        node: node("n2"),
        source: node("n1"),
        ledger: story.head(),
        authority: AuthorityFacts::from(story.authority()),
        role: RoleName::ReplicaActive,
        halt: None,
        own: at(3),
        snapshot: None,
        damage_at: Some(64),
        ledger_known: false,
        epoch_by_ledger: None,
    };
    Recorded::decide(facts).0
}

/// Two directories of n2, of which the original cannot be reached.
fn relocation() -> Recorded<RelocateFacts> {
    let story = Story::founded().admit("n2");
    let directory = |inode| DirectoryId { device: 1, inode };
    let kept = DirectoryFacts {
        cluster: *story.authority().cluster(),
        node: node("n2"),
        public_key: member("n2").public_key,
        bound_to: directory(1),
        here: directory(2),
        retired: None,
        holds: None,
    };
    Recorded::decide(RelocateFacts { kept, left: None }).0
}

/// A fork of n2's directory.
fn fork() -> Recorded<ForkFacts> {
    let story = Story::founded().admit("n2");
    let facts = ForkFacts {
        cluster: *story.authority().cluster(),
        node: node("n2"),
        expected_epoch: epoch(1),
        ledger: story.head(),
        authority: AuthorityFacts::from(story.authority()),
        role: RoleName::ReplicaActive,
        original: true,
        retired: Some(Retired::Forked { cluster: ClusterId([7; 32]) }),
        proven: at(12),
        received: at(12).boundary,
        acknowledged: None,
        declines: false,
    };
    Recorded::decide(facts).0
}

/// One entry of every kind, with its kind.
fn kinds() -> [(&'static str, DecisionBody); 19] {
    let designated = Story::founded().admit("n2").designate("n2", 3);
    let declined = || {
        let facts = DeclineFacts::new(designated.authority(), node("n2"), epoch(1), true);
        Recorded::decide(facts).0
    };
    let [
        requested,
        denied,
        granted,
        refused,
        done,
        followed,
        resumed,
        halted,
        discarded,
        asked,
        decided,
        cleared,
        checkpoint,
    ] = most_kinds();
    let certificate = designated.decline("n2");
    [
        ("promotion_requested", requested),
        ("promotion_denied", denied),
        ("promotion_granted", granted),
        ("command_refused", refused),
        ("command_done", done),
        ("followed", followed),
        ("resumed", resumed),
        ("halted", halted),
        ("suffix_discarded", discarded),
        ("bootstrap_requested", asked),
        ("bootstrap_decided", decided),
        ("failure_cleared", cleared),
        ("checkpoint_requested", checkpoint),
        ("declined", DecisionBody::Declined { decision: declined(), certificate, request: None }),
        ("decline_refused", DecisionBody::DeclineRefused { decision: declined(), request: None }),
        ("relocated", DecisionBody::Relocated { decision: relocation() }),
        ("relocate_refused", DecisionBody::RelocateRefused { decision: relocation() }),
        ("forked", DecisionBody::Forked { decision: fork(), cluster: ClusterId([7; 32]) }),
        ("fork_refused", DecisionBody::ForkRefused { decision: fork() }),
    ]
}

fn every_kind() -> [SignedDecision; 19] {
    kinds().map(|(_, body)| signed(body))
}

fn most_kinds() -> [DecisionBody; 13] {
    let story = Story::founded().admit("n2");
    let promotion_id = PromotionId::new("n2-1").unwrap();
    let request = Some(RequestRef {
        request_id: RequestId::new("try 1").unwrap(),
        body_digest: Hash([3; 32]),
    });
    let upstream = Address::new("http://127.0.0.1:7400").unwrap();
    let other = upstream.clone();
    let decision: RecordedDecision = Recorded::decide(story.facts("n2", at(12))).0;
    [
        DecisionBody::PromotionRequested {
            expected_epoch: epoch(1),
            replica_id: Some(node("n2")),
            request: request.clone(),
        },
        DecisionBody::PromotionDenied { promotion_id: promotion_id.clone(), decision },
        DecisionBody::PromotionGranted { promotion_id, entry: story.head() },
        DecisionBody::CommandRefused { decision: release(), request: None },
        DecisionBody::CommandDone { decision: release(), entry: story.head(), request },
        DecisionBody::Followed { upstream: upstream.clone(), request: None },
        DecisionBody::Resumed { upstream, request: None },
        DecisionBody::Halted { rule: RuleId::FV1, evidence: "{}".to_owned() },
        DecisionBody::SuffixDiscarded {
            cleared: Some(RuleId::FV1),
            kept: at(12),
            discarded: at(14).boundary,
            quarantine: "wal-1".to_owned(),
            commits_total: 2,
            entries_total: 1,
            entries: vec![EntryAside {
                seq: story.head().seq,
                hash: story.head().hash,
                entry: "member_admitted".to_owned(),
            }],
            request: None,
        },
        DecisionBody::BootstrapRequested { upstream: other, request: None },
        DecisionBody::BootstrapDecided { decision: bootstrap(), cleared: Some(RuleId::FS3) },
        DecisionBody::FailureCleared { rule: RuleId::FV2, request: None },
        DecisionBody::CheckpointRequested { acknowledged: Some(at(12).boundary) },
    ]
}

#[test]
fn an_entry_has_one_word_for_its_kind_everywhere() {
    for (kind, body) in kinds() {
        assert_eq!(body.kind(), kind);
        let json = serde_json::to_value(&body).unwrap();
        assert!(json.get(kind).is_some(), "{kind}: {json}");
    }
}

#[test]
fn every_kind_of_entry_decodes_to_what_was_encoded() {
    for entry in every_kind() {
        assert_eq!(SignedDecision::decode(&entry.encode()), Ok(entry));
    }
}

/// What a node's later decisions look for in its own record; everything else tells of the past alone.
#[test]
fn a_decline_a_relocation_and_a_fork_settle_something_for_good() {
    for (kind, body) in kinds() {
        let settled = match (&body, body.lasting()) {
            (DecisionBody::Declined { certificate, .. }, Some(Lasting::Declined(found))) => {
                found == certificate
            }
            (DecisionBody::Relocated { decision }, Some(Lasting::Relocated(found))) => {
                found == decision
            }
            (DecisionBody::Forked { decision, cluster }, Some(Lasting::Forked(found, of))) => {
                found == decision && of == *cluster
            }
            (_, found) => found.is_some(),
        };
        assert_eq!(settled, ["declined", "relocated", "forked"].contains(&kind), "{kind}");
    }
}

#[test]
fn a_recorded_denial_and_a_recorded_refusal_replay_after_reading_back() {
    let [_, denied, _, refused, ..] = every_kind();
    let read = |entry: SignedDecision| SignedDecision::decode(&entry.encode()).unwrap().entry.body;
    let DecisionBody::PromotionDenied { decision, .. } = read(denied) else { panic!("a denial") };
    assert_eq!(decision.replay().unwrap().conclusion.status, "denied");
    let DecisionBody::CommandRefused { decision, .. } = read(refused) else { panic!("a refusal") };
    assert_eq!(decision.replay().unwrap().conclusion.reason.as_deref(), Some("AU-5"));
}

#[test]
fn what_is_not_exactly_one_entry_of_this_format_is_refused() {
    let [mut entry, ..] = every_kind();
    let bytes = entry.encode();
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(SignedDecision::decode(&longer), Err(EntryError::NotCanonical));
    for length in 0..bytes.len() {
        let cut = SignedDecision::decode(&bytes[..length]);
        assert_eq!(cut, Err(EntryError::Malformed), "cut at {length}");
    }
    entry.entry.format = 2;
    assert_eq!(SignedDecision::decode(&entry.encode()), Err(EntryError::Format { found: 2 }));
    assert_eq!(
        SignedDecision::decode(&[2, 0xff]),
        Err(EntryError::Format { found: 2 }),
        "another shape"
    );
}
