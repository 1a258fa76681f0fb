//! A history with one of everything in it, the same in every run: fixed keys, fixed clock, fixed content.
//!
//! n1 founds the cluster and writes; n2 is designated, released, designated again, and is handed epoch 2;
//! it designates n1, which is granted epoch 3 on that, and epoch 4 once n2 has declined it. The logs are those of n1.
// Test code; each test binary uses its part of it.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

mod decisions;

use std::sync::Arc;

use aerodb_core::authority::{
    Ancestor, Annotation, Authority, Certificate, Durability, Entry, EntryBody, Genesis, Grant,
    Member, ReceiptClaim, SignedDecline, SignedEntry, SignedReceipt,
};
use aerodb_core::decision::decline::DeclineFacts;
use aerodb_core::decision::promotion::{AuthorityFacts, Progress, PromotionFacts, basis_for};
use aerodb_core::explain::Recorded;
use aerodb_core::hash::{Chain, ClusterId, Hash};
use aerodb_core::id::{
    Address, Boundary, ClusterName, Epoch, NodeId, PromotionId, Reason, RequestId, Seq,
};
use aerodb_core::machine::RoleName;
use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::wal::{Batch, Commit, Op, RawBatch};
use aerodb_ledger::authority::{NodeKey, admit_entry, present_decline, sign_decline, sign_entry};

pub use decisions::decisions;

pub fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

/// The key of n1 has the seed 01 01 …, and so on.
pub fn key(name: &str) -> NodeKey {
    NodeKey::from_seed(&[name.as_bytes()[1] - b'0'; 32])
}

fn member(name: &str) -> Member {
    let address = Address::new(format!("http://127.0.0.1:740{}", &name[1..])).unwrap();
    Member { node_id: node(name), public_key: key(name).public_key(), address }
}

pub fn annotation(reason: &str) -> Annotation {
    let reason = Reason::new(reason).unwrap();
    Annotation { received_at_ms: 1_767_225_600_000, operator: "local".to_owned(), reason }
}

pub fn put(key: &str, value: &[u8]) -> Op {
    Op::Put { key: key.to_owned().into(), value: value.to_vec().into() }
}

pub fn delete(key: &str) -> Op {
    Op::Delete { key: key.to_owned().into() }
}

/// The history while it is told.
pub struct History {
    pub entries: Vec<SignedEntry>,
    authority: Option<Arc<Authority>>,
    pub batches: Vec<RawBatch>,
    pub end: Position,
}

impl History {
    fn begin() -> Self {
        let genesis = Genesis {
            cluster_name: ClusterName::new("golden").unwrap(),
            nonce: Hash([0xab; 32]),
            founder: member("n1"),
            minimum_durability: Durability::Local,
            ruleset: 1,
            ancestor: Some(Ancestor {
                cluster: ClusterId([0xcd; 32]),
                epoch: Epoch::new(3).unwrap(),
                proven: Position { boundary: Boundary::ORIGIN, chain: Chain([0xce; 32]) },
                ledger: LedgerHead { seq: Seq::new(4).unwrap(), hash: Hash([0xcf; 32]) },
            }),
        };
        let signed = signed(None, "n1", EntryBody::Genesis(genesis));
        let mut authority = None;
        admit_entry(&mut authority, &signed).unwrap();
        let end = Position::origin(&ClusterId(signed.entry.hash().0));
        Self { entries: vec![signed], authority, batches: Vec::new(), end }
    }

    pub fn authority(&self) -> &Authority {
        self.authority.as_ref().unwrap()
    }

    fn epoch(&self) -> Epoch {
        self.authority().epoch()
    }

    fn say(&mut self, author: &str, body: EntryBody) {
        let entry = signed(Some(self.authority().head()), author, body);
        admit_entry(&mut self.authority, &entry).unwrap();
        self.entries.push(entry);
    }

    fn commit(&mut self, commits: Vec<Vec<Op>>) {
        let commits = commits.into_iter().map(|ops| Commit { ops }).collect();
        let stamp = self.authority().head();
        let (batch, raw) = Batch::form(&self.end, self.epoch(), stamp, commits).unwrap();
        self.end = batch.end();
        self.batches.push(raw);
    }

    fn designate(&mut self, author: &str, heir: &str) {
        let (epoch, successor, at) = (self.epoch(), node(heir), self.end);
        self.say(author, EntryBody::SuccessorDesignated { epoch, successor, at });
    }

    fn release(&mut self, heir: &str) {
        let (epoch, node_id) = (self.epoch(), node(heir));
        self.say("n1", EntryBody::SuccessorReleased { epoch, successor: node_id.clone() });
        let claim = ReceiptClaim {
            cluster: *self.authority().cluster(),
            node_id: node_id.clone(),
            epoch,
            position: self.end,
            ledger: self.authority().head(),
        };
        let signature = key(heir).sign(&claim.signing_hash());
        let certificate = Certificate::Receipt(SignedReceipt { claim, signature });
        self.say("n1", EntryBody::ObligationEnded { epoch, node_id, certificate });
    }

