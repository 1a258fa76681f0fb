//! The explanation object and the one function that makes it.
//!
//! Keeps: EX-1, EX-2, EX-4, EX-7, P6-RO3, M-O05.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hash::{Chain, Hash};
use crate::id::Boundary;
use crate::rules::RuleId;

/// Raw values that a rule looked at; an ordered JSON object.
pub type Evidence = serde_json::Map<String, serde_json::Value>;

/// What a rule came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Evaluation {
    /// The rule holds.
    True,
    /// The rule does not hold.
    False,
    /// What the rule needs to look at is missing.
    NotEvaluable,
}

impl From<bool> for Evaluation {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// One rule with what it came to and what it looked at.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RuleApplied {
    /// The rule.
    #[serde(rename = "rule_id")]
    pub rule: RuleId,
    /// The rule's statement from the catalogue.
    pub description: &'static str,
    /// What it came to.
    pub evaluation: Evaluation,
    /// What it looked at.
    pub evidence: Evidence,
}

impl RuleApplied {
    /// The rule with its statement.
    #[must_use]
    pub fn new(rule: RuleId, evaluation: impl Into<Evaluation>, evidence: Evidence) -> Self {
        Self { rule, description: rule.statement(), evaluation: evaluation.into(), evidence }
    }
}

/// The kinds of explanation (DESIGN section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub enum ExplanationType {
    /// Why a promotion was allowed or denied.
    #[serde(rename = "replication.promotion")]
    Promotion,
    /// Why an authority command was carried out or refused.
    #[serde(rename = "authority.command")]
    Command,
    /// Why a write is admitted or refused now.
    #[serde(rename = "write.admission")]
    Write,
    /// Why a read shows what it shows.
    #[serde(rename = "mvcc.read_visibility")]
    Read,
    /// Why reads on this node are safe or not.
    #[serde(rename = "replication.safety")]
    Safety,
    /// What recovery found and did.
    #[serde(rename = "recovery.process")]
    Recovery,
    /// Whether a batch of the log continues the history.
    #[serde(rename = "wal.segment")]
    Segment,
    /// Why a snapshot was taken over or rejected.
    #[serde(rename = "snapshot.bootstrap")]
    Bootstrap,
    /// Why a checkpoint may be relied on.
    #[serde(rename = "checkpoint.safety")]
    Checkpoint,
}

/// The state that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ObservedSnapshot {
    /// The chain at the boundary; `null` where no history was looked at.
    pub snapshot_id: Option<Chain>,
    /// The boundary; `null` where it is unknown.
    pub commit_id: Option<Boundary>,
}

/// What follows from the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conclusion {
    /// For example `approved`, `denied`, `undetermined`.
    pub status: String,
    /// The ids of the rules that did not hold, in order, separated by `, `; `null` when all hold.
    pub reason: Option<String>,
}

/// The whole answer. Serialises to the shape of DESIGN section 7, `digest` last.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Explanation {
    /// Which kind of decision.
    pub explanation_type: ExplanationType,
    /// The state that was looked at.
    pub observed_snapshot: ObservedSnapshot,
    /// Everything that the rules could read.
    pub inputs: Evidence,
    /// All rules of the decision, in fixed order, none skipped (EX-4).
    pub rules_applied: Vec<RuleApplied>,
    /// What follows.
    pub conclusion: Conclusion,
    /// BLAKE3 over the compact JSON of all fields above, in this order, each rule's `description` left
    /// out: the wording of a rule may be improved without making a recorded decision another one.
    pub digest: Hash,
}

impl Explanation {
    /// The rules that did not hold, in order.
    pub fn failed(&self) -> impl Iterator<Item = &RuleApplied> {
        self.rules_applied.iter().filter(|rule| rule.evaluation != Evaluation::True)
    }

    /// The first rule that did not hold.
    #[must_use]
    pub fn first_failed(&self) -> Option<RuleId> {
        self.failed().next().map(|rule| rule.rule)
    }

    /// Whether every rule holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.first_failed().is_none()
    }
}

/// What a decision is made on: values only, gathered before it, recorded with it.
pub trait Facts: Serialize + Sized {
    /// Which kind of decision.
    const TYPE: ExplanationType;
    /// The conclusion's status when some rule does not hold.
    const NO: &'static str;

    /// The conclusion's status when every rule holds.
    fn yes(&self) -> &'static str;

    /// The state that was looked at.
    fn observed(&self) -> ObservedSnapshot;
    /// Everything that the rules can read: the facts themselves, field by field.
    fn inputs(&self) -> Evidence {
        match crate::explain_value(self) {
            serde_json::Value::Object(inputs) => inputs,
            other => crate::evidence! { "facts" => other },
        }
    }
    /// All rules of the decision, in fixed order.
    fn rules(&self) -> Vec<RuleApplied>;
}

/// Applies all rules to the facts. Pure: the same facts give the same bytes.
pub fn explain<F: Facts>(facts: &F) -> Explanation {
    let rules_applied = facts.rules();
    let conclusion = conclude(facts, &rules_applied);
    seal(F::TYPE, facts.observed(), facts.inputs(), rules_applied, conclusion)
}

