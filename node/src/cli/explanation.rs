//! Explanations and remedies for people: the conclusion first, then one row per rule.

use aerodb_http_api::types::RemedyView;
use serde_json::Value;

use crate::cli::table::{Rows, compact, facts};

/// An explanation as text. The inputs stand in the JSON form only.
#[must_use]
pub fn render_explanation(explanation: &Value) -> String {
    let conclusion = &explanation["conclusion"];
    let status = compact(&conclusion["status"]);
    let concluded = match conclusion["reason"].as_str() {
        Some(reason) => format!("{status}: {reason}"),
        None => status,
    };
    let head = facts([
        ("conclusion", concluded),
        ("decision", compact(&explanation["explanation_type"])),
        ("observed", pairs(&explanation["observed_snapshot"])),
        ("digest", compact(&explanation["digest"])),
    ]);
    let mut rows = Rows::new(["RULE", "EVALUATION", "EVIDENCE"]);
    for rule in explanation["rules_applied"].as_array().into_iter().flatten() {
        let evaluation = compact(&rule["evaluation"]);
        rows.add([compact(&rule["rule_id"]), evaluation, pairs(&rule["evidence"])]);
    }
    format!("{head}\n{}", rows.render())
}

fn pairs(value: &Value) -> String {
    let members = value.as_object().into_iter().flatten();
    let pairs: Vec<String> =
        members.map(|(name, value)| format!("{name}={}", compact(value))).collect();
    pairs.join(" ")
}

/// What could change the answer; empty when nothing is known to.
#[must_use]
pub fn render_remedies(remedies: &[RemedyView]) -> String {
    if remedies.is_empty() {
        return String::new();
    }
    let mut text = "What could change the answer:\n".to_owned();
    for RemedyView { rule, action, node_id, method, path, body } in remedies {
        let on = node_id.as_ref().map(|node| format!("on {node}: ")).unwrap_or_default();
        let body = body.as_ref().map(|body| format!(" {body}")).unwrap_or_default();
        text += &format!("  {rule}: {action}\n      {on}{method} {path}{body}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use aerodb_core::id::NodeId;
    use aerodb_core::rules::RuleId;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_conclusion_comes_first_and_every_rule_has_a_row() {
        let explanation = json!({
            "explanation_type": "replication.promotion",
            "observed_snapshot": { "snapshot_id": "ab".repeat(32), "commit_id": 12 },
            "inputs": { "not": "shown" },
            "rules_applied": [
                { "rule_id": "P6-A3", "description": "…", "evaluation": "true",
                  "evidence": { "expected_epoch": 1, "ledger_epoch": 1 } },
                { "rule_id": "P6-A1", "description": "…", "evaluation": "false",
                  "evidence": { "basis": null } },
            ],
            "conclusion": { "status": "denied", "reason": "P6-A1" },
            "digest": "cd".repeat(32),
        });
        let expected = "\
conclusion  denied: P6-A1
decision    replication.promotion
observed    snapshot_id=abababababab… commit_id=12
digest      cdcdcdcdcdcd…

RULE   EVALUATION  EVIDENCE
P6-A3  true        expected_epoch=1 ledger_epoch=1
P6-A1  false       basis=-
";
        assert_eq!(render_explanation(&explanation), expected);
    }

    #[test]
    fn a_remedy_names_the_rule_the_node_and_the_request() {
        let remedy = RemedyView {
            rule: RuleId::P6A1,
            action: "promote the heir that the ledger names".to_owned(),
            node_id: Some(NodeId::new("n2").unwrap()),
            method: "POST".to_owned(),
            path: "/v1/promotions".to_owned(),
            body: Some(json!({ "expected_epoch": 1, "reason": "" })),
        };
        let expected = "\
What could change the answer:
  P6-A1: promote the heir that the ledger names
      on n2: POST /v1/promotions {\"expected_epoch\":1,\"reason\":\"\"}
";
        assert_eq!(render_remedies(&[remedy]), expected);
        assert_eq!(render_remedies(&[]), "");
    }
}
