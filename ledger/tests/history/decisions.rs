//! What n1 wrote into its decision ledger: every kind of entry, every command.

use aerodb_core::authority::{Membership, Succession, Tenure};
use aerodb_core::decision::bootstrap::{BootstrapFacts, SnapshotReceived};
use aerodb_core::decision::command::{Command, CommandFacts};
use aerodb_core::decision::decline::DeclineFacts;
use aerodb_core::decision::fork::ForkFacts;
use aerodb_core::decision::promotion::{AuthorityFacts, PromotionFacts};
use aerodb_core::decision::record::{DecisionBody, EntryAside, RequestRef};
use aerodb_core::decision::relocate::{DirectoryFacts, Holdings, RelocateFacts};
use aerodb_core::directory::{DirectoryId, Retired};
use aerodb_core::explain::Recorded;
use aerodb_core::hash::{ClusterId, Hash};
use aerodb_core::id::{Address, Boundary, CommitId, Epoch, PromotionId, RequestId};
use aerodb_core::machine::RoleName;
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use aerodb_core::wal::EpochMismatch;
use aerodb_ledger::authority::{present_decline, sign_decline};

use super::{History, key, member, node};

fn request(id: &str) -> Option<RequestRef> {
    let request_id = RequestId::new(id).unwrap();
    Some(RequestRef { request_id, body_digest: Hash([0x77; 32]) })
}

fn refused(told: &History, command: Command, tenure: Tenure) -> Recorded<CommandFacts> {
    let heir = Succession::Releasing {
        successor: node("n2"),
        at: told.end,
        entry: told.authority().head(),
    };
    let facts = CommandFacts {
        cluster: *told.authority().cluster(),
        node: node("n1"),
        command,
        expected_epoch: None,
        ledger: told.authority().head(),
        authority: AuthorityFacts {
            tenure,
            succession: Some(heir),
            ..AuthorityFacts::from(told.authority())
        },
        role: RoleName::PrimarySealed,
        halt: None,
        wal_end: told.end,
        membership: Some(Membership::Removed),
        key_known: true,
        pulling: false,
        declined: false,
    };
    Recorded::decide(facts).0
}

fn designated(told: &History) -> Recorded<CommandFacts> {
    let facts = CommandFacts {
        cluster: *told.authority().cluster(),
        node: node("n1"),
        command: Command::Designate(node("n2")),
        expected_epoch: Some(told.authority().epoch()),
        ledger: told.authority().head(),
        authority: AuthorityFacts::from(told.authority()),
        role: RoleName::PrimaryActive,
        halt: None,
        wal_end: told.end,
        membership: Some(Membership::Admitted),
        key_known: true,
        pulling: true,
        declined: false,
    };
    Recorded::decide(facts).0
}

/// A snapshot that is taken over where an earlier one did not fit.
fn bootstrapped(told: &History) -> Recorded<BootstrapFacts> {
    let authority = told.authority();
    let facts = BootstrapFacts {
        cluster: *authority.cluster(),
        node: node("n2"),
        source: authority.holder().clone(),
        ledger: authority.head(),
        authority: AuthorityFacts { succession: None, ..AuthorityFacts::from(authority) },
        role: RoleName::ReplicationHalted,
        halt: Some(RuleId::FS3),
        own: Position::origin(authority.cluster()),
        snapshot: Some(SnapshotReceived {
            cluster: *authority.cluster(),
            position: told.end,
            epoch: authority.epoch(),
            ledger: authority.head(),
            oldest_retained: Boundary::new(2),
            designation: Some(told.end),
            keys: 6,
            versions: 7,
            bytes: 5535,
            manifest: Hash([0x55; 32]),
        }),
        damage_at: None,
        ledger_known: true,
        epoch_by_ledger: Some(authority.epoch()),
    };
    Recorded::decide(facts).0
}

/// From a directory that an interrupted attempt has retired already.
fn relocated(told: &History) -> Recorded<RelocateFacts> {
    let (old, new) =
        (DirectoryId { device: 1, inode: 300 }, DirectoryId { device: 2, inode: u64::MAX });
    let kept = DirectoryFacts {
        cluster: *told.authority().cluster(),
        node: node("n1"),
        public_key: key("n1").public_key(),
        bound_to: old,
        here: new,
        retired: None,
        holds: Some(Holdings {
            ledger: told.authority().head(),
            decisions: Some(told.authority().head()),
            history: told.end,
            received: told.end.boundary,
        }),
    };
    let retired = Some(Retired::Relocated { to: new });
    let left = Some(DirectoryFacts { here: old, retired, ..kept.clone() });
    Recorded::decide(RelocateFacts { kept, left }).0
}

