//! The promotion lifecycle (table 4.1): volatile, one attempt at a time, never persisted. A restart is
//! in `Steady`, whatever happened before it; the ledger alone says what became of an attempt.
//!
//! Keeps: P6-SM3, P6-SM4, P6-SM6, P6-AR4, P6-X3, P6-B2.1, P6-B3.1, P6-F3, M-P20.

use serde::Serialize;

use crate::hash::Hash;
use crate::machine::{Forbidden, Machine, MachineName, Step};
use crate::rules::RuleId;

/// Where the attempt is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Promotion {
    /// No attempt in progress.
    Steady,
    /// An explicit request was accepted for processing.
    PromotionRequested,
    /// The rules are being evaluated; nothing is written.
    PromotionValidating,
    /// Every rule holds; nothing is applied.
    PromotionApproved {
        /// The decision that was approved.
        digest: Hash,
    },
    /// The grant is being made durable: before it the old authority, after it the new.
    AuthorityTransitioning,
    /// The grant is durable and the role is rebound.
    PromotionSucceeded,
    /// At least one rule does not hold.
    PromotionDenied {
        /// The first one, in the order of the explanation.
        failed: RuleId,
    },
}

/// What can happen to an attempt.
#[derive(Debug, PartialEq, Eq)]
pub enum PromotionEvent {
    /// A well-formed request to this node.
    Request,
    /// A request that is refused before it is looked at.
    Reject,
    /// The receiver is stopped and drained; evaluation begins.
    Begin,
    /// The rules have spoken.
    Verdict {
        /// The first rule that does not hold; `None` when every one does.
        failed: Option<RuleId>,
        /// The decision's digest.
        digest: Hash,
    },
    /// The approved decision is to be carried out.
    Apply {
        /// The digest of the decision made again on what is durable now.
        digest: Hash,
    },
    /// The grant is durable and the role is rebound.
    Durable,
    /// The outcome is recorded.
    Return,
    /// At start: the decision ledger shows a request without an outcome.
    UnfinishedFound,
}

impl Machine for Promotion {
    type Event = PromotionEvent;
    const NAME: MachineName = MachineName::Promotion;
    const RULE: RuleId = RuleId::P6Sm2;

