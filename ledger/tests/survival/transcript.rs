//! How the search got where it is, told when it finds something.

use std::fmt;

use aerodb_ledger::disk::Operation;
use aerodb_ledger::disk::simulated::{At, Failure};

/// One step of a run.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// One call is going to fail.
    Fail(At, Failure),
    Create,
    Open,
    Append {
        records: usize,
    },
    Truncate,
    /// The run ends before its `at`-th call that changes or syncs something; `None` at the end.
    Cut(Option<(usize, Operation)>),
    /// The process is killed; the cache is kept.
    Kill,
    /// The power fails. The digits of the number say which versions survived.
    PowerLoss {
        outcome: u64,
        of: u64,
    },
    /// The power fails; of too many outcomes, one was picked.
    PowerLossPicked,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fail(at, failure) => write!(f, "{at:?} is going to fail: {failure:?}"),
            Self::Create => f.write_str("create"),
            Self::Open => f.write_str("open"),
            Self::Truncate => f.write_str("checkpoint and truncate"),
            Self::Append { records } => write!(f, "append {records} records"),
            Self::Cut(Some((at, operation))) => write!(f, "- ends before call {at}, {operation}"),
            Self::Cut(None) => f.write_str("- ends when it has returned"),
            Self::Kill => f.write_str("the process is killed"),
            Self::PowerLoss { outcome, of } => {
                write!(f, "the power fails: outcome {outcome:#b} of {of}")
            }
            Self::PowerLossPicked => f.write_str("the power fails: one outcome of many"),
        }
    }
}

/// The steps so far. Printed when a check fails.
#[derive(Debug, Default)]
pub struct Transcript(Vec<Step>);

impl Transcript {
    /// Whether the run that ends with the last step began with an opening, in which it ends.
    pub fn is_in_recovery(&self) -> bool {
        matches!(self.0[..], [.., Step::Open, Step::Cut(Some(_))])
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    pub fn back_to(&mut self, length: usize) {
        self.0.truncate(length);
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (number, step) in (1..).zip(&self.0) {
                eprintln!("{number:3}. {step}");
            }
        }
    }
}
