//! The others follow, and the old primary comes back.

use std::time::Duration;

use aerodb_http_api::client::{ClientError, PutIf};
use aerodb_http_api::types::FollowRequest;

use super::error::DemoError;
use super::founding::{attached, served};
use super::load::caught_up;
use super::node::DemoNode;
use super::story::{Story, reason};
use crate::cli::{Curl, Steps};

/// How long the returned primary may take to answer a write.
const DEADLINE: Duration = Duration::from_secs(5);

async fn follow(steps: &mut Steps, node: &DemoNode, upstream: &DemoNode) -> Result<(), DemoError> {
    let request = FollowRequest {
        upstream: upstream.address.clone(),
        reason: reason("demo: n2 holds authority now")?,
        request_id: None,
    };
    steps.by_hand(Curl::post(&node.address, "/v1/replication/follow", &request));
    node.client.follow(&request).await?;
    attached(upstream, node).await?;
    let tip = upstream.client.status(false).await?.data.tips.wal_tip;
    caught_up(node, tip).await
}

impl Story {
    pub(super) async fn n3_follows(&mut self) -> Result<(), DemoError> {
        self.steps.begin("n3 follows n2");
        follow(&mut self.steps, &self.n3, &self.n2).await?;
        self.steps.saw("n3 has everything that n2 has");
        Ok(())
    }

    pub(super) async fn n1_returns(&mut self) -> Result<(), DemoError> {
        self.steps.begin("n1 comes back, not knowing of epoch 2: a write to it is refused");
        served(&mut self.steps, &mut self.n1).await?;
        self.steps.by_hand(Curl::put(&self.n1.address, "/v1/kv/split", "brain"));
        let client = self.n1.client.clone().with_deadline(DEADLINE);
        match client.put("split", "brain", PutIf::Always).await {
            Err(ClientError::Problem(problem)) => {
                self.steps.saw(format!("{} {problem}", problem.body().status));
                Ok(())
            }
            Err(error) => Err(error.into()),
            Ok(receipt) => {
                let found = format!("an acknowledgement of commit {}", receipt.commit_id);
                Err(DemoError::unexpected("a refusal", found))
            }
        }
    }

    pub(super) async fn n1_follows(&mut self) -> Result<(), DemoError> {
        self.steps.begin("n1 follows n2, and all three have the same state");
        follow(&mut self.steps, &self.n1, &self.n2).await?;
        let mut states = Vec::new();
        for node in [&self.n1, &self.n2, &self.n3] {
            self.steps.by_hand(Curl::get(&node.address, "/v1/status?digest=true"));
            let data = node.status().await?.data;
            let known = data.state_digest.and_then(|state| state.commit_id.zip(state.digest));
            let (commit, digest) = known.ok_or_else(|| {
                DemoError::unexpected("a digest of the state", format!("{:?}", data.state_digest))
            })?;
            self.steps.saw(format!("{}: commit {commit}, state {digest}", node.id));
            states.push((commit, digest));
        }
        if states.windows(2).all(|pair| pair[0] == pair[1]) {
            Ok(())
        } else {
            Err(DemoError::unexpected("one state on all nodes", format!("{states:?}")))
        }
    }
}
