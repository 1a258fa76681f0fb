//! A holder that is told to follow a node whose ledger has parted from its own.

use aerodb_core::authority::SignedEntry;
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;

use crate::parted::{Parting, judge};
use crate::replication::LedgerThere;
use crate::supervisor::replica::{not_by, not_for_this_node};
use crate::supervisor::state::{Fatal, Supervisor};

impl Supervisor {
    /// Halts over a later grant there for which this ledger has no room; gives what the caller is told.
    pub(super) fn parted(&mut self, there: &LedgerThere) -> Result<Problem, Fatal> {
        let first = there.entries.first().map(|bytes| SignedEntry::decode(bytes));
        let first = match first {
            Some(Ok(first)) => first,
            Some(Err(error)) => return Ok(refused(&error.to_string())),
            None => return Ok(refused("it has no entry past the last common one")),
        };
        let ours = self.shared().authority_entries.after(None, usize::MAX);
        let own = not_by(&self.shared().identity.node_id, std::slice::from_ref(&first));
        let (rule, evidence) = match (own, judge(&ours, there.common, &first)) {
            (_, Parting::Nothing(why)) => return Ok(refused(&why)),
            (Err(broken), Parting::Deposed(_) | Parting::GrantedTwice(_)) => broken,
            (Ok(()), Parting::Deposed(evidence)) => (RuleId::FV2, evidence),
            (Ok(()), Parting::GrantedTwice(evidence)) => (RuleId::P6A1, evidence),
        };
        self.halt(rule, &evidence)?;
        Ok(self.halted().unwrap_or_else(|| Problem::new(Code::Halted, "the node halted")))
    }
}

fn refused(why: &str) -> Problem {
    let detail = format!("the ledger there is another one, and shows no later grant: {why}");
    not_for_this_node(RuleId::P6A2, &detail)
}
