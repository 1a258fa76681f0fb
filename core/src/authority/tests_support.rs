//! Tells the story of an authority ledger, one entry a line, so that tests read like transcripts:
//!
//! ```text
//! Story::founded().admit("n2").designate("n2", 10).grant("n2", 14)
//! ```
//!
//! n1 founds every cluster. Each entry is written by the node entitled to it, in the current epoch, at
//! the end of the ledger; a test that wants a wrong entry takes a right one and changes it.

use crate::authority::{
    Annotation, Authority, Basis, Certificate, DeclineClaim, Durability, Entry, EntryBody, Genesis,
    Grant, Illegal, Member, PresentedDecline, ReceiptClaim, SignedDecline, SignedReceipt, Tenure,
    evolve,
};
use crate::decision::RecordedDecision;
use crate::decision::promotion::{AuthorityFacts, Progress, PromotionFacts, basis_for};
use crate::hash::{Chain, Hash, PublicKey, Signature};
use crate::id::{
    Address, Boundary, ClusterName, CommitId, Epoch, NodeId, PromotionId, Reason, Seq,
};
use crate::machine::RoleName;
use crate::position::{LedgerHead, Position};
use crate::rules::RULESET;

/// The node of this name.
pub(crate) fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

/// The epoch of this number.
pub(crate) fn epoch(number: u64) -> Epoch {
    Epoch::new(number).unwrap()
}

/// The commit of this number.
pub(crate) fn commit(number: u64) -> CommitId {
    CommitId::new(number).unwrap()
}

/// The entry number.
pub(crate) fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

/// The member of this name; its key and address derive from the name.
pub(crate) fn member(name: &str) -> Member {
    Member {
        node_id: node(name),
        public_key: PublicKey(Hash::of("aerodb test key", &[name.as_bytes()]).0),
        address: Address::new("http://127.0.0.1:7400").unwrap(),
    }
}

/// The place after so many commits in the one true history.
pub(crate) fn at(commits: u64) -> Position {
    let chain = Hash::of("aerodb test history", &[&commits.to_le_bytes()]);
    Position { boundary: Boundary::new(commits), chain: Chain(chain.0) }
}

/// The place after so many commits in another history.
pub(crate) fn forked_at(commits: u64) -> Position {
    let chain = Hash::of("aerodb test fork", &[&commits.to_le_bytes()]);
    Position { boundary: Boundary::new(commits), chain: Chain(chain.0) }
}

/// A signature that no test looks at; the core checks none.
pub(crate) const SIGNATURE: Signature = Signature([0x5a; 64]);

fn entry(seq: Seq, previous: Hash, author: &NodeId, body: EntryBody) -> Entry {
    let annotation = Annotation {
        received_at_ms: 1_700_000_000_000,
        operator: "local".to_owned(),
        reason: Reason::new("told in a test").unwrap(),
    };
    Entry { format: Entry::FORMAT, seq, previous, author: author.clone(), body, annotation }
}

/// The genesis entry of the cluster that n1 founds.
pub(crate) fn genesis() -> Entry {
    let body = EntryBody::Genesis(Genesis {
        cluster_name: ClusterName::new("story").unwrap(),
        nonce: Hash([1; 32]),
        founder: member("n1"),
        minimum_durability: Durability::Local,
        ruleset: RULESET,
        ancestor: None,
    });
    entry(Seq::FIRST, Hash::NONE_BEFORE, &node("n1"), body)
}

/// A ledger and what folding it gives.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    authority: Authority,
}

impl Story {
    /// n1 founds the cluster and holds epoch 1.
    pub(crate) fn founded() -> Self {
        Self { authority: evolve(None, &genesis()).unwrap() }
    }

    /// n2 was designated after the first commit and granted epoch 2 after so many.
    pub(crate) fn promoted_at(commits: u64) -> Self {
        Self::founded().admit("n2").designate("n2", 1).grant("n2", commits)
    }

    pub(crate) fn admit(self, name: &str) -> Self {
        let body = self.admission(name);
        self.then(body)
    }

    pub(crate) fn remove(self, name: &str) -> Self {
        let body = self.removal(name);
        self.then(body)
    }