    /// What a promotion of `name` is decided on where the history ends now.
    pub fn facts(&self, name: &str) -> PromotionFacts {
        let boundary = self.end.boundary;
        let authority = AuthorityFacts::from(self.authority());
        let cluster = *self.authority().cluster();
        let basis = basis_for(&cluster, &authority, &node(name), None);
        PromotionFacts {
            cluster,
            node: node(name),
            expected_epoch: self.epoch(),
            replica_id: Some(node(name)),
            ledger: self.authority().head(),
            authority,
            member: true,
            role: RoleName::ReplicaActive,
            halt: None,
            attempt_in_progress: false,
            progress: Progress { received: boundary, validated: boundary, applied: boundary },
            wal_end: self.end,
            chain_at_basis: basis.map(|(_, position)| position.chain),
            epoch_mismatch: None,
            declined: false,
            decline: None,
        }
    }

    fn grant(&mut self, name: &str, request: Option<&str>) {
        self.granted(self.facts(name), request);
    }

    /// What `name` says to having been named heir by the ledger as it is.
    pub fn decline(&self, name: &str) -> SignedDecline {
        let facts = DeclineFacts::new(self.authority(), node(name), self.epoch(), true);
        sign_decline(&key(name), facts.claim().unwrap())
    }

    fn granted(&mut self, facts: PromotionFacts, request: Option<&str>) {
        let (name, decline) = (facts.node.clone(), facts.decline.as_ref());
        let (basis, _) = basis_for(&facts.cluster, &facts.authority, &name, decline).unwrap();
        let grant = Grant {
            epoch: self.epoch().next().unwrap(),
            holder: name.clone(),
            start: self.end,
            basis,
            promotion_id: PromotionId::new(format!("{name}-1")).unwrap(),
            request_id: request.map(|id| RequestId::new(id).unwrap()),
            decision: Recorded::decide(facts).0,
        };
        self.say(name.as_str(), EntryBody::AuthorityGranted(Box::new(grant)));
    }

    /// n2 declines epoch 4: the obligation towards it ends, and n1, which relinquishes to it all the same, goes
    /// on by its decline.
    fn declined(&mut self) {
        self.designate("n1", "n2");
        let (epoch, node_id) = (self.epoch(), node("n2"));
        let certificate = Certificate::Decline(self.decline("n2"));
        let ended = EntryBody::ObligationEnded { epoch, node_id: node_id.clone(), certificate };
        self.say("n1", ended);
        let (successor, final_position) = (node_id, self.end);
        self.say("n1", EntryBody::AuthorityRelinquished { epoch, successor, final_position });
        let decline = present_decline(self.authority(), self.decline("n2"));
        self.granted(
            PromotionFacts {
                role: RoleName::PrimarySealed,
                chain_at_basis: Some(self.end.chain),
                decline: Some(decline),
                ..self.facts("n1")
            },
            None,
        );
    }

    /// Sixteen entries, every kind among them; seven batches with eight commits.
    pub fn whole() -> Self {
        let mut told = Self::begin();
        for name in ["n2", "n3"] {
            let body = EntryBody::MemberAdmitted { epoch: told.epoch(), member: member(name) };
            told.say("n1", body);
        }
        told.say("n1", EntryBody::MemberRemoved { epoch: told.epoch(), node_id: node("n3") });
        told.commit(vec![vec![put("greeting", b"hello")], vec![put("a", b"1"), put("b", b"")]]);
        told.commit(vec![vec![delete("a"), put("gr\u{fc}n", &[0, 255])]]);
        told.designate("n1", "n2");
        told.commit(vec![vec![]]);
        told.release("n2");
        told.designate("n1", "n2");
        let large: Vec<u8> = (0..5000_u16).map(|at| (at % 251) as u8).collect();
        told.commit(vec![vec![put("large", &large)]]);
        let (epoch, successor, final_position) = (told.epoch(), node("n2"), told.end);
        told.say("n1", EntryBody::AuthorityRelinquished { epoch, successor, final_position });
        told.grant("n2", None);
        told.commit(vec![vec![put("epoch", b"2")]]);
        told.designate("n2", "n1");
        told.commit(vec![vec![put("epoch", b"2, designated")]]);
        told.grant("n1", Some("back again"));
        told.commit(vec![vec![put("epoch", b"3")]]);
        told.declined();
        told
    }
}

fn signed(before: Option<LedgerHead>, author: &str, body: EntryBody) -> SignedEntry {
    let entry = Entry {
        format: Entry::FORMAT,
        seq: before.map_or(Seq::FIRST, |head| head.seq.next().unwrap()),
        previous: before.map_or(Hash::NONE_BEFORE, |head| head.hash),
        author: node(author),
        annotation: annotation(body.kind()),
        body,
    };
    sign_entry(&key(author), entry)
}
