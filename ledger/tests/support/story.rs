//! A small cluster: n1 founds it, n2 and n3 join, and authority moves.

use std::sync::Arc;

use aerodb_core::authority::{
    Annotation, Authority, Basis, Certificate, Durability, Entry, EntryBody, Genesis, Grant,
    Member, PresentedDecline, ReceiptClaim, SignedDecline, SignedEntry, SignedReceipt, Tenure,
};
use aerodb_core::decision::decline::DeclineFacts;
use aerodb_core::decision::promotion::{AuthorityFacts, Progress, PromotionFacts, basis_for};
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::explain::Recorded;
use aerodb_core::hash::Hash;
use aerodb_core::id::{Address, ClusterName, Epoch, NodeId, PromotionId, Reason, Seq};
use aerodb_core::machine::RoleName;
use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::rules::RULESET;
use aerodb_core::wal::{Batch, Commit, Op, RawBatch};
use aerodb_ledger::authority::{NodeKey, admit_entry, sign_decline, sign_entry};
use aerodb_ledger::decision::DecisionLedger;

pub fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

/// A key for each name.
pub fn key(name: &str) -> NodeKey {
    NodeKey::from_seed(Hash::of("aerodb test key", &[name.as_bytes()]).as_bytes())
}

pub fn annotation() -> Annotation {
    let reason = Reason::new("test").unwrap();
    Annotation { received_at_ms: 1_000, operator: "local".to_owned(), reason }
}

pub fn member(name: &str) -> Member {
    let address = Address::new("http://127.0.0.1:7401").unwrap();
    Member { node_id: node(name), public_key: key(name).public_key(), address }
}

/// A ledger under construction, every entry checked.
pub struct Story {
    pub entries: Vec<SignedEntry>,
    pub authority: Arc<Authority>,
}

impl Story {
    /// Genesis by n1.
    pub fn begin() -> Self {
        let genesis = Genesis {
            cluster_name: ClusterName::new("test").unwrap(),
            nonce: Hash([1; 32]),
            founder: member("n1"),
            minimum_durability: Durability::Local,
            ruleset: RULESET,
            ancestor: None,
        };
        let first = entry(None, "n1", EntryBody::Genesis(genesis));
        let signed = sign_entry(&key("n1"), first);
        let mut authority = None;
        admit_entry(&mut authority, &signed).unwrap();
        Self { entries: vec![signed], authority: authority.unwrap() }
    }

    /// The story that these entries tell.
    pub fn of(entries: Vec<SignedEntry>) -> Self {
        let mut authority = None;
        entries.iter().for_each(|entry| admit_entry(&mut authority, entry).unwrap());
        let authority = authority.unwrap();
        Self { entries, authority }
    }

    pub fn epoch(&self) -> Epoch {
        self.authority.epoch()
    }

    pub fn origin(&self) -> Position {
        Position::origin(self.authority.cluster())
    }

    /// The next entry by this author, signed, not taken.
    pub fn next(&self, author: &str, body: EntryBody) -> SignedEntry {
        sign_entry(&key(author), entry(Some(self.authority.head()), author, body))
    }

    pub fn then(mut self, author: &str, body: EntryBody) -> Self {
        let signed = self.next(author, body);
        let mut authority = Some(self.authority);
        admit_entry(&mut authority, &signed).unwrap();
        self.authority = authority.unwrap();
        self.entries.push(signed);
        self
    }

    pub fn admit(self, name: &str) -> Self {
        let body = EntryBody::MemberAdmitted { epoch: self.epoch(), member: member(name) };
        self.then("n1", body)
    }

    pub fn designate(self, name: &str) -> Self {
        let (epoch, at) = (self.epoch(), self.origin());
        self.then("n1", EntryBody::SuccessorDesignated { epoch, successor: node(name), at })
    }

    pub fn release(self, name: &str) -> Self {
        let epoch = self.epoch();
        self.then("n1", EntryBody::SuccessorReleased { epoch, successor: node(name) })
    }

    /// What ends the obligation towards `name`, the receipt signed by `signer`.
    pub fn obligation_ended(&self, name: &str, signer: &str) -> EntryBody {
        let claim = ReceiptClaim {
            cluster: *self.authority.cluster(),
            node_id: node(name),
            epoch: self.epoch(),
            position: self.origin(),
            ledger: self.authority.head(),
        };
        let signature = key(signer).sign(&claim.signing_hash());
        let certificate = Certificate::Receipt(SignedReceipt { claim, signature });
        EntryBody::ObligationEnded { epoch: self.epoch(), node_id: node(name), certificate }
    }

    /// The decline of `name`, whom the last entry names heir, signed by `signer`.
    pub fn decline(&self, name: &str, signer: &str) -> SignedDecline {
        let facts = DeclineFacts::new(&self.authority, node(name), self.epoch(), true);
        sign_decline(&key(signer), facts.claim().unwrap())
    }

