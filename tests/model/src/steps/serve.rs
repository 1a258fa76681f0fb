//! A pull is served: does the peer's history agree with this one, what does its receipt prove, what may it have.

use aerodb_core::authority::{ReceiptClaim, SignedReceipt};
use aerodb_core::decision::acknowledge::{check_receipt, covered_release, ledger_covered};
use aerodb_core::decision::serving::{
    Due, PeerRefused, check_history, check_ledger, check_not_ahead, due, owed_to, serves,
};
use aerodb_core::hash::Chain;
use aerodb_core::id::Boundary;
use aerodb_core::machine::RoleName;

use crate::cluster::Cluster;
use crate::mutant::Lie;
use crate::state::{Answer, Node, Pull, State};
use crate::steps::command::SIGNATURE;
use crate::world::LedgerId;

impl Cluster {
    pub(crate) fn serve(&self, state: &mut State, from: usize, pull: usize) -> Option<()> {
        let pull = state.pulls[from][pull]?;
        let at = usize::from(pull.to);
        let role = state.node(at).role_name();
        let untold = self.lies(Lie::NotHaltedForPeers) && role == RoleName::ReplicationHalted;
        if !serves(role) && !untold {
            return None;
        }
        let claim = self.claim(from, &pull);
        let answer = match self.check_histories(at, state.node(at), &claim) {
            Ok(chain_here) => {
                self.count(at, state.node_mut(at), from, &pull, claim, chain_here);
                self.answer(state.node(at), from, &pull, state.node(from).told)
            }
            Err(refused) if refused.is_parted() => {
                let (base_ledger, base_history) = (pull.ledger, pull.history);
                Some(Answer::Parted { base_ledger, base_history, rule: refused.rule() })
            }
            Err(_) => return None,
        };
        let peer = state.node(from);
        if let Some(answer) = answer
            && answer.base() == (peer.ledger, peer.history)
        {
            state.answers[from] = Some(answer);
        }
        Some(())
    }

    /// The chain here at the end of the peer's history, if its ledger and history are prefixes.
    fn check_histories(
        &self,
        at: usize,
        node: &Node,
        claim: &ReceiptClaim,
    ) -> Result<Option<Chain>, PeerRefused> {
        let (authority, durable) = (self.authority(node), self.durable(node));
        check_ledger(&claim.ledger, authority.hash_at(claim.ledger.seq))?;
        if !self.lies(Lie::NeverAhead) {
            check_not_ahead(authority, &self.names[at], &claim.position, durable)?;
        }
        let mut chain_here = self.chain_at(node.history, claim.position.boundary);
        if self.lies(Lie::ChainAsAsked) {
            chain_here = chain_here.map(|_| claim.position.chain);
        }
        check_history(&claim.position, durable, chain_here)?;
        Ok(chain_here)
    }

    /// Takes the receipt, if this node owes it to the peer, and the end of the obligation, if it shows that.
    fn count(
        &self,
        at: usize,
        node: &mut Node,
        from: usize,
        pull: &Pull,
        mut claim: ReceiptClaim,
        mut chain_here: Option<Chain>,
    ) {
        let authority = self.authority(node);
        let Some(obligation) = owed_to(authority, &self.names[at], &self.names[from]) else {
            return;
        };
        if self.lies(Lie::ReceiptOfAll) {
            claim.position = self.world.histories.get(node.history).end;
            chain_here = Some(claim.position.chain);
        }
        if check_receipt(Some(&obligation), &claim, chain_here).is_err() {
            return;
        }
        let Some(mut tenure) = self.tenure(node) else { return };
        let covered = ledger_covered(authority, &claim);
        tenure.receipt(&obligation, claim.position.boundary, covered);
        self.set_tenure(node, tenure);
        let untold = self.lies(Lie::ReceiptOfRelease);
        if (self.is_signed(from, pull) || untold) && node.halt.is_none() {
            self.end(at, node, from, pull, claim);
        }
    }

    fn end(&self, at: usize, node: &mut Node, from: usize, pull: &Pull, mut claim: ReceiptClaim) {
        let before = node.ledger;
        if self.lies(Lie::ReceiptOfRelease) {
            claim.ledger = self.authority(node).head();
        }
        let key = (before, from, pull.ledger, pull.history);
        let ended = self.memos.release.ask(key, || self.ended(at, before, claim));
        if let Some(ledger) = ended {
            self.ledger_grown(node, ledger);
        }
    }

    /// A receipt that the fold refuses is the peer's failure: the ledger stays.
    fn ended(&self, at: usize, before: LedgerId, claim: ReceiptClaim) -> Option<LedgerId> {
        let authority = &self.world.ledgers.get(before).authority;
        let receipt = SignedReceipt { claim, signature: SIGNATURE };
        let body = covered_release(authority, receipt)?;
        let entry = self.world.ledgers.next_entry(before, &self.names[at], body);
        self.world.ledgers.append(before, &entry).ok()
    }

    /// What the peer may have now.
    pub(crate) fn due(&self, node: &Node, peer: usize) -> Due {
        let authority = self.authority(node);
        let mut may_have = due(authority, &self.names[peer], &self.bounds(node));
        let obliged = authority.obligation().is_some_and(|owed| owed.node_id == self.names[peer]);
        let all = self.durable(node);
        if self.lies(Lie::EveryoneObligedHistory) || (obliged && self.lies(Lie::ShippedUnsynced)) {
            may_have.wal = Some(all);
        }
        if self.lies(Lie::EveryoneObligedLedger) {
            may_have.ledger = Some(authority.head().seq);
        }
        may_have
    }

    /// The answer; `None` when there is nothing to say.
    fn answer(&self, node: &Node, from: usize, pull: &Pull, knows: Option<u64>) -> Option<Answer> {
        let may_have = self.due(node, from);
        let (ledgers, histories) = (&self.world.ledgers, &self.world.histories);
        let there = ledgers.get(pull.ledger).entry.seq;
        let newer = may_have.ledger.filter(|upto| *upto > there);
        let ledger = newer.and_then(|upto| ledgers.prefix(node.ledger, upto));
        let ledger = ledger.unwrap_or(pull.ledger);
        let there = histories.get(pull.history).end.boundary;
        let newer = may_have.wal.filter(|upto| *upto > there);
        let history = newer.and_then(|upto| histories.prefix(node.history, upto));
        let history = history.unwrap_or(pull.history);
        let obliged = self.is_obliged(from, ledger);
        let told = may_have.acknowledged.filter(|_| obliged).map(Boundary::get);
        let news = ledger != pull.ledger || history != pull.history || told > knows;
        news.then_some(Answer::News {
            base_ledger: pull.ledger,
            base_history: pull.history,
            ledger,
            history,
            told: told.max(knows),
        })
    }
}
