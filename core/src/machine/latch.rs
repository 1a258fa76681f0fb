//! The failure latch (table 4.8): a failure stays until an operator names it.

use serde::{Deserialize, Serialize};

use crate::machine::{Forbidden, Machine, MachineName, Step};
use crate::rules::RuleId;

/// One failure, as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The rule that was broken.
    pub rule: RuleId,
    /// The values that disagreed, as JSON text.
    pub evidence: String,
}

/// What an operator can do about a failure that is latched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayBack {
    /// Set aside what the WAL holds past the validated history: that is what the failure is about.
    DiscardSuffix,
    /// Take another snapshot over: the one that is in force is not continued by what upstream has.
    Bootstrap,
    /// Start the directory that this one is a copy of, give this one its identity (`relocate`), or join under a new
    /// node id.
    Original,
    /// Keep the directory, audit it, and join under a new node id: what the node has said of itself does not
    /// hold, and nothing that it could do makes it hold again.
    NewIdentity,
}

impl WayBack {
    /// The way back from a failure of this rule.
    #[must_use]
    pub const fn of(rule: RuleId) -> Self {
        if matches!(rule, RuleId::FV1 | RuleId::FV2 | RuleId::P5I4) {
            Self::DiscardSuffix
        } else if matches!(rule, RuleId::FS3) {
            Self::Bootstrap
        } else if matches!(rule, RuleId::St2) {
            Self::Original
        } else {
            // Whatever other rule it is, and will be: nothing is undone unless it is named above.
            Self::NewIdentity
        }
    }
}

/// Whether a failure is unresolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Latch {
    /// None is.
    Clear,
    /// One is; the first cause is kept, and the later ones in order.
    Latched {
        /// The first failure.
        first: Failure,
        /// What was found after it.
        later: Vec<Failure>,
    },
}

/// What can happen to the latch.
#[derive(Debug, PartialEq, Eq)]
pub enum LatchEvent {
    /// A failure was detected.
    Failed(Failure),
    /// An operator's action removed the cause and names the rule.
    Cleared {
        /// The first failure's rule.
        rule: RuleId,
    },
}

impl Latch {
    /// The first failure, if there is one.
    #[must_use]
    pub const fn cause(&self) -> Option<&Failure> {
        match self {
            Self::Clear => None,
            Self::Latched { first, .. } => Some(first),
        }
    }
}

impl Latch {
    /// Every failure, the first cause first.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        let (first, later) = match self {
            Self::Clear => (None, &[][..]),
            Self::Latched { first, later } => (Some(first), &later[..]),
        };
        first.into_iter().chain(later)
    }
}

impl Latch {
    /// The first cause, which setting the log's suffix aside clears with all that follows it. Not one of the
    /// failures may be of another kind: cleared with the rest, a node that has lost what it receipted could be
    /// granted the next epoch.
    ///
    /// # Errors
    /// The first failure's rule that discarding does not undo.
    pub fn cleared_by_discarding(&self) -> Result<Option<RuleId>, RuleId> {
        let other = self.failures().find(|failure| match WayBack::of(failure.rule) {
            WayBack::DiscardSuffix => false,
            WayBack::Bootstrap | WayBack::Original | WayBack::NewIdentity => true,
        });
        match other {
            Some(failure) => Err(failure.rule),
            None => Ok(self.cause().map(|failure| failure.rule)),
        }
    }
}

impl Machine for Latch {
    type Event = LatchEvent;
    const NAME: MachineName = MachineName::Latch;
    const RULE: RuleId = RuleId::FX4;

