//! `join`: makes a data directory for a node that joins a cluster.
//!
//! 1. The key is drawn and made durable beside the directory, before anybody hears of it.
//! 2. The upstream admits the node with that key.
//! 3. The authority ledger is pulled, its genesis compared with the cluster's id.
//! 4. The directory is made, complete or not at all. 5. The key's file is removed.
//!
//! After a crash between any two steps, running it again goes on: the same id with the same key and
//! address may be admitted again, a different key may not, which is why step 1 comes first.

mod pending;
mod pull;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use aerodb_core::authority::{EntryBody, SignedEntry};
use aerodb_core::hash::ClusterId;
use aerodb_core::id::{Address, NodeId, Reason};
use aerodb_http_api::client::Client;
use aerodb_http_api::types::AdmitRequest;
use aerodb_ledger::authority::NodeKey;
use aerodb_ledger::disk::{Disk, RealDisk};
use clap::Args;

use self::pending::PendingKey;
use crate::cli::init::{Made, address_of};
use crate::cli::{Failure, Shown};
use crate::config::Config;
use crate::directory::{DataDir, check_vacant, create};
use crate::identity::IdentityFile;

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Join {
    /// The directory to make; nothing may be there yet.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// The node's id in the cluster, never used there before.
    #[arg(long, value_name = "ID")]
    node_id: NodeId,
    /// Where the node listens.
    #[arg(long, value_name = "HOST:PORT")]
    listen: SocketAddr,
    /// The node that admits it and that it pulls from: the holder.
    #[arg(long, value_name = "URL")]
    upstream: Address,
    /// Where others reach it; `http://` and the listening address when left out.
    #[arg(long, value_name = "URL")]
    advertise: Option<Address>,
    /// Why; recorded in the ledger.
    #[arg(long, value_name = "TEXT", default_value = "join")]
    reason: Reason,
}

impl Join {
    pub(super) async fn run(self) -> Result<Shown, Failure> {
        let dir = DataDir::new(self.data_dir.clone());
        let pending = PendingKey::beside(&dir);
        if let Some(made) = self.made_before(&dir, &pending)? {
            return Ok(made);
        }
        check_vacant(&dir, &RealDisk)?;
        let key = pending.load_or_generate(&self.node_id)?;
        let mut config = Config::new(self.listen);
        config.advertise = self.advertise.clone();
        config.upstream = Some(self.upstream.clone());

        let client = Client::new(self.upstream.clone());
        let cluster = cluster_of(&client).await?;
        self.admitted(&client, &key, address_of(&config)?).await?;
        let entries = pull::ledger(&client, cluster, &self.node_id, &key).await?;
        self.check(&entries, cluster, &key)?;
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        create(&dir, &disk, &config, &self.node_id, &key, entries)?;
        pending.remove()?;
        self.shown(&dir, cluster, &key, &config)
    }

    /// Whether an earlier run got as far as making the directory: then only its key file is left.
    fn made_before(&self, dir: &DataDir, pending: &PendingKey) -> Result<Option<Shown>, Failure> {
        let (Some(key), Ok(identity)) =
            (pending.load(&self.node_id)?, IdentityFile::read(&RealDisk, dir.path()))
        else {
            return Ok(None);
        };
        if identity.key().public_key() != key.public_key() {
            return Ok(None);
        }
        let config = Config::load(&RealDisk, &dir.config())
            .map_err(|error| Failure::Unreadable(error.to_string()))?;
        pending.remove()?;
        self.shown(dir, identity.cluster, &key, &config).map(Some)
    }

    fn shown(
        &self,
        dir: &DataDir,
        cluster: ClusterId,
        key: &NodeKey,
        config: &Config,
    ) -> Result<Shown, Failure> {
        let address = address_of(config)?;
        Ok(Made::new(dir, cluster, self.node_id.clone(), key.public_key(), address).shown())
    }

    async fn admitted(
        &self,
        client: &Client,
        key: &NodeKey,
        address: Address,
    ) -> Result<(), Failure> {
        let request = AdmitRequest {
            node_id: self.node_id.clone(),
            public_key: key.public_key(),
            address,
            reason: self.reason.clone(),
        };
        let done = client.admit(&request).await?;
        if done.covered {
            return Ok(());
        }
        Err(Failure::Refused(format!(
            "{} has the admission as ledger entry {}, but its successor does not have it yet; \
             let the successor catch up, then run this command again",
            client.address(),
            done.entry.seq
        )))
    }

    /// What the upstream sent must be the ledger of the cluster that it said it is of, and must have
    /// this node in it. Signatures and order are checked when the ledger is made.
    fn check(
        &self,
        entries: &[SignedEntry],
        cluster: ClusterId,
        key: &NodeKey,
    ) -> Result<(), Failure> {
        let genesis = entries.first().map(|first| first.entry.hash().0);
        if genesis != Some(cluster.0) {
            return Err(Failure::Refused(format!(
                "the ledger that {} sent does not begin with the genesis entry of cluster {cluster}",
                self.upstream
            )));
        }
        let (node, key) = (&self.node_id, key.public_key());
        let names_us = |signed: &SignedEntry| match &signed.entry.body {
            EntryBody::MemberAdmitted { member, .. } => {
                member.node_id == *node && member.public_key == key
            }
            EntryBody::Genesis(_)
            | EntryBody::MemberRemoved { .. }
            | EntryBody::SuccessorDesignated { .. }
            | EntryBody::SuccessorReleased { .. }
            | EntryBody::ObligationEnded { .. }
            | EntryBody::AuthorityRelinquished { .. }
            | EntryBody::AuthorityGranted(_) => false,
        };
        if entries.iter().any(names_us) {
            return Ok(());
        }
        Err(Failure::Refused(format!(
            "the ledger that {} serves does not admit {node} yet; run this command again",
            self.upstream
        )))
    }
}

async fn cluster_of(client: &Client) -> Result<ClusterId, Failure> {
    client.status(false).await?.observed.cluster_id.ok_or_else(|| {
        Failure::Refused(format!("{} does not know its cluster yet", client.address()))
    })
}
