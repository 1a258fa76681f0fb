//! A cluster from nothing.

use aerodb_http_api::types::PeerData;

use super::error::DemoError;
use super::node::{DemoNode, aerodb, line};
use super::story::Story;
use super::wait::wait_for;
use crate::cli::{Curl, Steps};

impl Story {
    pub(super) async fn found(&mut self) -> Result<(), DemoError> {
        let (steps, n1) = (&mut self.steps, &mut self.n1);
        steps.begin("n1 founds a cluster");
        let (dir, listen) = (n1.dir_text(), n1.listen.to_string());
        made(steps, &["init", "--data-dir", &dir, "--node-id", "n1", "--listen", &listen])?;
        served(steps, n1).await?;
        let status = n1.client.status(false).await?;
        let cluster = status.observed.cluster_id.map(|id| id.to_string()).unwrap_or_default();
        steps.saw(format!("n1 holds epoch 1 of cluster {cluster}"));
        Ok(())
    }

    pub(super) async fn join_n2(&mut self) -> Result<(), DemoError> {
        joined(&mut self.steps, &self.n1, &mut self.n2).await
    }

    pub(super) async fn join_n3(&mut self) -> Result<(), DemoError> {
        joined(&mut self.steps, &self.n1, &mut self.n3).await
    }
}

fn made(steps: &mut Steps, args: &[&str]) -> Result<(), DemoError> {
    steps.by_hand(line(args));
    aerodb(args).map(|_| ())
}

/// Starts a node, and says how.
pub(super) async fn served(steps: &mut Steps, node: &mut DemoNode) -> Result<(), DemoError> {
    steps.by_hand(line(&["serve", "--data-dir", &node.dir_text()]));
    node.serve().await
}

async fn joined(
    steps: &mut Steps,
    upstream: &DemoNode,
    node: &mut DemoNode,
) -> Result<(), DemoError> {
    steps.begin(format!("{} joins", node.id));
    let (dir, id, listen) = (node.dir_text(), node.id.to_string(), node.listen.to_string());
    let upstream_url = upstream.address.as_str();
    made(
        steps,
        &[
            "join",
            "--data-dir",
            &dir,
            "--node-id",
            &id,
            "--listen",
            &listen,
            "--upstream",
            upstream_url,
        ],
    )?;
    served(steps, node).await?;
    attached(upstream, node).await?;
    steps.by_hand(Curl::get(&upstream.address, "/v1/replication"));
    steps.saw(format!("{} pulls from {}", node.id, upstream.id));
    Ok(())
}

/// Waits until `upstream` sees `node` pulling.
pub(super) async fn attached(upstream: &DemoNode, node: &DemoNode) -> Result<(), DemoError> {
    wait_for(format!("{} to pull from {}", node.id, upstream.id), async || {
        let replication = upstream.client.replication().await.map_err(|error| error.to_string())?;
        let here = |peer: &PeerData| peer.node_id == node.id && peer.attached;
        if replication.data.peers.iter().any(here) {
            Ok(())
        } else {
            Err(format!("peers {:?}", replication.data.peers))
        }
    })
    .await
}
