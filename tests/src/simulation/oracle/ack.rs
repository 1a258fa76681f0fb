//! ACK: what a client saw acknowledged is in the acknowledged history for good, under its commit and whole; what a
//! client saw refused never is.

use std::collections::BTreeSet;

use aerodb_core::wal::Op;
use aerodb_http_api::code::Code;
use bytes::Bytes;

use super::census::Census;
use super::history::History;
use super::{Violation, violated};
use crate::simulation::{Asked, Done};

const ACK: &str = "ACK";

/// What clients were told of their writes.
#[derive(Debug, Default)]
pub(super) struct Acks {
    refused: BTreeSet<Bytes>,
    looked: u64,
}

impl Acks {
    pub(super) fn heard(
        &mut self,
        node: usize,
        asked: &Asked,
        done: &Done,
        history: &History,
        census: &Census,
    ) -> Result<(), Violation> {
        let (Asked::Write(ops), Done::Written(written)) = (asked, done) else { return Ok(()) };
        match written {
            Ok(written) => {
                census.acknowledged(written)?;
                let commit = written.commit_id;
                match history.commit(commit.get()) {
                    Some(there) if there == ops => Ok(()),
                    Some(_) => violated(
                        ACK,
                        format!(
                            "n{} acknowledged commit {commit}, which is another write",
                            node + 1
                        ),
                    ),
                    None => violated(
                        ACK,
                        format!(
                            "n{} acknowledged commit {commit}, and the acknowledged history ends at {}",
                            node + 1,
                            history.length()
                        ),
                    ),
                }
            }
            Err(problem) if is_open(problem.code()) => Ok(()),
            Err(_) => {
                self.refused.extend(ops.iter().filter_map(value_of).cloned());
                for (commit, there) in history.commits_past(0) {
                    self.none_refused(commit, there)?;
                }
                Ok(())
            }
        }
    }

    /// Nothing that was refused comes to be acknowledged.
    pub(super) fn look(&mut self, history: &History) -> Result<(), Violation> {
        for (commit, ops) in history.commits_past(self.looked) {
            self.none_refused(commit, ops)?;
        }
        self.looked = history.length();
        Ok(())
    }

    fn none_refused(&self, commit: u64, ops: &[Op]) -> Result<(), Violation> {
        if ops.iter().filter_map(value_of).any(|value| self.refused.contains(value)) {
            return violated(ACK, format!("commit {commit} is a write that was refused"));
        }
        Ok(())
    }
}

const fn value_of(op: &Op) -> Option<&Bytes> {
    match op {
        Op::Put { value, .. } => Some(value),
        Op::Delete { .. } => None,
    }
}

/// Whether the write may have happened all the same.
fn is_open(code: Code) -> bool {
    matches!(code, Code::NotAcknowledged | Code::WalPoisoned | Code::NoSpace)
}