fn conclude<F: Facts>(facts: &F, rules: &[RuleApplied]) -> Conclusion {
    let failed: Vec<&str> = rules
        .iter()
        .filter(|rule| rule.evaluation != Evaluation::True)
        .map(|rule| rule.rule.id())
        .collect();
    let missing = rules.iter().any(|rule| rule.evaluation == Evaluation::NotEvaluable);
    let status = match (missing, failed.is_empty()) {
        (true, _) => "undetermined",
        (false, true) => facts.yes(),
        (false, false) => F::NO,
    };
    Conclusion {
        status: status.to_owned(),
        reason: (!failed.is_empty()).then(|| failed.join(", ")),
    }
}

/// Completes an explanation with its digest.
pub(crate) fn seal(
    explanation_type: ExplanationType,
    observed_snapshot: ObservedSnapshot,
    inputs: Evidence,
    rules_applied: Vec<RuleApplied>,
    conclusion: Conclusion,
) -> Explanation {
    let mut explanation = Explanation {
        explanation_type,
        observed_snapshot,
        inputs,
        rules_applied,
        conclusion,
        digest: Hash::NONE_BEFORE,
    };
    explanation.digest = digest_of(&explanation);
    explanation
}

fn digest_of(explanation: &Explanation) -> Hash {
    #[derive(Serialize)]
    struct Rule<'a> {
        rule_id: RuleId,
        evaluation: Evaluation,
        evidence: &'a Evidence,
    }
    impl<'a> From<&'a RuleApplied> for Rule<'a> {
        fn from(applied: &'a RuleApplied) -> Self {
            let RuleApplied { rule, description: _, evaluation, evidence } = applied;
            Self { rule_id: *rule, evaluation: *evaluation, evidence }
        }
    }
    #[derive(Serialize)]
    struct Canonical<'a> {
        explanation_type: ExplanationType,
        observed_snapshot: ObservedSnapshot,
        inputs: &'a Evidence,
        rules_applied: Vec<Rule<'a>>,
        conclusion: &'a Conclusion,
    }
    let canonical = Canonical {
        explanation_type: explanation.explanation_type,
        observed_snapshot: explanation.observed_snapshot,
        inputs: &explanation.inputs,
        rules_applied: explanation.rules_applied.iter().map(Rule::from).collect(),
        conclusion: &explanation.conclusion,
    };
    // Values of our own types with text keys always serialise.
    let bytes = serde_json::to_vec(&canonical).unwrap_or_default();
    Hash::of("aerodb 2026 explanation", &[&bytes])
}

/// Builds [`Evidence`] from `name => value` pairs, in the order written.
#[macro_export]
macro_rules! evidence {
    ($($name:literal => $value:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut evidence = $crate::explain::Evidence::new();
        $(evidence.insert($name.to_owned(), $crate::explain_value(&$value));)*
        evidence
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rules of some decision, with what they come to.
    #[derive(Serialize)]
    struct Two(Evaluation, Evaluation);

    impl Facts for Two {
        const TYPE: ExplanationType = ExplanationType::Write;
        const NO: &'static str = "refused";

        fn yes(&self) -> &'static str {
            "admitted"
        }

        fn observed(&self) -> ObservedSnapshot {
            ObservedSnapshot { snapshot_id: None, commit_id: None }
        }

        fn inputs(&self) -> Evidence {
            evidence! { "input" => 1 }
        }

        fn rules(&self) -> Vec<RuleApplied> {
            vec![
                RuleApplied::new(RuleId::Rm5, self.0, evidence! {}),
                RuleApplied::new(RuleId::Rm3, self.1, evidence! { "looked_at" => 2 }),
            ]
        }
    }

    /// Proves: EX-7, M-O05.
    #[test]
    fn a_conclusion_names_every_rule_that_did_not_hold_and_missing_evidence_decides_nothing() {
        use Evaluation::{False, NotEvaluable, True};
        for (facts, status, reason, holds) in [
            (Two(True, True), "admitted", None, true),
            (Two(False, True), "refused", Some("RM-5"), false),
            (Two(False, False), "refused", Some("RM-5, RM-3"), false),
            (Two(True, NotEvaluable), "undetermined", Some("RM-3"), false),
            (Two(False, NotEvaluable), "undetermined", Some("RM-5, RM-3"), false),
        ] {
            let explanation = explain(&facts);
            assert_eq!(explanation.conclusion.status, status);
            assert_eq!(explanation.conclusion.reason.as_deref(), reason);
            assert_eq!(explanation.holds(), holds);
            assert_eq!(explanation.rules_applied.len(), 2, "none skipped");
        }
    }

    /// Proves: EX-1, EX-6.
    #[test]
    fn the_digest_is_of_the_json_without_it_and_without_the_prose() {
        let mut explanation = explain(&Two(Evaluation::True, Evaluation::False));
        let mut json = serde_json::to_value(&explanation).unwrap();
        json.as_object_mut().unwrap().shift_remove("digest");
        for rule in json["rules_applied"].as_array_mut().unwrap() {
            rule.as_object_mut().unwrap().shift_remove("description").unwrap();
        }
        let of = |json: &serde_json::Value| {
            Hash::of("aerodb 2026 explanation", &[json.to_string().as_bytes()])
        };
        assert_eq!(of(&json), explanation.digest);
        explanation.rules_applied[0].description = "better worded";
        assert_eq!(digest_of(&explanation), explanation.digest);
        json["rules_applied"][1]["evidence"]["looked_at"] = 3.into();
        assert_ne!(of(&json), explanation.digest);
    }
}
