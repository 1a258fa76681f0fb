//! Three nodes of which each can hold, and the way from one race to the next.

use aerodb_tests::{Answer, Cluster, Node};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a command's caller waits in a race, in milliseconds: an entry that the heir will never cover is
/// answered 202 then.
const SOON: (&str, &str) = ("aerodb-deadline-ms", "1000");

/// The nodes, by their place.
pub(crate) struct Ring {
    pub(crate) nodes: [Node; 3],
    holder: usize,
    epoch: u64,
    _root: TempDir,
}

impl Ring {
    /// n1 holds epoch 1.
    pub(crate) fn start() -> Self {
        let (n1, root) = Cluster::founder(&[]);
        let [n2, n3] = ["n2", "n3"].map(|id| Cluster::joined(&root, id, &n1));
        let ring = Self { nodes: [n1, n2, n3], holder: 0, epoch: 1, _root: root };
        ring.wait_attached();
        ring
    }

    pub(crate) fn holder(&self) -> &Node {
        &self.nodes[self.holder]
    }

    /// The node that is to be heir.
    pub(crate) fn heir(&self) -> &Node {
        &self.nodes[(self.holder + 1) % 3]
    }

    /// The one that is nothing.
    pub(crate) fn third(&self) -> &Node {
        &self.nodes[(self.holder + 2) % 3]
    }

    pub(crate) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A command of the epoch that is in force.
    #[track_caller]
    pub(crate) fn ask(&self, node: &Node, path: &str, successor: Option<&Node>) -> Answer {
        let mut body = json!({ "expected_epoch": self.epoch, "reason": "race" });
        if let Some(successor) = successor {
            body["successor"] = json!(successor.id);
        }
        let headers = [("content-type", "application/json"), SOON];
        node.try_send("POST", path, &headers, Some(body.to_string().as_bytes())).expect("an answer")
    }

    fn wait_attached(&self) {
        let holder = self.holder();
        holder.wait("has both others attached", || {
            let peers = holder.try_get("/v1/replication")?.body["data"]["peers"].clone();
            let attached = |peer: &&Value| peer["attached"] == true;
            (peers.as_array()?.iter().filter(attached).count() == 2).then_some(())
        });
    }

    /// Whom this node's ledger grants which epoch.
    fn granted(node: &Node) -> Vec<(u64, String)> {
        let history = node.get("/history").expect(200).body;
        let entries = history.as_array().expect("a list").iter();
        entries
            .map(|entry| {
                let holder = entry["holder"].as_str().expect("a holder");
                (entry["epoch"].as_u64().expect("an epoch"), holder.to_owned())
            })
            .collect()
    }

    /// The epoch went to the heir or stayed where it was. Exactly one node acknowledges; all others follow it by
    /// the documented steps, and have its ledger, entry by entry, and its state.
    #[track_caller]
    pub(crate) fn settle(&mut self, moved: bool) {
        if moved {
            self.holder = (self.holder + 1) % 3;
            self.epoch += 1;
        }
        self.agree();
    }

    /// The holder has relinquished to the third node, which is promoted.
    #[track_caller]
    pub(crate) fn pass_to_third(&mut self) {
        let (third, epoch) = (self.third(), self.epoch);
        third.wait("is granted what was relinquished to it", || {
            (third.promote(epoch).status == 200).then_some(())
        });
        self.holder = (self.holder + 2) % 3;
        self.epoch += 1;
        self.agree();
    }

    #[track_caller]
    fn agree(&self) {
        let holder = self.holder();
        assert_eq!(holder.epoch(), self.epoch);
        for node in self.nodes.iter().filter(|node| node.id != holder.id) {
            let _ = node.come_back(holder);
        }
        self.wait_attached();
        let written = self.acknowledged();
        let ledger = holder.data("/v1/ledger?log=authority&limit=1000");
        for node in self.nodes.iter().filter(|node| node.id != holder.id) {
            let refused = node.put("race", "stolen");
            assert!(matches!(refused.status, 421 | 503), "{}: {}", node.id, refused.text);
            node.wait_shown(written);
            node.wait("has the ledger of the holder", || {
                (node.data("/v1/ledger?log=authority&limit=1000") == ledger).then_some(())
            });
            assert_eq!(node.digest(), holder.digest());
        }
        let granted = Self::granted(holder);
        let epochs: Vec<u64> = granted.iter().map(|(epoch, _)| *epoch).collect();
        assert_eq!(epochs, (1..=self.epoch).collect::<Vec<_>>(), "{granted:?}");
        assert_eq!(granted.last().map(|(_, id)| id), Some(&holder.id));
    }

    /// The commit of a write that the holder acknowledges: an obligation may have to be met again first.
    fn acknowledged(&self) -> u64 {
        let holder = self.holder();
        holder.wait("acknowledges a write", || {
            let answer = holder.try_put("race", "mine")?;
            (answer.status == 200).then(|| answer.body["data"]["commit_id"].as_u64())?
        })
    }

    /// What was left of the race's designation is taken back, so that the next one finds none.
    #[track_caller]
    pub(crate) fn without_a_successor(&self) {
        let heir = self.holder().data("/v1/authority")["successor"]["node_id"].clone();
        let Some(heir) = heir.as_str() else { return };
        let node = self.nodes.iter().find(|node| node.id == heir);
        let released = self.ask(self.holder(), "/v1/authority/release", node);
        assert!(matches!(released.status, 200 | 202 | 409), "{}", released.text);
        self.holder().wait("owes nothing", || {
            self.holder().data("/v1/authority")["successor"].is_null().then_some(())
        });
    }
}
