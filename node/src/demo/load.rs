//! Writes, and what is remembered of those that were acknowledged.

use std::collections::BTreeMap;

use aerodb_core::authority::Durability;
use aerodb_core::id::{Boundary, NodeId};
use aerodb_http_api::client::{Client, ClientError, PutIf, ReadOptions};
use aerodb_http_api::types::{CommandBody, Consistency};
use tokio::task::JoinSet;

use super::error::DemoError;
use super::node::DemoNode;
use super::story::{Story, reason};
use super::wait::wait_for;
use crate::cli::Curl;

/// Writes per chapter.
const WRITES: u32 = 200;
/// Clients that write at the same time; each has its own share of the keys.
const CLIENTS: u32 = 8;
/// Writes after the failover.
const WRITES_AFTER: u32 = 50;

/// The value of every key whose write was answered 200. Only what stands here has to be there later.
#[derive(Debug, Default)]
pub(super) struct Acknowledged(BTreeMap<String, String>);

impl Acknowledged {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter()
    }
}

fn pair(chapter: &str, number: u32) -> (String, String) {
    (format!("{chapter}-{number:04}"), format!("the value of {chapter} {number}"))
}

/// Writes a key and checks what it was acknowledged on.
async fn write(
    client: &Client,
    (key, value): (String, String),
    durability: Durability,
) -> Result<(String, String), DemoError> {
    let receipt = client.put(&key, value.clone(), PutIf::Always).await?;
    if receipt.durability == durability {
        Ok((key, value))
    } else {
        let found = receipt.durability.as_str();
        Err(DemoError::unexpected(format!("{} durability", durability.as_str()), found))
    }
}

impl Story {
    pub(super) async fn write_alone(&mut self) -> Result<(), DemoError> {
        self.steps.begin(format!("{WRITES} writes to n1, durable on n1"));
        self.steps.by_hand(Curl::put(
            &self.n1.address,
            "/v1/kv/alone-0001",
            "the value of alone 1",
        ));
        for number in 1..=WRITES {
            let written = write(&self.n1.client, pair("alone", number), Durability::Local).await?;
            self.acknowledged.0.extend([written]);
        }
        self.steps.saw(format!("{WRITES} acknowledged, local durability"));
        Ok(())
    }

    pub(super) async fn designate(&mut self) -> Result<(), DemoError> {
        self.steps.begin("designate n2 successor: from here on a write needs its receipt");
        let body = CommandBody {
            successor: Some(self.n2.id.clone()),
            expected_epoch: aerodb_core::id::Epoch::FIRST,
            evidence: None,
            request_id: None,
            reason: reason("demo: n2 is to be able to take over")?,
        };
        self.steps.by_hand(Curl::post(&self.n1.address, "/v1/authority/designate", &body));
        let done = self.n1.client.designate(&body).await?;
        let client = &self.n1.client;
        wait_for("n2 to be the effective successor", async || {
            let authority = client.authority().await.map_err(|error| error.to_string())?.data;
            match &authority.successor {
                Some(heir) if heir.effective == Some(true) => Ok(()),
                heir => Err(format!("{heir:?}")),
            }
        })
        .await?;
        self.steps.by_hand(Curl::get(&self.n1.address, "/v1/authority"));
        self.steps.saw(format!("ledger entry {}; effective: n2 has it too", done.entry.seq));
        Ok(())
    }

    pub(super) async fn write_paired(&mut self) -> Result<(), DemoError> {
        self.steps.begin(format!("{WRITES} writes from {CLIENTS} clients, durable on n1 and n2"));
        let one = Curl::put(&self.n1.address, "/v1/kv/paired-0001", "the value of paired 1");
        self.steps.by_hand(one);
        let mut clients = JoinSet::new();
        for share in 0..CLIENTS {
            let client = Client::new(self.n1.address.clone());
            clients.spawn(async move {
                let mut written = Vec::new();
                for number in (1..=WRITES).filter(|number| number % CLIENTS == share) {
                    written.push(write(&client, pair("paired", number), Durability::Paired).await?);
                }
                Ok::<_, DemoError>(written)
            });
        }
        while let Some(ended) = clients.join_next().await {
            let written = ended.map_err(|error| DemoError::system("run a client", error))?;
            self.acknowledged.0.extend(written?);
        }
        self.steps.saw(format!("{WRITES} acknowledged, paired durability"));
        Ok(())
    }

