//! Why a command did not do what it was asked, and what the process says of it.
//!
//! Keeps: P6-FZ4.

use std::process::ExitCode;

use aerodb_core::explain::Explanation;
use aerodb_http_api::client::ClientError;
use aerodb_ledger::disk::DiskError;
use aerodb_ledger::snapshot::SnapshotError;
use aerodb_ledger::{Fault, SealedError};
use serde_json::{Value, json};

use crate::directory::DirectoryError;
use crate::discard::DiscardError;
use crate::identity::IdentityError;
use crate::open::StartError;
use crate::recovery::CheckpointRefused;
use crate::retention::RetentionRefused;
use crate::stopped::StoppedError;

/// The exit codes (DESIGN section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Refused, not acknowledged, missing, or found wrong.
    Refused,
    /// The command line is not right. The parser of the command line answers with it too.
    Usage,
    /// A node could not be reached, or a file could not be read.
    Unreachable,
}

impl Exit {
    /// The number that the process ends with.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not do what it was asked. The variants differ in what a script does next; the texts
/// are for people.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A node refused, or gave no answer.
    #[error(transparent)]
    Node(#[from] ClientError),
    /// It is not done, because something stands against it here.
    #[error("{0}")]
    Refused(String),
    /// Bytes on the disk are not what was written: nothing is done with them.
    #[error("{what}")]
    Damaged {
        /// In words.
        what: String,
        /// The file, the checksums and the rules.
        explanation: Box<Explanation>,
    },
    /// The arguments do not go together.
    #[error("{0}")]
    Usage(String),
    /// A file or directory could not be read or written.
    #[error("{0}")]
    Unreadable(String),
}

impl Failure {
    /// The exit code.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Node(ClientError::Problem(_)) | Self::Refused(_) | Self::Damaged { .. } => {
                Exit::Refused
            }
            Self::Usage(_) => Exit::Usage,
            Self::Node(
                ClientError::Unreachable { .. }
                | ClientError::Interrupted { .. }
                | ClientError::Protocol { .. }
                | ClientError::Damaged { .. },
            )
            | Self::Unreadable(_) => Exit::Unreachable,
        }
    }

    /// The JSON document of it: the problem as the node sent it, or the text.
    #[must_use]
    pub fn json(&self) -> Value {
        match self {
            Self::Node(ClientError::Problem(problem)) => aerodb_core::explain_value(problem.body()),
            Self::Damaged { what, explanation } => {
                let (exit, explanation) =
                    (self.exit().code(), aerodb_core::explain_value(explanation));
                json!({ "error": { "detail": what, "exit": exit, "explanation": explanation } })
            }
            Self::Node(
                ClientError::Unreachable { .. }
                | ClientError::Interrupted { .. }
                | ClientError::Protocol { .. }
                | ClientError::Damaged { .. },
            )
            | Self::Refused(_)
            | Self::Usage(_)
            | Self::Unreadable(_) => {
                json!({ "error": { "detail": self.to_string(), "exit": self.exit().code() } })
            }
        }
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Locked { .. }
            | DirectoryError::NotEmpty { .. }
            | DirectoryError::Ledger(_) => Self::Refused(error.to_string()),
            DirectoryError::Fault(_) | DirectoryError::Disk(_) | DirectoryError::Options(_) => {
                Self::Unreadable(error.to_string())
            }
        }
    }
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Damaged { .. } => Self::Refused(error.to_string()),
            IdentityError::Missing { .. } | IdentityError::Disk(_) => {
                Self::Unreadable(error.to_string())
            }
        }
    }
}

impl From<DiscardError> for Failure {
    fn from(error: DiscardError) -> Self {
        match error {
            DiscardError::Directory(error) => error.into(),
            DiscardError::Identity(error) => error.into(),
            DiscardError::Disk(error) => error.into(),
            DiscardError::Fault(fault) => fault.into(),
            DiscardError::Checkpoint(error) => error.into(),
            DiscardError::Replay(_)
            | DiscardError::Retired(_)
            | DiscardError::Record(_)
            | DiscardError::Ledger(_)
            | DiscardError::Options(_)
            | DiscardError::Holder { .. }
            | DiscardError::Nothing { .. }
            | DiscardError::OtherFailure { .. }
            | DiscardError::Parted { .. } => Self::Refused(error.to_string()),
        }
    }
}