    /// The next epoch's grant to n1, which relinquished at the origin, on this decline.
    pub fn granted_back(&self, decline: SignedDecline) -> SignedEntry {
        let Tenure::Relinquished { final_position, entry, .. } = self.authority.tenure() else {
            panic!("nothing was relinquished")
        };
        let facts = PromotionFacts {
            role: RoleName::PrimarySealed,
            chain_at_basis: Some(final_position.chain),
            // What a liar would write down: that it looked at the signature.
            decline: Some(PresentedDecline::new(&self.authority, decline.clone(), true)),
            ..self.facts("n1", *final_position)
        };
        let grant = Grant {
            epoch: self.epoch().next().unwrap(),
            holder: node("n1"),
            start: *final_position,
            basis: Basis::Decline { entry: *entry, certificate: Box::new(decline) },
            promotion_id: PromotionId::new("n1-1").unwrap(),
            request_id: None,
            decision: Recorded::decide(facts).0,
        };
        self.next("n1", EntryBody::AuthorityGranted(Box::new(grant)))
    }

    /// What a promotion of `name` is decided on when its history ends at `end`.
    pub fn facts(&self, name: &str, end: Position) -> PromotionFacts {
        let boundary = end.boundary;
        let authority = AuthorityFacts::from(&*self.authority);
        let cluster = *self.authority.cluster();
        let basis = basis_for(&cluster, &authority, &node(name), None);
        PromotionFacts {
            cluster,
            node: node(name),
            expected_epoch: self.epoch(),
            replica_id: None,
            ledger: self.authority.head(),
            authority,
            member: true,
            role: RoleName::ReplicaActive,
            halt: None,
            attempt_in_progress: false,
            progress: Progress { received: boundary, validated: boundary, applied: boundary },
            wal_end: end,
            chain_at_basis: basis.map(|(_, position)| position.chain),
            epoch_mismatch: None,
            declined: false,
            decline: None,
        }
    }

    /// The successor takes over where its history ends.
    pub fn promote(self, name: &str, end: Position) -> Self {
        let facts = self.facts(name, end);
        let (basis, _) = basis_for(&facts.cluster, &facts.authority, &node(name), None).unwrap();
        let (decision, _) = Recorded::decide(facts);
        let grant = Grant {
            epoch: self.epoch().next().unwrap(),
            holder: node(name),
            start: end,
            basis,
            promotion_id: PromotionId::new(format!("{name}-1")).unwrap(),
            request_id: None,
            decision,
        };
        self.then(name, EntryBody::AuthorityGranted(Box::new(grant)))
    }

    /// Eight entries of every kind but one: n2 is designated, released, designated again and promoted.
    pub fn full() -> Self {
        let released = Self::begin().admit("n2").admit("n3").designate("n2").release("n2");
        let ended = released.obligation_ended("n2", "n2");
        let story = released.then("n1", ended).designate("n2");
        let end = story.origin();
        story.promote("n2", end)
    }
}

fn entry(before: Option<LedgerHead>, author: &str, body: EntryBody) -> Entry {
    Entry {
        format: Entry::FORMAT,
        seq: before.map_or(Seq::FIRST, |head| head.seq.next().unwrap()),
        previous: before.map_or(Hash::NONE_BEFORE, |head| head.hash),
        author: node(author),
        body,
        annotation: annotation(),
    }
}

/// Batches that continue `tip`, one commit each, with values of these lengths.
pub fn batches(tip: Position, stamp: LedgerHead, value_bytes: &[usize]) -> Vec<RawBatch> {
    batches_filled(tip, stamp, value_bytes, b'v')
}

/// The position at which a batch claims to end.
pub fn position_after(batch: &RawBatch) -> Position {
    let (_, last) = batch.claimed_range().unwrap();
    Position { boundary: last.into(), chain: batch.claimed_chains().1 }
}

/// As [`batches`], with values made of this byte.
pub fn batches_filled(
    tip: Position,
    stamp: LedgerHead,
    value_bytes: &[usize],
    fill: u8,
) -> Vec<RawBatch> {
    let mut tip = tip;
    let mut formed = Vec::new();
    for bytes in value_bytes {
        let value = vec![fill; *bytes].into();
        let commits = vec![Commit { ops: vec![Op::Put { key: "key".into(), value }] }];
        let (batch, raw) = Batch::form(&tip, Epoch::FIRST, stamp, commits).unwrap();
        tip = batch.end();
        formed.push(raw);
    }
    formed
}

/// Appends so many entries to n1's decision ledger.
pub fn decisions(ledger: &mut DecisionLedger, count: usize) {
    for _ in 0..count {
        let upstream = Address::new("http://127.0.0.1:7402").unwrap();
        let body = DecisionBody::Followed { upstream, request: None };
        ledger.append(body, annotation(), &key("n1")).unwrap();
    }
}
