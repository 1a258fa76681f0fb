//! Why a call of the client did not give an answer.

use aerodb_core::id::Address;

use crate::problem::Problem;

/// Why a call did not give an answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// No connection came about; nothing was asked.
    #[error("cannot reach {address}: {cause}")]
    Unreachable {
        /// The node.
        address: Address,
        /// What the transport says.
        cause: String,
    },
    /// The connection ended before the answer did: whether the request was carried out is not known.
    #[error("the connection to {address} ended before the answer was complete: {cause}")]
    Interrupted {
        /// The node.
        address: Address,
        /// What the transport says.
        cause: String,
    },
    /// The answer is not what the contract says it is.
    #[error("{address} does not answer like an AeroDB node: {what}")]
    Protocol {
        /// The node.
        address: Address,
        /// What is wrong with the answer.
        what: String,
    },
    /// The answer arrived whole and is not what was sent: a checksum in it does not fit.
    #[error("what {address} sent has changed on its way: {what}")]
    Damaged {
        /// The node.
        address: Address,
        /// Which checksum.
        what: String,
    },
    /// The node refused.
    #[error("{0}")]
    Problem(Problem),
}

impl ClientError {
    /// The refusal, if it is one.
    #[must_use]
    pub const fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            Self::Unreachable { .. }
            | Self::Interrupted { .. }
            | Self::Protocol { .. }
            | Self::Damaged { .. } => None,
        }
    }
}