    pub(crate) fn designate(self, name: &str, commits: u64) -> Self {
        let body = self.designation(name, at(commits));
        self.then(body)
    }

    pub(crate) fn release(self, name: &str) -> Self {
        let body = self.release_of(name);
        self.then(body)
    }

    /// The obligation ends with a receipt of that node, whose ledger ends where this one does.
    pub(crate) fn end_obligation(self, name: &str) -> Self {
        let body = self.end_of_obligation(name, self.receipt(name));
        self.then(body)
    }

    /// The obligation ends with that node's decline.
    pub(crate) fn end_by_decline(self, name: &str) -> Self {
        let body = self.end_by(name, self.decline(name));
        self.then(body)
    }

    pub(crate) fn relinquish(self, name: &str, commits: u64) -> Self {
        let body = self.relinquishment(name, at(commits));
        self.then(body)
    }

    pub(crate) fn grant(mut self, name: &str, commits: u64) -> Self {
        let entry = self.grant_entry(self.grant_of(name, at(commits)));
        self.authority = self.try_entry(&entry).unwrap();
        self
    }

    pub(crate) const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The last entry.
    pub(crate) fn head(&self) -> LedgerHead {
        self.authority.head()
    }

    pub(crate) fn admission(&self, name: &str) -> EntryBody {
        EntryBody::MemberAdmitted { epoch: self.authority.epoch(), member: member(name) }
    }

    pub(crate) fn removal(&self, name: &str) -> EntryBody {
        EntryBody::MemberRemoved { epoch: self.authority.epoch(), node_id: node(name) }
    }

    pub(crate) fn designation(&self, name: &str, at: Position) -> EntryBody {
        let (epoch, successor) = (self.authority.epoch(), node(name));
        EntryBody::SuccessorDesignated { epoch, successor, at }
    }

    pub(crate) fn release_of(&self, name: &str) -> EntryBody {
        EntryBody::SuccessorReleased { epoch: self.authority.epoch(), successor: node(name) }
    }

    pub(crate) fn end_of_obligation(&self, name: &str, claim: ReceiptClaim) -> EntryBody {
        EntryBody::ObligationEnded {
            epoch: self.authority.epoch(),
            node_id: node(name),
            certificate: Certificate::Receipt(SignedReceipt { claim, signature: SIGNATURE }),
        }
    }

    pub(crate) fn end_by(&self, name: &str, decline: SignedDecline) -> EntryBody {
        EntryBody::ObligationEnded {
            epoch: self.authority.epoch(),
            node_id: node(name),
            certificate: Certificate::Decline(decline),
        }
    }

    pub(crate) fn relinquishment(&self, name: &str, final_position: Position) -> EntryBody {
        let (epoch, successor) = (self.authority.epoch(), node(name));
        EntryBody::AuthorityRelinquished { epoch, successor, final_position }
    }

    /// A receipt of that node in the current epoch, whose ledger ends where this one does.
    pub(crate) fn receipt(&self, name: &str) -> ReceiptClaim {
        ReceiptClaim {
            cluster: *self.authority.cluster(),
            node_id: node(name),
            epoch: self.authority.epoch(),
            position: at(20),
            ledger: self.head(),
        }
    }

    /// The decline of the next epoch by that node, whose ledger ends where this one does.
    pub(crate) fn decline(&self, name: &str) -> SignedDecline {
        let claim = DeclineClaim {
            cluster: *self.authority.cluster(),
            node_id: node(name),
            epoch: self.authority.epoch().next().unwrap(),
            named_by: self.authority.naming_of(&node(name)).unwrap_or_else(|| self.head()),
            ledger: self.head(),
        };
        SignedDecline { claim, signature: SIGNATURE }
    }

