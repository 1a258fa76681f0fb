//! The authority ledger of a cluster, from genesis, over the same pulls that replicas make.

use aerodb_core::authority::SignedEntry;
use aerodb_core::hash::ClusterId;
use aerodb_core::id::{Epoch, NodeId};
use aerodb_core::position::LedgerHead;
use aerodb_http_api::client::Client;
use aerodb_http_api::stream::{PullAnswer, PullRequest};
use aerodb_ledger::authority::NodeKey;

use crate::cli::Failure;
use crate::cli::init::no_randomness;

/// All entries that the upstream serves, decoded; not yet checked against each other.
pub(super) async fn ledger(
    client: &Client,
    cluster: ClusterId,
    node: &NodeId,
    key: &NodeKey,
) -> Result<Vec<SignedEntry>, Failure> {
    let mut session = [0; 16];
    getrandom::fill(&mut session).map_err(no_randomness)?;
    let mut connection = client.connect_pull().await?;
    let mut entries: Vec<SignedEntry> = Vec::new();
    loop {
        let head = entries.last().map(|last| last.entry.head());
        let answer = connection.pull(&request(cluster, node, key, session, head)).await?;
        if answer.entries.is_empty() {
            return Ok(entries);
        }
        entries.extend(decoded(client, &answer)?);
    }
}

fn request(
    cluster: ClusterId,
    node: &NodeId,
    key: &NodeKey,
    session: [u8; 16],
    ledger: Option<LedgerHead>,
) -> PullRequest {
    PullRequest {
        cluster,
        node_id: node.clone(),
        public_key: key.public_key(),
        session,
        starts: None,
        epoch: Epoch::FIRST,
        position: None,
        ledger,
        signature: None,
        echo: None,
        known_acknowledged: None,
        wait: false,
    }
}

fn decoded(client: &Client, answer: &PullAnswer) -> Result<Vec<SignedEntry>, Failure> {
    let decode = |bytes: &bytes::Bytes| SignedEntry::decode(bytes);
    answer.entries.iter().map(decode).collect::<Result<_, _>>().map_err(|error| {
        Failure::Refused(format!("the ledger that {} sent is damaged: {error}", client.address()))
    })
}
