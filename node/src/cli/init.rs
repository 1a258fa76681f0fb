//! `init`: makes a data directory and founds a cluster with it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use aerodb_core::authority::{Annotation, Durability, Member};
use aerodb_core::hash::{ClusterId, Hash, PublicKey};
use aerodb_core::id::{Address, ClusterName, NodeId, Reason};
use aerodb_ledger::authority::NodeKey;
use aerodb_ledger::disk::{Disk, RealDisk};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::cli::table::facts;
use crate::cli::{Failure, Shown};
use crate::clock::now_ms;
use crate::config::Config;
use crate::directory::{DataDir, Founding, check_vacant, create, genesis};

/// What an acknowledged write must be durable on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum MinimumDurability {
    /// On the holder; on its successor too while there is one.
    #[default]
    Local,
    /// On the holder and on its successor; without a successor writes are refused.
    Paired,
}

impl MinimumDurability {
    pub(super) const fn durability(self) -> Durability {
        match self {
            Self::Local => Durability::Local,
            Self::Paired => Durability::Paired,
        }
    }
}

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The directory to make; nothing may be there yet.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// The node's id in the cluster.
    #[arg(long, value_name = "ID")]
    node_id: NodeId,
    /// Where the node listens.
    #[arg(long, value_name = "HOST:PORT")]
    listen: SocketAddr,
    /// Where others reach it; `http://` and the listening address when left out.
    #[arg(long, value_name = "URL")]
    advertise: Option<Address>,
    /// A label for people.
    #[arg(long, value_name = "NAME", default_value = "aerodb")]
    cluster: ClusterName,
    /// What an acknowledged write must be durable on; fixed for the life of the cluster.
    #[arg(long, value_enum, default_value_t)]
    minimum_durability: MinimumDurability,
    /// Why; recorded in the ledger.
    #[arg(long, value_name = "TEXT", default_value = "init")]
    reason: Reason,
}

/// A directory that was made.
#[derive(Debug, Serialize)]
pub(super) struct Made {
    cluster_id: ClusterId,
    node_id: NodeId,
    public_key: PublicKey,
    address: Address,
    data_dir: PathBuf,
    next: String,
}

impl Made {
    pub(super) fn new(
        dir: &DataDir,
        cluster_id: ClusterId,
        node_id: NodeId,
        public_key: PublicKey,
        address: Address,
    ) -> Self {
        let data_dir = dir.path().to_owned();
        let next = format!("aerodb serve --data-dir {}", data_dir.display());
        Self { cluster_id, node_id, public_key, address, data_dir, next }
    }

    pub(super) fn shown(&self) -> Shown {
        let text = facts([
            ("cluster id", self.cluster_id.to_string()),
            ("node id", self.node_id.to_string()),
            ("public key", self.public_key.to_string()),
            ("address", self.address.to_string()),
            ("next", self.next.clone()),
        ]);
        Shown::new(&serde_json::json!({ "data": self }), text)
    }
}

/// The failure of a step that the operating system refused.
pub(super) fn no_randomness(error: impl std::fmt::Display) -> Failure {
    Failure::Unreadable(error.to_string())
}

/// Where others will reach a node; a socket address always makes an address.
pub(super) fn address_of(config: &Config) -> Result<Address, Failure> {
    config.address().map_err(|error| Failure::Usage(error.to_string()))
}

impl Init {
    pub(super) fn run(self) -> Result<Shown, Failure> {
        let dir = DataDir::new(self.data_dir);
        check_vacant(&dir, &RealDisk)?;
        let mut config = Config::new(self.listen);
        config.advertise = self.advertise;
        let address = address_of(&config)?;
        let key = NodeKey::generate().map_err(no_randomness)?;
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).map_err(no_randomness)?;
        let founder = Member {
            node_id: self.node_id.clone(),
            public_key: key.public_key(),
            address: address.clone(),
        };
        let annotation = Annotation {
            received_at_ms: now_ms(),
            operator: "local".to_owned(),
            reason: self.reason,
        };
        let founding = Founding {
            cluster_name: self.cluster,
            nonce: Hash(nonce),
            founder,
            minimum_durability: self.minimum_durability.durability(),
            ancestor: None,
            annotation,
        };
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let entries = vec![genesis(founding, &key)];
        let cluster = create(&dir, &disk, &config, &self.node_id, &key, entries)?;
        Ok(Made::new(&dir, cluster, self.node_id, key.public_key(), address).shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::IdentityFile;

    fn init(dir: PathBuf) -> Init {
        Init {
            data_dir: dir,
            node_id: NodeId::new("n1").unwrap(),
            listen: "127.0.0.1:7401".parse().unwrap(),
            advertise: None,
            cluster: ClusterName::new("aerodb").unwrap(),
            minimum_durability: MinimumDurability::Local,
            reason: Reason::new("init").unwrap(),
        }
    }

    #[test]
    fn a_directory_is_made_once_and_the_second_attempt_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("n1");
        let shown = init(dir.clone()).run().unwrap();
        let identity = IdentityFile::read(&RealDisk, &dir).unwrap();
        assert_eq!(shown.json()["data"]["cluster_id"], identity.cluster.to_string());
        assert_eq!(shown.json()["data"]["public_key"], identity.key().public_key().to_string());
        assert_eq!(shown.json()["data"]["address"], "http://127.0.0.1:7401");
        assert!(matches!(init(dir).run(), Err(Failure::Refused(_))));
    }
}
