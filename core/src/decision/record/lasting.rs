//! What an entry settles for good. It is all that a later decision of the node reads of its own record, next to the
//! failures that stand.

use crate::authority::SignedDecline;
use crate::decision::fork::ForkFacts;
use crate::decision::record::DecisionBody;
use crate::decision::relocate::RelocateFacts;
use crate::explain::Recorded;
use crate::hash::ClusterId;

/// Said once, and never taken back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lasting<'a> {
    /// An epoch that the node declined.
    Declined(&'a SignedDecline),
    /// Which of two directories has the node's identity.
    Relocated(&'a Recorded<RelocateFacts>),
    /// The cluster that was founded from the directory.
    Forked(&'a Recorded<ForkFacts>, ClusterId),
}

impl DecisionBody {
    /// What the entry settles for good; `None` for one that tells of the past alone.
    #[must_use]
    pub const fn lasting(&self) -> Option<Lasting<'_>> {
        match self {
            Self::Declined { certificate, .. } => Some(Lasting::Declined(certificate)),
            Self::Relocated { decision } => Some(Lasting::Relocated(decision)),
            Self::Forked { decision, cluster } => Some(Lasting::Forked(decision, *cluster)),
            Self::PromotionRequested { .. }
            | Self::PromotionDenied { .. }
            | Self::PromotionGranted { .. }
            | Self::CommandRefused { .. }
            | Self::CommandDone { .. }
            | Self::Followed { .. }
            | Self::Resumed { .. }
            | Self::Halted { .. }
            | Self::SuffixDiscarded { .. }
            | Self::BootstrapRequested { .. }
            | Self::BootstrapDecided { .. }
            | Self::FailureCleared { .. }
            | Self::DeclineRefused { .. }
            | Self::RelocateRefused { .. }
            | Self::ForkRefused { .. }
            | Self::CheckpointRequested { .. } => None,
        }
    }
}
