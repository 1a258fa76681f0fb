//! Who holds authority, as the members tell it.

use aerodb_core::authority::Membership;
use aerodb_core::id::{Epoch, NodeId};
use aerodb_core::position::Position;
use aerodb_http_api::client::{Client, ClientError};
use aerodb_http_api::types::{AuthorityData, AuthorityStatus, LogName};
use serde_json::Value;

use crate::cli::Failure;
use crate::cli::status::word;
use crate::cli::table::or_dash;

/// Entries asked for at once.
const PAGE: usize = 500;

/// A member, and what it said.
#[derive(Debug)]
pub(super) struct Peer {
    pub node_id: NodeId,
    pub client: Client,
    answer: Result<AuthorityData, ClientError>,
}

/// Who holds authority by the longest ledger that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub epoch: Epoch,
    pub holder: NodeId,
    /// Whom the epoch is relinquished to, if it is.
    pub heir: Option<NodeId>,
}

/// What all members said.
#[derive(Debug)]
pub(super) struct Survey {
    pub peers: Vec<Peer>,
    pub authority: Authority,
}

impl Peer {
    /// What it said, for people.
    pub(super) fn says(&self) -> String {
        match &self.answer {
            Ok(data) => format!(
                "epoch {}, {} by {}",
                or_dash(data.epoch),
                or_dash(data.status.as_ref().map(word)),
                or_dash(data.holder.as_ref())
            ),
            Err(error) => error.to_string(),
        }
    }
}

impl Survey {
    /// Asks one node for the members and each of them for what its ledger says.
    pub(super) async fn of(client: &Client) -> Result<Self, Failure> {
        let mut peers = Vec::new();
        for view in client.members().await?.data {
            match view.membership {
                Membership::Removed => {}
                Membership::Admitted => {
                    let client = Client::new(view.member.address);
                    let answer = client.authority().await.map(|view| view.data);
                    peers.push(Peer { node_id: view.member.node_id, client, answer });
                }
            }
        }
        let said = peers.iter().filter_map(|peer| peer.answer.as_ref().ok());
        let authority = latest(said).ok_or_else(|| {
            Failure::Refused("no member that answers knows who holds authority".to_owned())
        })?;
        Ok(Self { peers, authority })
    }

    /// The client of a member that answered.
    pub(super) fn client_of(&self, node: &NodeId) -> Option<&Client> {
        let peer = self.peers.iter().find(|peer| peer.node_id == *node && peer.answer.is_ok());
        peer.map(|peer| &peer.client)
    }
}

/// The latest epoch counts, and in it a relinquishment, which comes last.
fn latest<'a>(said: impl Iterator<Item = &'a AuthorityData>) -> Option<Authority> {
    let known = said.filter_map(|data| {
        let heir = match data.status? {
            AuthorityStatus::Held => None,
            AuthorityStatus::Relinquished => {
                data.successor.as_ref().map(|heir| heir.node_id.clone())
            }
        };
        Some(Authority { epoch: data.epoch?, holder: data.holder.clone()?, heir })
    });
    known.max_by_key(|authority| (authority.epoch, authority.heir.is_some()))
}

/// The final place of the epoch, when the node's ledger ends with a relinquishment.
pub(super) async fn relinquished_at(client: &Client) -> Result<Option<Position>, ClientError> {
    let (mut after, mut end) = (0, None);
    loop {
        let page = client.ledger(LogName::Authority, after, PAGE).await?.data;
        if let Some(last) = page.last() {
            after = last.seq.get();
            end = (last.entry == "authority_relinquished").then(|| final_of(&last.body)).flatten();
        }
        if page.len() < PAGE {
            return Ok(end);
        }
    }
}

fn final_of(body: &Value) -> Option<Position> {
    body.get("final").and_then(|place| serde_json::from_value(place.clone()).ok())
}

#[cfg(test)]
mod tests {
    use aerodb_core::hash::Chain;
    use aerodb_core::id::Boundary;
    use aerodb_http_api::types::{SuccessorData, SuccessorState};
    use serde_json::json;

    use super::*;

    fn node(id: &str) -> NodeId {
        NodeId::new(id).unwrap()
    }

    fn data(epoch: u64, holder: &str, status: AuthorityStatus) -> AuthorityData {
        let successor = SuccessorData {
            node_id: node("n2"),
            state: SuccessorState::Designated,
            effective: None,
        };
        AuthorityData {
            epoch: Epoch::new(epoch),
            holder: Some(node(holder)),
            status: Some(status),
            successor: Some(successor),
            durability: None,
            writable_here: false,
            refusal: None,
        }
    }

    #[test]
    fn the_latest_epoch_counts_and_in_it_the_relinquishment() {
        use AuthorityStatus::{Held, Relinquished};
        let stale = data(1, "n1", Held);
        let sealed = data(1, "n1", Relinquished);
        let granted = data(2, "n2", Held);
        let seen = latest([&stale, &sealed].into_iter()).unwrap();
        assert_eq!((seen.holder, seen.heir), (node("n1"), Some(node("n2"))));
        let seen = latest([&sealed, &granted, &stale].into_iter()).unwrap();
        assert_eq!((seen.epoch.get(), seen.holder, seen.heir), (2, node("n2"), None));
        assert_eq!(latest([].into_iter()), None);
    }

    #[test]
    fn a_relinquishment_names_its_final_place() {
        let body = json!({ "epoch": 1, "successor": "n2",
            "final": { "commit_id": 7, "chain": "ab".repeat(32) } });
        let place = Position { boundary: Boundary::new(7), chain: Chain([0xab; 32]) };
        assert_eq!(final_of(&body), Some(place));
        assert_eq!(final_of(&json!({})), None);
    }
}
