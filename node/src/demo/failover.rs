//! The primary is gone: who may go on, and who may not.

use aerodb_core::hash::Hash;
use aerodb_core::id::Epoch;
use aerodb_core::rules::RuleId;
use aerodb_http_api::client::ClientError;
use aerodb_http_api::code::Code;
use aerodb_http_api::types::PromoteRequest;
use serde_json::Value;

use super::error::DemoError;
use super::story::{Story, reason};
use crate::cli::{Curl, render_explanation, render_remedies};

fn request(why: &str, expected_digest: Option<Hash>) -> Result<PromoteRequest, DemoError> {
    Ok(PromoteRequest {
        expected_epoch: Epoch::FIRST,
        replica_id: None,
        request_id: None,
        expected_digest,
        evidence: None,
        reason: reason(why)?,
    })
}

/// The rules of an explanation whose evaluation is this.
fn rules(explanation: &Value, evaluation: &str) -> Vec<RuleId> {
    let applied = explanation["rules_applied"].as_array().into_iter().flatten();
    let such = applied.filter(|rule| rule["evaluation"] == evaluation);
    such.filter_map(|rule| rule["rule_id"].as_str()?.parse().ok()).collect()
}

impl Story {
    pub(super) async fn denied(&mut self) -> Result<(), DemoError> {
        self.steps.begin("ask n3 to take over: it cannot prove that nothing is lost");
        let body = request("demo: n1 is gone", None)?;
        self.steps.by_hand(Curl::post(&self.n3.address, "/v1/promotions", &body));
        let problem = match self.n3.client.promote(&body, false).await {
            Err(ClientError::Problem(problem)) if problem.code() == Code::PromotionDenied => {
                problem
            }
            Err(error) => return Err(error.into()),
            Ok(promoted) => {
                let found = format!("epoch {} granted to n3", promoted.epoch);
                return Err(DemoError::unexpected("409 PROMOTION_DENIED", found));
            }
        };
        let body = problem.body();
        let explanation = body.explanation.clone().unwrap_or_default();
        self.tally.denied = rules(&explanation, "false");
        self.steps.saw(format!("{} {}", body.status, body.code));
        self.steps.saw(render_explanation(&explanation));
        self.steps.saw(render_remedies(body.remedies.as_deref().unwrap_or_default()));
        if self.tally.denied.contains(&RuleId::P6A1) {
            Ok(())
        } else {
            Err(DemoError::unexpected("a denial by P6-A1", format!("{:?}", self.tally.denied)))
        }
    }

    /// Gives the digest of the decision.
    pub(super) async fn dry_run(&mut self) -> Result<Hash, DemoError> {
        self.steps.begin("ask n2 what would come of it: nothing is done and nothing recorded");
        let body = request("demo: n1 is gone", None)?;
        self.steps.by_hand(Curl::post(&self.n2.address, "/v1/promotions?dry_run=true", &body));
        let promoted = self.n2.client.promote(&body, true).await?;
        let digest: &str = promoted.explanation["digest"].as_str().unwrap_or_default();
        let digest = digest
            .parse::<Hash>()
            .map_err(|error| DemoError::unexpected("a digest", error.to_string()))?;
        self.steps.saw(format!("would be approved; digest {digest}"));
        Ok(digest)
    }

    pub(super) async fn approved(&mut self, digest: Hash) -> Result<(), DemoError> {
        self.steps.begin("promote n2, provided that nothing has moved since the dry run");
        let body = request("demo: n1 is gone", Some(digest))?;
        self.steps.by_hand(Curl::post(&self.n2.address, "/v1/promotions", &body));
        let promoted = self.n2.client.promote(&body, false).await?;
        self.tally.approved = rules(&promoted.explanation, "true");
        self.steps.saw(format!(
            "n2 holds epoch {}, which starts after commit {}",
            promoted.epoch, promoted.start_commit
        ));
        self.steps.saw(render_explanation(&promoted.explanation));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_rules_of_an_explanation_are_told_apart() {
        let explanation = json!({ "rules_applied": [
            { "rule_id": "P6-A3", "evaluation": "true" },
            { "rule_id": "P6-A1", "evaluation": "false" },
        ] });
        assert_eq!(rules(&explanation, "true"), [RuleId::P6A3]);
        assert_eq!(rules(&explanation, "false"), [RuleId::P6A1]);
    }
}