/// The original cannot be reached: refused.
fn not_relocated(told: &History) -> Recorded<RelocateFacts> {
    let RelocateFacts { kept, .. } = relocated(told).facts;
    Recorded::decide(RelocateFacts { kept, left: None }).0
}

fn forked(told: &History, retired: Option<Retired>) -> Recorded<ForkFacts> {
    let authority = told.authority();
    let facts = ForkFacts {
        cluster: *authority.cluster(),
        node: node("n1"),
        expected_epoch: authority.epoch(),
        ledger: authority.head(),
        authority: AuthorityFacts::from(authority),
        role: RoleName::PrimaryActive,
        original: true,
        retired,
        proven: told.end,
        received: told.end.boundary,
        acknowledged: retired.map(|_| told.end.boundary),
        declines: false,
    };
    Recorded::decide(facts).0
}

/// Every kind of entry, in the order of their discriminants.
pub fn decisions(told: &History) -> Vec<DecisionBody> {
    let upstream = Address::new("http://127.0.0.1:7402").unwrap();
    let promotion_id = PromotionId::new("n1-1").unwrap();
    let entry = told.authority().head();
    let denied = PromotionFacts {
        member: false,
        role: RoleName::ReplicationHalted,
        halt: Some(RuleId::FV1),
        replica_id: None,
        epoch_mismatch: Some(EpochMismatch { commit: CommitId::FIRST, found: Epoch::FIRST }),
        ..told.facts("n1")
    };
    let relinquished =
        Tenure::Relinquished { successor: node("n2"), final_position: told.end, entry };
    let nobody = DeclineFacts::new(told.authority(), node("n1"), Epoch::FIRST, true);
    let declined = DeclineFacts {
        authority: AuthorityFacts {
            tenure: relinquished.clone(),
            ..AuthorityFacts::from(told.authority())
        },
        node: node("n2"),
        expected_epoch: told.authority().epoch(),
        named_by: Some(entry),
        ..nobody.clone()
    };
    let certificate = sign_decline(&key("n2"), declined.claim().unwrap());
    let spent = present_decline(told.authority(), certificate.clone());
    let refuse = |command, tenure: &Tenure| DecisionBody::CommandRefused {
        decision: refused(told, command, tenure.clone()),
        request: None,
    };
    vec![
        DecisionBody::PromotionRequested {
            expected_epoch: Epoch::FIRST,
            replica_id: Some(node("n1")),
            request: request("first try"),
        },
        DecisionBody::PromotionDenied {
            promotion_id: promotion_id.clone(),
            decision: Recorded::decide(denied).0,
        },
        DecisionBody::PromotionGranted { promotion_id, entry },
        refuse(Command::Admit(member("n3")), &relinquished),
        refuse(Command::Remove(node("n2")), &relinquished),
        refuse(Command::Release(node("n3")), &Tenure::Held),
        refuse(Command::Relinquish(node("n3")), &Tenure::Held),
        refuse(Command::EndObligation(Box::new(spent)), &Tenure::Held),
        DecisionBody::CommandDone {
            decision: designated(told),
            entry,
            request: request("heir \u{2192} n2"),
        },
        DecisionBody::Followed { upstream: upstream.clone(), request: None },
        DecisionBody::Resumed { upstream, request: request("resume") },
        DecisionBody::Halted { rule: RuleId::FV2, evidence: "{\"at\":9}".to_owned() },
        DecisionBody::SuffixDiscarded {
            cleared: Some(RuleId::FV2),
            kept: told.end,
            discarded: Boundary::new(9),
            quarantine: "wal-1".to_owned(),
            commits_total: 300,
            entries_total: 120,
            entries: vec![EntryAside {
                seq: entry.seq,
                hash: entry.hash,
                entry: "successor_released".to_owned(),
            }],
            request: request("discard"),
        },
        DecisionBody::BootstrapRequested {
            upstream: Address::new("http://127.0.0.1:7402").unwrap(),
            request: request("bootstrap"),
        },
        DecisionBody::BootstrapDecided { decision: bootstrapped(told), cleared: Some(RuleId::FS3) },
        DecisionBody::FailureCleared { rule: RuleId::St2, request: request("cleared") },
        DecisionBody::Declined {
            decision: Recorded::decide(declined).0,
            certificate,
            request: request("not me"),
        },
        DecisionBody::DeclineRefused { decision: Recorded::decide(nobody).0, request: None },
        DecisionBody::Relocated { decision: relocated(told) },
        DecisionBody::Forked { decision: forked(told, None), cluster: ClusterId([0x66; 32]) },
        DecisionBody::ForkRefused {
            decision: forked(told, Some(Retired::Forked { cluster: ClusterId([0x66; 32]) })),
        },
        DecisionBody::CheckpointRequested { acknowledged: Some(Boundary::new(9)) },
        DecisionBody::RelocateRefused { decision: not_relocated(told) },
    ]
}
