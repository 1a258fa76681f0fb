//! From the core's refusals to problem details: one code each, with the explanation.

use aerodb_core::authority::Tenure;
use aerodb_core::decision::read::{ReadFacts, ReadRefusal};
use aerodb_core::decision::write::{WriteFacts, WriteRefusal};
use aerodb_core::explain::{Remedy, explain};
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;

use serde_json::json;

use crate::http::Http;
use crate::supervisor::ways_back;

/// The code of a refused write.
pub(super) const fn write_code(refusal: WriteRefusal) -> Code {
    match refusal {
        WriteRefusal::Halted => Code::Halted,
        WriteRefusal::WalPoisoned => Code::WalPoisoned,
        WriteRefusal::NotHolder => Code::NotHolder,
        WriteRefusal::Sealed => Code::Sealed,
        WriteRefusal::SuccessorRequired => Code::SuccessorRequired,
        WriteRefusal::SuccessorDetached => Code::SuccessorDetached,
        WriteRefusal::MemoryLimit => Code::MemoryLimit,
    }
}

/// The code of a refused read.
pub(super) const fn read_code(refusal: ReadRefusal) -> Code {
    match refusal {
        ReadRefusal::Halted => Code::Halted,
        ReadRefusal::Recovering => Code::Recovering,
        ReadRefusal::Unsafe | ReadRefusal::Unconfirmed | ReadRefusal::Moved => Code::ReadUnsafe,
        ReadRefusal::NotHolder => Code::NotHolder,
        ReadRefusal::Sealed => Code::Sealed,
        ReadRefusal::InFuture => Code::CommitInFuture,
        ReadRefusal::NotRetained => Code::CommitNotRetained,
        ReadRefusal::NotReached => Code::CommitNotReached,
    }
}

impl Http {
    /// `NOT_HOLDER` with the holder by the ledger and its address, or the code's plain problem.
    fn refused(&self, code: Code, detail: &str) -> Problem {
        if code == Code::NotHolder {
            let authority = &self.shared.view.load().authority;
            let holder = authority.holder();
            let address = authority.member(holder).map(|(member, _)| &member.address);
            return Problem::not_holder(Some(holder), address);
        }
        Problem::new(code, detail)
    }

    /// A refused read with its explanation.
    pub(super) fn read_refused(
        &self,
        facts: &ReadFacts,
        refusal: ReadRefusal,
        rule: RuleId,
    ) -> Problem {
        let detail = match refusal {
            ReadRefusal::Halted => "the node is halted until an operator acts",
            ReadRefusal::Recovering => "the node serves no reads yet",
            ReadRefusal::Unsafe => {
                "what is acknowledged is unknown until the successor's receipt covers the recovered tip"
            }
            ReadRefusal::NotHolder => "linearizable reads are for the holder",
            ReadRefusal::Sealed => "this node has relinquished its epoch; a snapshot can be read",
            ReadRefusal::Unconfirmed => {
                "the successor has not confirmed that this node still holds"
            }
            ReadRefusal::InFuture => "the commit is not acknowledged yet",
            ReadRefusal::NotRetained => "the commit is not retained any more",
            ReadRefusal::NotReached => "the commit is not reached yet",
            ReadRefusal::Moved => "the node's state changed twice while it read",
        };
        let problem = self.refused(read_code(refusal), detail);
        let remedies = self.read_remedies(facts, refusal, rule);
        let problem = problem.with("acknowledged", facts.acknowledged);
        problem.rule(rule, Vec::new()).explained(&explain(facts), remedies)
    }

    /// A refused write with its explanation.
    pub(super) fn write_refused(
        &self,
        facts: &WriteFacts,
        refusal: WriteRefusal,
        rule: RuleId,
    ) -> Problem {
        let detail = match refusal {
            WriteRefusal::Halted => "the node is halted until an operator acts",
            WriteRefusal::WalPoisoned => {
                "a write or fsync of the log failed; the node is going down"
            }
            WriteRefusal::NotHolder => "another node holds the epoch",
            WriteRefusal::Sealed => "this node has relinquished its epoch",
            WriteRefusal::SuccessorRequired => {
                "the cluster insists on a successor and there is none"
            }
            WriteRefusal::SuccessorDetached => {
                "the successor is not pulling, so no receipt can come"
            }
            WriteRefusal::MemoryLimit => "the store has reached its configured bound",
        };
        let remedies = self.write_remedies(facts, refusal, rule);
        let problem = self.refused(write_code(refusal), detail).rule(rule, Vec::new());
        problem.explained(&explain(facts), remedies)
    }