    fn name(&self) -> &'static str {
        match self {
            Self::Clear => "Clear",
            Self::Latched { .. } => "Latched",
        }
    }

    fn event_name(event: &LatchEvent) -> &'static str {
        match event {
            LatchEvent::Failed(_) => "failed",
            LatchEvent::Cleared { .. } => "cleared",
        }
    }

    fn transition(&self, event: &LatchEvent) -> Result<Step<Self>, Forbidden> {
        match self {
            Self::Clear => match event {
                LatchEvent::Failed(first) => {
                    Step::to(Self::Latched { first: first.clone(), later: Vec::new() }, "LA1")
                }
                LatchEvent::Cleared { .. } => self.forbid(event),
            },
            Self::Latched { first, later } => match event {
                LatchEvent::Failed(failure) => {
                    let later = later.iter().chain([failure]).cloned().collect();
                    Step::to(Self::Latched { first: first.clone(), later }, "LA2")
                }
                LatchEvent::Cleared { rule } if *rule == first.rule => Step::to(Self::Clear, "LA3"),
                LatchEvent::Cleared { .. } => self.forbid(event),
            },
        }
    }

    fn initial() -> Self {
        Self::Clear
    }

    fn states() -> Vec<Self> {
        let first = Failure { rule: RuleId::FV2, evidence: "{}".to_owned() };
        vec![Self::Clear, Self::Latched { first, later: Vec::new() }]
    }

    fn events() -> Vec<LatchEvent> {
        let failure = Failure { rule: RuleId::FV1, evidence: "{}".to_owned() };
        vec![
            LatchEvent::Failed(failure),
            LatchEvent::Cleared { rule: RuleId::FV2 },
            LatchEvent::Cleared { rule: RuleId::FV1 },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::table::rendered;

    #[test]
    fn only_what_is_about_a_suffix_is_undone_by_discarding_it() {
        let ways = [RuleId::FV1, RuleId::FV2, RuleId::P5I4, RuleId::St2, RuleId::Au13, RuleId::Ri3];
        let ways = ways.map(WayBack::of);
        assert_eq!(WayBack::of(RuleId::FS3), WayBack::Bootstrap);
        assert_eq!(ways[..3], [WayBack::DiscardSuffix; 3]);
        assert_eq!(ways[3..], [WayBack::Original, WayBack::NewIdentity, WayBack::NewIdentity]);
    }

    /// Proves: F-X4.
    #[test]
    fn fx4_discarding_a_suffix_clears_a_latch_only_if_every_failure_in_it_is_about_one() {
        let latched = |rules: &[RuleId]| {
            rules.iter().fold(Latch::Clear, |latch, rule| {
                let failure = Failure { rule: *rule, evidence: String::new() };
                latch.transition(&LatchEvent::Failed(failure)).unwrap().next
            })
        };
        let cleared = |rules: &[RuleId]| latched(rules).cleared_by_discarding();
        assert_eq!(cleared(&[]), Ok(None));
        assert_eq!(cleared(&[RuleId::FV2]), Ok(Some(RuleId::FV2)));
        assert_eq!(cleared(&[RuleId::FV1, RuleId::P5I4, RuleId::FV2]), Ok(Some(RuleId::FV1)));
        for other in [RuleId::FS3, RuleId::St2, RuleId::Au13, RuleId::Ri3] {
            assert_eq!(cleared(&[other]), Err(other));
            assert_eq!(cleared(&[RuleId::FV2, other, RuleId::FV1]), Err(other));
        }
        let three = latched(&[RuleId::FV2, RuleId::FV1, RuleId::Ri3]);
        let rules: Vec<_> = three.failures().map(|failure| failure.rule).collect();
        assert_eq!(rules, [RuleId::FV2, RuleId::FV1, RuleId::Ri3]);
        assert_eq!(Latch::Clear.cause(), None);
    }

    #[test]
    fn fx4_a_latch_is_cleared_only_by_naming_its_first_cause() {
        assert_eq!(
            rendered::<Latch>(),
            [
                "LA1 Clear --failed--> Latched",
                "LA2 Latched --failed--> Latched",
                "LA3 Latched --cleared--> Clear",
            ]
        );
    }

    #[test]
    fn a_later_failure_never_overwrites_the_first() {
        let failure = |rule| Failure { rule, evidence: String::new() };
        let once = Latch::Clear.transition(&LatchEvent::Failed(failure(RuleId::FV1))).unwrap().next;
        let twice = once.transition(&LatchEvent::Failed(failure(RuleId::Ri3))).unwrap().next;
        assert_eq!(twice.cause().unwrap().rule, RuleId::FV1);
        assert!(twice.transition(&LatchEvent::Cleared { rule: RuleId::Ri3 }).is_err());
    }
}