impl From<StoppedError> for Failure {
    fn from(error: StoppedError) -> Self {
        match error {
            StoppedError::Directory(error) => error.into(),
            StoppedError::Identity(error) => error.into(),
            StoppedError::Fault(fault) => fault.into(),
            StoppedError::Disk(error) => error.into(),
            StoppedError::Start(error) => error.into(),
            StoppedError::Checkpoint(error) => error.into(),
            StoppedError::Retention(error) => error.into(),
            StoppedError::Snapshot(SnapshotError::Disk(error)) => error.into(),
            StoppedError::Replay(_)
            | StoppedError::Record(_)
            | StoppedError::Config(_)
            | StoppedError::Snapshot(_) => Self::Refused(error.to_string()),
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Directory(error) => error.into(),
            StartError::Identity(error) => error.into(),
            StartError::Fault(fault) => fault.into(),
            StartError::Checkpoint(error) => error.into(),
            StartError::Retention(error) => error.into(),
            StartError::Disk(error) => error.into(),
            StartError::Config(_)
            | StartError::Retired(_)
            | StartError::Replay(_)
            | StartError::Foreign { .. }
            | StartError::OwnHistory { .. } => Self::Refused(error.to_string()),
        }
    }
}

impl From<CheckpointRefused> for Failure {
    fn from(error: CheckpointRefused) -> Self {
        match error {
            CheckpointRefused::Marker(SealedError::Disk(_))
            | CheckpointRefused::Snapshot {
                fault: Fault::Disk(_) | Fault::Poisoned { .. }, ..
            } => Self::Unreadable(error.to_string()),
            CheckpointRefused::Marker(_)
            | CheckpointRefused::Foreign { .. }
            | CheckpointRefused::LedgerShort { .. }
            | CheckpointRefused::Snapshot { .. }
            | CheckpointRefused::Wal(_) => Self::Refused(error.to_string()),
        }
    }
}

impl From<RetentionRefused> for Failure {
    fn from(error: RetentionRefused) -> Self {
        match error {
            RetentionRefused::File(SealedError::Disk(_)) => Self::Unreadable(error.to_string()),
            RetentionRefused::File(SealedError::Missing { .. } | SealedError::Damaged { .. })
            | RetentionRefused::Foreign { .. }
            | RetentionRefused::Ahead { .. } => Self::Refused(error.to_string()),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Disk(_) | Fault::Poisoned { .. } => Self::Unreadable(fault.to_string()),
            Fault::Corrupt { .. }
            | Fault::TooLarge { .. }
            | Fault::NotNext { .. }
            | Fault::Removed { .. }
            | Fault::NoSuchStart { .. }
            | Fault::Exists { .. } => Self::Refused(fault.to_string()),
        }
    }
}

impl From<DiskError> for Failure {
    fn from(error: DiskError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use aerodb_core::id::Address;
    use aerodb_core::rules::RuleId;
    use aerodb_http_api::code::Code;
    use aerodb_http_api::problem::Problem;
    use aerodb_ledger::Unsealed;

    use super::*;

    fn address() -> Address {
        Address::new("http://127.0.0.1:7401").unwrap()
    }

    #[test]
    fn a_refusal_ends_with_1_and_everything_unreached_with_3() {
        let refused = Problem::new(Code::CommandRefused, "no").rule(RuleId::Au3, Vec::new());
        let cause = || "gone".to_owned();
        for (failure, code) in [
            (Failure::from(ClientError::Problem(refused)), 1),
            (ClientError::Unreachable { address: address(), cause: cause() }.into(), 3),
            (ClientError::Interrupted { address: address(), cause: cause() }.into(), 3),
            (ClientError::Protocol { address: address(), what: cause() }.into(), 3),
            (DirectoryError::NotEmpty { dir: cause() }.into(), 1),
            (IdentityError::Missing { path: cause() }.into(), 3),
            (IdentityError::Damaged { path: cause(), what: Unsealed::Shape(cause()) }.into(), 1),
            (Failure::Usage(cause()), 2),
        ] {
            assert_eq!(failure.exit().code(), code, "{failure}");
        }
    }

    #[test]
    fn a_problem_is_shown_as_the_node_sent_it() {
        let refused =
            Problem::new(Code::CommandRefused, "not pulling").rule(RuleId::Au3, Vec::new());
        let json = Failure::from(ClientError::Problem(refused)).json();
        assert_eq!(json["code"], "COMMAND_REFUSED");
        assert_eq!(json["rule"], "AU-3");
        let json = Failure::Refused("n1 is not empty".to_owned()).json();
        assert_eq!(json, json!({ "error": { "detail": "n1 is not empty", "exit": 1 } }));
    }
}
