//! A decision as the ledgers keep it: the facts, and what the rules made of them at the time.

use serde::{Deserialize, Serialize};

use crate::explain::{Conclusion, Evaluation, Explanation, Facts, explain};
use crate::hash::Hash;
use crate::rules::{RULESET, RuleId};

/// A decision with everything needed to make it again (DESIGN 3.1 "the whole decision").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded<F> {
    /// The version of the rules that it was made under.
    pub ruleset: u32,
    /// What it was made on.
    pub facts: F,
    /// What each rule came to, in order.
    pub evaluations: Vec<(RuleId, Evaluation)>,
    /// What followed.
    pub conclusion: Conclusion,
    /// The explanation's digest.
    pub digest: Hash,
}

/// How a recorded decision differs from what the rules give for its facts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It was made under rules that this program does not have.
    #[error("decided under ruleset {found}, this program has {RULESET}")]
    Ruleset {
        /// The version recorded.
        found: u32,
    },
    /// Made again, it comes out differently.
    #[error("recorded digest {recorded}, replayed {replayed}")]
    Outcome {
        /// The digest recorded.
        recorded: Hash,
        /// The digest of the decision made again.
        replayed: Hash,
    },
}

impl<F: Facts> Recorded<F> {
    /// Makes the decision and records it, with its explanation beside it.
    pub fn decide(facts: F) -> (Self, Explanation) {
        let explanation = explain(&facts);
        let recorded = Self::of(facts, &explanation);
        (recorded, explanation)
    }

    fn of(facts: F, explanation: &Explanation) -> Self {
        Self {
            ruleset: RULESET,
            facts,
            evaluations: explanation
                .rules_applied
                .iter()
                .map(|rule| (rule.rule, rule.evaluation))
                .collect(),
            conclusion: explanation.conclusion.clone(),
            digest: explanation.digest,
        }
    }

    /// Whether it came to a yes, by its own words: every rule was found to hold.
    #[must_use]
    pub fn says_yes(&self) -> bool {
        let holds = |(_, evaluation): &(RuleId, Evaluation)| *evaluation == Evaluation::True;
        self.conclusion.status == self.facts.yes()
            && self.conclusion.reason.is_none()
            && !self.evaluations.is_empty()
            && self.evaluations.iter().all(holds)
    }

    /// Makes the decision again from its facts and compares everything that was recorded.
    ///
    /// # Errors
    /// [`Mismatch`] when it was made under another ruleset or comes out differently.
    pub fn replay(&self) -> Result<Explanation, Mismatch> {
        if self.ruleset != RULESET {
            return Err(Mismatch::Ruleset { found: self.ruleset });
        }
        let explanation = explain(&self.facts);
        let evaluations = explanation.rules_applied.iter().map(|rule| (rule.rule, rule.evaluation));
        let same = self.digest == explanation.digest
            && self.conclusion == explanation.conclusion
            && evaluations.eq(self.evaluations.iter().copied());
        if same {
            Ok(explanation)
        } else {
            Err(Mismatch::Outcome { recorded: self.digest, replayed: explanation.digest })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, at};
    use crate::decision::RecordedDecision;
    use crate::explain::ExplanationType;

    /// A denied promotion: the ledger holds no basis for n2.
    fn recorded() -> (RecordedDecision, Explanation) {
        Recorded::decide(Story::founded().admit("n2").facts("n2", at(12)))
    }

    /// Proves: P6-D1, EX-2.
    #[test]
    fn a_recorded_decision_comes_out_the_same_when_made_again() {
        let (recorded, explanation) = recorded();
        assert_eq!(explanation.explanation_type, ExplanationType::Promotion);
        assert_eq!(recorded.replay(), Ok(explanation));
    }

    #[test]
    fn a_decision_of_other_rules_is_not_judged_by_these() {
        let (mut recorded, _) = recorded();
        recorded.ruleset = RULESET + 1;
        assert_eq!(recorded.replay(), Err(Mismatch::Ruleset { found: RULESET + 1 }));
    }

    /// Proves: EX-2.
    #[test]
    fn p6_f1_every_part_of_a_record_is_compared() {
        let changes: [fn(&mut RecordedDecision); 6] = [
            |record| record.digest = Hash([7; 32]),
            |record| record.conclusion.status = "approved".to_owned(),
            |record| record.conclusion.reason = None,
            |record| record.evaluations[8].1 = Evaluation::True,
            |record| record.evaluations.truncate(10),
            |record| record.facts.attempt_in_progress = true,
        ];
        for change in changes {
            let (mut record, _) = recorded();
            change(&mut record);
            let replayed = explain(&record.facts).digest;
            let mismatch = Mismatch::Outcome { recorded: record.digest, replayed };
            assert_eq!(record.replay(), Err(mismatch));
        }
    }
}