    fn write_remedies(
        &self,
        facts: &WriteFacts,
        refusal: WriteRefusal,
        rule: RuleId,
    ) -> Vec<Remedy> {
        let authority = &facts.authority;
        let (here, epoch) = (Some(facts.node.clone()), authority.epoch);
        let holder = Some(authority.holder.clone());
        let heir = authority.succession.as_ref().map(|heir| heir.successor().clone());
        let post = |action, node_id, path, body| Remedy {
            rule,
            action,
            node_id,
            method: "POST",
            path,
            body: Some(body),
        };
        let asked = json!({ "expected_epoch": epoch, "reason": "" });
        match refusal {
            WriteRefusal::Halted => ways_back(self.halt_cause().unwrap_or(rule), &facts.node),
            WriteRefusal::WalPoisoned => vec![Remedy::by_hand(
                rule,
                "look after the disk, then start the node again",
                &facts.node,
                "aerodb serve --data-dir DIR",
            )],
            WriteRefusal::NotHolder => {
                vec![Remedy::look(rule, "write to the holder", holder, "/v1/authority")]
            }
            WriteRefusal::Sealed => {
                let heir = match &authority.tenure {
                    Tenure::Relinquished { successor, .. } => Some(successor.clone()),
                    Tenure::Held => heir,
                };
                vec![
                    post("promote the heir", heir.clone(), "/v1/promotions", asked.clone()),
                    post(
                        "or have it decline, and promote this node with that as evidence",
                        heir,
                        "/v1/authority/decline",
                        asked,
                    ),
                ]
            }
            WriteRefusal::SuccessorRequired => {
                let body = json!({ "successor": "ID", "expected_epoch": epoch, "reason": "" });
                vec![post("name a successor", here, "/v1/authority/designate", body)]
            }
            WriteRefusal::SuccessorDetached => vec![
                post(
                    "let the successor pull again",
                    heir.clone(),
                    "/v1/replication/resume",
                    json!({ "reason": "" }),
                ),
                Remedy::by_hand(
                    rule,
                    "where it never runs again: have it decline on its disk, and release it with that as evidence",
                    heir.as_ref().unwrap_or(&facts.node),
                    "aerodb decline --data-dir DIR --expected-epoch N --reason TEXT --output json",
                ),
            ],
            WriteRefusal::MemoryLimit => vec![
                Remedy::look(rule, "see what the store holds", here, "/v1/status"),
                Remedy::by_hand(
                    rule,
                    "raise store_bytes_max in aerodb.toml, and start the node again",
                    &facts.node,
                    "aerodb serve --data-dir DIR",
                ),
            ],
        }
    }

    fn read_remedies(&self, facts: &ReadFacts, refusal: ReadRefusal, rule: RuleId) -> Vec<Remedy> {
        let here = || Some(facts.node.clone());
        let look = |action, node_id, path| vec![Remedy::look(rule, action, node_id, path)];
        let holder = || Some(facts.holder.clone());
        match refusal {
            ReadRefusal::Halted => ways_back(self.halt_cause().unwrap_or(rule), &facts.node),
            ReadRefusal::Recovering => look("see how far the start is", here(), "/readyz?verbose"),
            ReadRefusal::Unsafe | ReadRefusal::Unconfirmed => look(
                "see whether the successor is pulling; aerodb resume on it lets it",
                here(),
                "/v1/replication",
            ),
            ReadRefusal::NotHolder => look("read from the holder", holder(), "/v1/authority"),
            ReadRefusal::Sealed => {
                look("read a snapshot here: consistency=snapshot", here(), "/v1/status")
            }
            ReadRefusal::InFuture | ReadRefusal::NotReached => {
                look("see how far the history is acknowledged here", here(), "/v1/status")
            }
            ReadRefusal::NotRetained => {
                look("see the oldest commit that can be read", here(), "/v1/mvcc")
            }
            ReadRefusal::Moved => {
                look("see the node's state, then read again", here(), "/v1/status")
            }
        }
    }

    fn halt_cause(&self) -> Option<RuleId> {
        self.shared.view.load().halt()
    }
}
