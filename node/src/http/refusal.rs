//! From the core's refusals to problem details: one code each, with the explanation.

use aerodb_core::decision::read::{ReadFacts, ReadRefusal};
use aerodb_core::decision::write::{WriteFacts, WriteRefusal};
use aerodb_core::explain::{Explanation, explain};
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;

use crate::http::Http;

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
    pub(super) fn refused(&self, code: Code, detail: &str, rule: RuleId) -> Problem {
        if code == Code::NotHolder {
            let authority = &self.shared.view.load().authority;
            let holder = authority.holder();
            let address = authority.member(holder).map(|(member, _)| &member.address);
            return Problem::not_holder(Some(holder), address).rule(rule);
        }
        Problem::new(code, detail).rule(rule)
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
        let problem = self.refused(read_code(refusal), detail, rule);
        explained(problem.with("acknowledged", facts.acknowledged), &explain(facts))
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
        explained(self.refused(write_code(refusal), detail, rule), &explain(facts))
    }
}

/// Attaches an explanation for which there are no remedies beyond its rules.
pub(super) fn explained(problem: Problem, explanation: &Explanation) -> Problem {
    problem.explained(explanation, Vec::new())
}
