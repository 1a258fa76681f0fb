//! `follow`, `resume`: what an operator asks of a replica.

use aerodb_core::id::{Address, Reason, RequestId};
use aerodb_core::rules::RuleId;
use aerodb_http_api::types::{FollowRequest, Intervened, ResumeRequest};
use clap::Args;
use serde_json::json;

use crate::cli::{Context, Failure, Shown};

/// The arguments of `follow`.
#[derive(Debug, Args)]
pub(super) struct Follow {
    /// The node to pull from.
    #[arg(long, value_name = "URL")]
    upstream: Address,
    /// Why; recorded in the decision ledger.
    #[arg(long, value_name = "TEXT")]
    reason: Reason,
    /// Your name for the request: asked again, it gives the recorded outcome.
    #[arg(long, value_name = "ID")]
    request_id: Option<RequestId>,
}

/// The arguments of `resume`.
#[derive(Debug, Args)]
pub(super) struct Resume {
    /// On a halted node: the rule of the failure that is latched first, to be cleared if its cause is gone.
    #[arg(long, value_name = "RULE")]
    failure: Option<RuleId>,
    /// With --failure: the node to pull from instead, where upstream is of another cluster.
    #[arg(long, value_name = "URL", requires = "failure")]
    upstream: Option<Address>,
    /// Why; recorded in the decision ledger.
    #[arg(long, value_name = "TEXT")]
    reason: Reason,
    /// Your name for the request: asked again, it gives the recorded outcome.
    #[arg(long, value_name = "ID")]
    request_id: Option<RequestId>,
}

impl Follow {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let Self { upstream, reason, request_id } = self;
        let request = FollowRequest { upstream, reason, request_id };
        Ok(begun(&context.client.follow(&request).await?))
    }
}

impl Resume {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let Self { failure, upstream, reason, request_id } = self;
        let request = ResumeRequest { failure, upstream, reason, request_id };
        Ok(begun(&context.client.resume(&request).await?))
    }
}

fn begun(intervened: &Intervened) -> Shown {
    let Intervened { seq, upstream } = intervened;
    let text = format!("pulling from {upstream} (decision ledger entry {seq})");
    Shown::new(&json!({ "data": intervened }), text)
}
