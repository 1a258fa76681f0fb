//! Three nodes in a temporary directory.

use tempfile::TempDir;

use crate::binary::{Output, aerodb};
use crate::node::Node;

/// A founder `n1` and two replicas, `n2` and `n3`, that pull from it.
#[derive(Debug)]
pub struct Cluster {
    /// The founder.
    pub n1: Node,
    /// The first replica.
    pub n2: Node,
    /// The second replica.
    pub n3: Node,
    root: TempDir,
}

impl Cluster {
    /// Founds a cluster and starts its nodes; the replicas are pulling when this returns.
    ///
    /// # Panics
    /// When a step fails.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let mut n1 = Node::new(root.path(), "n1");
        let _ = init(&n1, &[]);
        n1.start();
        let [n2, n3] = ["n2", "n3"].map(|id| Self::joined(&root, id, &n1));
        let cluster = Self { n1, n2, n3, root };
        cluster.wait_pulling(&["n2", "n3"]);
        cluster
    }

    /// A founder alone.
    ///
    /// # Panics
    /// When a step fails.
    #[must_use]
    #[track_caller]
    pub fn founder(args: &[&str]) -> (Node, TempDir) {
        let root = tempfile::tempdir().expect("a directory");
        let mut n1 = Node::new(root.path(), "n1");
        let _ = init(&n1, args);
        n1.start();
        (n1, root)
    }

    /// Joins a node to an upstream that runs, and starts it.
    ///
    /// # Panics
    /// When a step fails.
    #[must_use]
    #[track_caller]
    pub fn joined(root: &TempDir, id: &str, upstream: &Node) -> Node {
        let mut node = Node::new(root.path(), id);
        let joined = join(&node, upstream);
        assert_eq!(joined.code, Some(0), "{joined:?}");
        node.start();
        node
    }

    /// Joins one more node, and does not start it.
    ///
    /// # Panics
    /// When it is not admitted.
    #[must_use]
    #[track_caller]
    pub fn newcomer(&self, id: &str) -> Node {
        let node = Node::new(self.root.path(), id);
        let joined = join(&node, &self.n1);
        assert_eq!(joined.code, Some(0), "{joined:?}");
        node
    }

    /// Waits until `n1` has these peers attached.
    #[track_caller]
    pub fn wait_pulling(&self, peers: &[&str]) {
        self.n1.wait("has its replicas attached", || {
            let data = self.n1.try_get("/v1/replication")?.body["data"].clone();
            let attached = |id: &&str| {
                data["peers"].as_array().is_some_and(|peers| {
                    peers.iter().any(|peer| peer["node_id"] == **id && peer["attached"] == true)
                })
            };
            peers.iter().all(attached).then_some(())
        });
    }
}

#[track_caller]
fn init(node: &Node, args: &[&str]) -> Output {
    let listen = format!("127.0.0.1:{}", node.port);
    let base = ["init", "--data-dir", node.dir_arg(), "--node-id", &node.id, "--listen", &listen];
    let output = aerodb(&[&base[..], args].concat());
    assert_eq!(output.code, Some(0), "{output:?}");
    output
}

/// A founder that was never started.
///
/// # Panics
/// When it cannot be initialised.
#[must_use]
#[track_caller]
pub fn founder_dir(root: &TempDir) -> Node {
    let node = Node::new(root.path(), "n1");
    let _ = init(&node, &[]);
    node
}

/// A founder whose configuration has these keys, running.
///
/// # Panics
/// When it has no such key, or does not start.
#[must_use]
#[track_caller]
pub fn configured(keys: &[(&str, u64)]) -> (Node, TempDir) {
    let root = tempfile::tempdir().expect("a directory");
    let mut node = founder_dir(&root);
    let path = node.dir.join("aerodb.toml");
    let mut text = std::fs::read_to_string(&path).expect("a configuration");
    for (key, value) in keys {
        let line = text.lines().find(|line| line.starts_with(key)).expect("the key").to_owned();
        text = text.replace(&line, &format!("{key} = {value}"));
    }
    std::fs::write(&path, text).expect("written");
    node.start();
    (node, root)
}

/// Joins a node to an upstream that runs.
#[must_use]
pub fn join(node: &Node, upstream: &Node) -> Output {
    let (listen, upstream) = (format!("127.0.0.1:{}", node.port), upstream.url());
    let args = ["join", "--data-dir", node.dir_arg(), "--node-id", &node.id, "--listen", &listen];
    aerodb(&[&args[..], &["--upstream", &upstream]].concat())
}