    /// The clients pause here, between two batches: what n1 has is acknowledged and is on n2, so that n1
    /// has nothing that nobody else has, and may come back as a replica. Its writes go on when it is gone.
    pub(super) async fn kill_the_primary(&mut self) -> Result<(), DemoError> {
        self.steps.begin("kill -9 n1 while its clients go on writing");
        let tip = self.n1.client.status(false).await?.data.tips.wal_tip;
        for node in [&self.n2, &self.n3] {
            caught_up(node, tip).await?;
        }
        self.steps.by_hand(format!("kill -9 {}", self.n1.pid().unwrap_or_default()));
        self.n1.kill()?;
        let mut unanswered = 0;
        for number in 1..=CLIENTS {
            let (key, value) = pair("after-the-kill", number);
            match self.n1.client.put(&key, value, PutIf::Always).await {
                Err(ClientError::Unreachable { .. } | ClientError::Interrupted { .. }) => {
                    unanswered += 1;
                }
                Err(error) => return Err(error.into()),
                Ok(receipt) => {
                    let found = format!("an acknowledgement of commit {}", receipt.commit_id);
                    return Err(DemoError::unexpected("no answer of a dead node", found));
                }
            }
        }
        self.steps.saw(format!("{unanswered} more writes got no answer: none of them counts"));
        Ok(())
    }

    pub(super) async fn read_back(&mut self) -> Result<(), DemoError> {
        self.steps.begin("read every acknowledged write back from n2");
        let path = "/v1/kv/paired-0001?consistency=linearizable";
        self.steps.by_hand(Curl::get(&self.n2.address, path));
        let options =
            ReadOptions { consistency: Some(Consistency::Linearizable), ..ReadOptions::default() };
        for (key, value) in self.acknowledged.iter() {
            let read = self.n2.client.read(key, options).await?;
            let found = read.map(|read| read.value);
            if found.as_deref() != Some(value.as_bytes()) {
                let expected = format!("{key} = {value:?}");
                return Err(DemoError::unexpected(expected, format!("{found:?}")));
            }
            self.tally.read_back += 1;
        }
        self.steps.saw(format!(
            "{} of {} read back",
            self.tally.read_back,
            self.acknowledged.len()
        ));
        Ok(())
    }

    pub(super) async fn write_on(&mut self) -> Result<(), DemoError> {
        self.steps.begin(format!("{WRITES_AFTER} writes to n2"));
        self.steps.by_hand(Curl::put(
            &self.n2.address,
            "/v1/kv/later-0001",
            "the value of later 1",
        ));
        for number in 1..=WRITES_AFTER {
            let written = write(&self.n2.client, pair("later", number), Durability::Local).await?;
            self.acknowledged.0.extend([written]);
        }
        self.steps.saw(format!("{WRITES_AFTER} acknowledged in epoch 2"));
        Ok(())
    }
}

/// Waits until the node has everything through `tip` and knows that it is acknowledged.
pub(super) async fn caught_up(node: &DemoNode, tip: Option<Boundary>) -> Result<(), DemoError> {
    let id: &NodeId = &node.id;
    wait_for(format!("{id} to have everything through {tip:?}"), async || {
        let tips = node.client.status(false).await.map_err(|error| error.to_string())?.data.tips;
        let there = tips.wal_tip == tip && tips.acknowledged == tip && tips.applied == tip;
        if there { Ok(()) } else { Err(format!("{tips:?}")) }
    })
    .await
}
