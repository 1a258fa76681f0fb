//! Why a node does not start: what it knows of itself, or its history, is not what was written (F-RC2). A
//! `recovery.process` that ended before anything was recovered.

use serde::{Deserialize, Serialize};

use crate::evidence;
use crate::explain::{ExplanationType, Facts, ObservedSnapshot, RuleApplied};
use crate::rules::RuleId;

/// A checksum that does not fit, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// The checksum that is stored beside the bytes.
    pub stored: String,
    /// The one that the bytes give.
    pub computed: String,
}

/// Damage that refuses a start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamageFacts {
    /// The file, from the data directory.
    pub file: String,
    /// Bytes from the start of the file to the damage; `None` where the file is judged whole.
    pub offset: Option<u64>,
    /// The checksum, where it was one that found the damage.
    pub checksum: Option<Mismatch>,
    /// The rule that the bytes break.
    pub rule: RuleId,
}

impl Facts for DamageFacts {
    const TYPE: ExplanationType = ExplanationType::Recovery;
    const NO: &'static str = "refused";

    fn yes(&self) -> &'static str {
        "recovered"
    }

    /// Nothing was recovered that could be looked at.
    fn observed(&self) -> ObservedSnapshot {
        ObservedSnapshot { snapshot_id: None, commit_id: None }
    }

    fn rules(&self) -> Vec<RuleApplied> {
        let Self { file, offset, checksum, rule } = self;
        let damage = evidence! { "file" => file, "offset" => offset, "checksum" => checksum };
        let broken = RuleApplied::new(*rule, false, damage);
        if *rule == RuleId::FRc2 {
            return vec![broken];
        }
        // Where the bytes break a rule of their own: that the node does not start on them is another.
        vec![broken, RuleApplied::new(RuleId::FRc2, false, evidence! { "file" => file })]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::explain;

    #[test]
    fn f_rc2_damage_refuses_by_the_rule_of_the_bytes_and_that_of_the_start() {
        let checksum = Mismatch { stored: "0a".to_owned(), computed: "0b".to_owned() };
        let mut facts = DamageFacts {
            file: "identity".to_owned(),
            offset: None,
            checksum: Some(checksum),
            rule: RuleId::FRc2,
        };
        let explained = explain(&facts);
        assert_eq!(explained.conclusion.status, "refused");
        assert_eq!(explained.conclusion.reason.as_deref(), Some("F-RC2"));
        let evidence = &explained.rules_applied[0].evidence;
        assert_eq!(evidence["file"], "identity");
        assert_eq!(evidence["checksum"]["stored"], "0a");

        facts.rule = RuleId::P3D4;
        let explained = explain(&facts);
        assert_eq!(explained.conclusion.reason.as_deref(), Some("P3-D4, F-RC2"));
    }
}