    fn name(&self) -> &'static str {
        match self {
            Self::Steady => "Steady",
            Self::PromotionRequested => "PromotionRequested",
            Self::PromotionValidating => "PromotionValidating",
            Self::PromotionApproved { .. } => "PromotionApproved",
            Self::AuthorityTransitioning => "AuthorityTransitioning",
            Self::PromotionSucceeded => "PromotionSucceeded",
            Self::PromotionDenied { .. } => "PromotionDenied",
        }
    }

    fn event_name(event: &PromotionEvent) -> &'static str {
        match event {
            PromotionEvent::Request => "request",
            PromotionEvent::Reject => "reject",
            PromotionEvent::Begin => "begin",
            PromotionEvent::Verdict { failed: None, .. } => "verdict_holds",
            PromotionEvent::Verdict { failed: Some(_), .. } => "verdict_fails",
            PromotionEvent::Apply { .. } => "apply",
            PromotionEvent::Durable => "durable",
            PromotionEvent::Return => "return",
            PromotionEvent::UnfinishedFound => "unfinished_found",
        }
    }

    fn transition(&self, event: &PromotionEvent) -> Result<Step<Self>, Forbidden> {
        use PromotionEvent as E;
        match self {
            Self::Steady => match event {
                E::Request => Step::to(Self::PromotionRequested, "PR1"),
                E::Reject => Step::to(Self::Steady, "PR1r"),
                E::UnfinishedFound => Step::to(Self::Steady, "PR10"),
                E::Begin | E::Verdict { .. } | E::Apply { .. } | E::Durable | E::Return => {
                    self.forbid(event)
                }
            },
            Self::PromotionRequested => match event {
                E::Begin => Step::to(Self::PromotionValidating, "PR2"),
                E::Reject => Step::to(Self::Steady, "PR3"),
                E::Request
                | E::Verdict { .. }
                | E::Apply { .. }
                | E::Durable
                | E::Return
                | E::UnfinishedFound => self.forbid(event),
            },
            Self::PromotionValidating => match event {
                E::Verdict { failed: None, digest } => {
                    Step::to(Self::PromotionApproved { digest: *digest }, "PR4")
                }
                E::Verdict { failed: Some(failed), .. } => {
                    Step::to(Self::PromotionDenied { failed: *failed }, "PR5")
                }
                E::Request
                | E::Reject
                | E::Begin
                | E::Apply { .. }
                | E::Durable
                | E::Return
                | E::UnfinishedFound => self.forbid(event),
            },
            Self::PromotionApproved { digest: approved } => match event {
                E::Apply { digest } if digest == approved => {
                    Step::to(Self::AuthorityTransitioning, "PR6")
                }
                E::Apply { .. }
                | E::Request
                | E::Reject
                | E::Begin
                | E::Verdict { .. }
                | E::Durable
                | E::Return
                | E::UnfinishedFound => self.forbid(event),
            },
            Self::AuthorityTransitioning => match event {
                E::Durable => Step::to(Self::PromotionSucceeded, "PR7"),
                E::Request
                | E::Reject
                | E::Begin
                | E::Verdict { .. }
                | E::Apply { .. }
                | E::Return
                | E::UnfinishedFound => self.forbid(event),
            },
            Self::PromotionSucceeded => match event {
                E::Return => Step::to(Self::Steady, "PR8"),
                E::Request
                | E::Reject
                | E::Begin
                | E::Verdict { .. }
                | E::Apply { .. }
                | E::Durable
                | E::UnfinishedFound => self.forbid(event),
            },
            Self::PromotionDenied { .. } => match event {
                E::Return => Step::to(Self::Steady, "PR9"),
                E::Request
                | E::Reject
                | E::Begin
                | E::Verdict { .. }
                | E::Apply { .. }
                | E::Durable
                | E::UnfinishedFound => self.forbid(event),
            },
        }
    }

    fn initial() -> Self {
        Self::Steady
    }

    fn states() -> Vec<Self> {
        vec![
            Self::Steady,
            Self::PromotionRequested,
            Self::PromotionValidating,
            Self::PromotionApproved { digest: Hash::NONE_BEFORE },
            Self::AuthorityTransitioning,
            Self::PromotionSucceeded,
            Self::PromotionDenied { failed: RuleId::P6S1 },
        ]
    }

    fn events() -> Vec<PromotionEvent> {
        let (digest, other) = (Hash::NONE_BEFORE, Hash([1; 32]));
        vec![
            PromotionEvent::Request,
            PromotionEvent::Reject,
            PromotionEvent::Begin,
            PromotionEvent::Verdict { failed: None, digest },
            PromotionEvent::Verdict { failed: Some(RuleId::P6S1), digest },
            PromotionEvent::Apply { digest },
            PromotionEvent::Apply { digest: other },
            PromotionEvent::Durable,
            PromotionEvent::Return,
            PromotionEvent::UnfinishedFound,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::table::rendered;

    /// Proves: P6-SM4, P6-SM6, P5-I3, P6-F3.
    #[test]
    fn p6_sm2_the_table_of_the_promotion_and_nothing_else() {
        assert_eq!(
            rendered::<Promotion>(),
            [
                "PR1 Steady --request--> PromotionRequested",
                "PR1r Steady --reject--> Steady",
                "PR10 Steady --unfinished_found--> Steady",
                "PR3 PromotionRequested --reject--> Steady",
                "PR2 PromotionRequested --begin--> PromotionValidating",
                "PR4 PromotionValidating --verdict_holds--> PromotionApproved",
                "PR5 PromotionValidating --verdict_fails--> PromotionDenied",
                "PR6 PromotionApproved --apply--> AuthorityTransitioning",
                "PR7 AuthorityTransitioning --durable--> PromotionSucceeded",
                "PR8 PromotionSucceeded --return--> Steady",
                "PR9 PromotionDenied --return--> Steady",
            ]
        );
    }

    /// Proves: P6-AR4, P6-X3, P6-B3.1.
    #[test]
    fn an_approval_carries_out_only_the_decision_that_was_approved() {
        let approved = Promotion::PromotionApproved { digest: Hash([1; 32]) };
        assert!(approved.transition(&PromotionEvent::Apply { digest: Hash([2; 32]) }).is_err());
        assert!(approved.transition(&PromotionEvent::Apply { digest: Hash([1; 32]) }).is_ok());
    }

    /// Proves: M-P20.
    #[test]
    fn a_second_request_is_forbidden_until_the_first_returns() {
        let busy = Promotion::states().into_iter().filter(|state| *state != Promotion::Steady);
        for state in busy {
            let forbidden = state.transition(&PromotionEvent::Request).unwrap_err();
            assert_eq!((forbidden.rule, forbidden.state), (RuleId::P6Sm2, state.name()));
        }
    }
}
