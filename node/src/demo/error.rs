//! Why the demo did not come to its end.

use aerodb_http_api::client::ClientError;

/// What went otherwise than it must.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    /// A node refused, or gave no answer.
    #[error(transparent)]
    Node(#[from] ClientError),
    /// Something was seen that must not be.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What must be.
        expected: String,
        /// What is.
        found: String,
    },
    /// A state did not come about within the attempts.
    #[error("waited for {state}; last seen: {seen}")]
    NeverCame {
        /// The state.
        state: String,
        /// What was seen instead.
        seen: String,
    },
    /// A command of the same binary failed.
    #[error("{line}: exit code {code}: {stderr}")]
    Command {
        /// The command line.
        line: String,
        /// Its exit code, or the signal.
        code: String,
        /// What it complained.
        stderr: String,
    },
    /// The operating system refused something.
    #[error("cannot {what}: {cause}")]
    System {
        /// What was tried.
        what: String,
        /// Why not.
        cause: String,
    },
    /// The operator ended it.
    #[error("interrupted")]
    Interrupted,
}

impl DemoError {
    pub(super) fn unexpected(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Unexpected { expected: expected.into(), found: found.into() }
    }

    pub(super) fn system(what: impl Into<String>, cause: impl std::fmt::Display) -> Self {
        Self::System { what: what.into(), cause: cause.to_string() }
    }
}