    /// What a replica of that name whose history ends at `wal_end` would decide on, nothing else
    /// standing against it.
    pub(crate) fn facts(&self, name: &str, wal_end: Position) -> PromotionFacts {
        let (cluster, authority) =
            (self.authority.cluster(), AuthorityFacts::from(&self.authority));
        let basis_position =
            basis_for(cluster, &authority, &node(name), None).map(|(_, position)| position);
        let end = wal_end.boundary;
        PromotionFacts {
            cluster: *self.authority.cluster(),
            node: node(name),
            expected_epoch: self.authority.epoch(),
            replica_id: None,
            ledger: self.head(),
            member: self.authority.admitted(&node(name)).is_some(),
            authority,
            role: RoleName::ReplicaActive,
            halt: None,
            attempt_in_progress: false,
            progress: Progress { received: end, validated: end, applied: end },
            wal_end,
            chain_at_basis: basis_position.map(|position| position.chain),
            epoch_mismatch: None,
            declined: self.authority.has_declined(&node(name)),
            decline: None,
        }
    }

    /// What the relinquisher, sealed, would decide on when it presents this decline.
    pub(crate) fn facts_on_decline(&self, decline: SignedDecline) -> PromotionFacts {
        let Tenure::Relinquished { final_position, .. } = self.authority.tenure() else {
            panic!("the story has no relinquishment")
        };
        let holder = self.authority.holder().as_str();
        PromotionFacts {
            role: RoleName::PrimarySealed,
            chain_at_basis: Some(final_position.chain),
            decline: Some(PresentedDecline::new(&self.authority, decline, true)),
            ..self.facts(holder, *final_position)
        }
    }

    /// The next epoch's grant to the relinquisher on this decline.
    pub(crate) fn grant_on_decline(&self, decline: SignedDecline) -> Grant {
        let facts = self.facts_on_decline(decline.clone());
        let Tenure::Relinquished { entry, .. } = self.authority.tenure() else {
            panic!("the story has no relinquishment")
        };
        let basis = Basis::Decline { entry: *entry, certificate: Box::new(decline) };
        let (name, start) = (facts.node.clone(), facts.wal_end);
        let decision = RecordedDecision::decide(facts).0;
        Grant { basis, decision, ..self.grant_of(name.as_str(), start) }
    }

    /// The next epoch's grant to that node on the basis that the ledger holds for it; where it holds
    /// none, on a designation that is the last entry.
    pub(crate) fn grant_of(&self, name: &str, start: Position) -> Grant {
        let facts = self.facts(name, start);
        let basis = basis_for(&facts.cluster, &facts.authority, &facts.node, None)
            .map_or(Basis::Designation { entry: self.head() }, |(basis, _)| basis);
        Grant {
            epoch: self.authority.epoch().next().unwrap(),
            holder: node(name),
            start,
            basis,
            promotion_id: PromotionId::new(format!("{name}-1")).unwrap(),
            request_id: None,
            decision: RecordedDecision::decide(facts).0,
        }
    }

    /// The grant as its holder writes it at the end of this ledger.
    pub(crate) fn grant_entry(&self, grant: Grant) -> Entry {
        let author = grant.holder.clone();
        self.written_by(&author, EntryBody::AuthorityGranted(Box::new(grant)))
    }

    /// The entry as the current holder writes it at the end of this ledger.
    pub(crate) fn by_holder(&self, body: EntryBody) -> Entry {
        self.written_by(self.authority.holder(), body)
    }

    /// The entry as `author` writes it at the end of this ledger.
    pub(crate) fn written_by(&self, author: &NodeId, body: EntryBody) -> Entry {
        let head = self.head();
        entry(head.seq.next().unwrap(), head.hash, author, body)
    }

    /// What the fold makes of the entry. A refused one leaves no trace, whatever it is refused for.
    pub(crate) fn try_entry(&self, entry: &Entry) -> Result<Authority, Illegal> {
        let mut next = self.authority.clone();
        let taken = next.take(entry);
        if taken.is_err() {
            assert_eq!(next, self.authority);
        }
        taken.map(|()| next)
    }

    /// Why the holder may not append this.
    pub(crate) fn refuses(&self, body: EntryBody) -> Illegal {
        self.try_entry(&self.by_holder(body)).unwrap_err()
    }

    /// Why the grantee may not append this.
    pub(crate) fn refuses_grant(&self, grant: Grant) -> Illegal {
        self.try_entry(&self.grant_entry(grant)).unwrap_err()
    }

    fn then(mut self, body: EntryBody) -> Self {
        self.authority = self.try_entry(&self.by_holder(body)).unwrap();
        self
    }
}
