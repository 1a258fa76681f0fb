//! A node in this process, for tests that look between its steps.

use aerodb_core::authority::{Annotation, Durability, Member};
use aerodb_core::hash::Hash;
use aerodb_core::id::{Address, ClusterName, NodeId, Reason};
use aerodb_ledger::authority::NodeKey;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::config::Config;
use crate::directory::{DataDir, Founding, create, genesis};
use crate::http::Http;
use crate::open::open;
use crate::serve::assemble::{Assembled, assemble};
use crate::world::World;

/// A founder that holds the first epoch and has no peers.
pub(crate) struct Alone {
    pub(crate) http: Http,
    _node: Assembled,
    _root: TempDir,
}

/// Founds a cluster and starts its node, without a listener.
pub(crate) fn alone() -> Alone {
    let root = tempfile::tempdir().unwrap();
    let dir = DataDir::new(root.path().join("n1"));
    let world = World::real();
    let disk = &world.disk;
    let (key, node_id) = (NodeKey::generate().unwrap(), NodeId::new("n1").unwrap());
    let address = Address::new("http://127.0.0.1:7401").unwrap();
    let founding = Founding {
        cluster_name: ClusterName::new("test").unwrap(),
        nonce: Hash([7; 32]),
        founder: Member { node_id: node_id.clone(), public_key: key.public_key(), address },
        minimum_durability: Durability::Local,
        ancestor: None,
        annotation: Annotation {
            received_at_ms: 0,
            operator: "local".to_owned(),
            reason: Reason::new("test").unwrap(),
        },
    };
    let config = Config::new("127.0.0.1:7401".parse().unwrap());
    create(&dir, disk, &config, &node_id, &key, vec![genesis(founding, &key)]).unwrap();
    let (fatal, _) = watch::channel(None);
    let opened = open(dir, disk).unwrap();
    let (node, crew) = assemble(opened, world, fatal).unwrap();
    crew.start().unwrap();
    Alone { http: node.http.clone(), _node: node, _root: root }
}
