//! Three nodes, each behind two wires: one that its replicas pull over, one for clients.

use serde_json::json;

use crate::proxy::Wire;
use crate::{Answer, Cluster, Node};

/// The cluster that clients meet.
pub(super) struct Site {
    cluster: Cluster,
    /// What replicas pull over.
    pub(super) peers: [Wire; 3],
    /// What clients ask over.
    pub(super) clients: [Wire; 3],
    /// The node that holds, by what this side did.
    pub(super) holder: usize,
}

impl Site {
    pub(super) fn start() -> Self {
        let cluster = Cluster::start();
        let wires = || [&cluster.n1, &cluster.n2, &cluster.n3].map(Wire::to);
        let (peers, clients) = (wires(), wires());
        let site = Self { cluster, peers, clients, holder: 0 };
        for replica in [1, 2] {
            site.follow(replica);
        }
        site.wait_attached();
        site
    }

    pub(super) const fn node(&self, index: usize) -> &Node {
        match index {
            0 => &self.cluster.n1,
            1 => &self.cluster.n2,
            _ => &self.cluster.n3,
        }
    }

    pub(super) const fn node_mut(&mut self, index: usize) -> &mut Node {
        match index {
            0 => &mut self.cluster.n1,
            1 => &mut self.cluster.n2,
            _ => &mut self.cluster.n3,
        }
    }

    pub(super) const fn holder(&self) -> &Node {
        self.node(self.holder)
    }

    /// The two that do not hold: the next heir, and the other one.
    pub(super) const fn others(&self) -> (usize, usize) {
        ((self.holder + 1) % 3, (self.holder + 2) % 3)
    }

    /// Has a node pull from the holder.
    #[track_caller]
    pub(super) fn follow(&self, replica: usize) {
        let answer = self.try_follow(replica).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    fn try_follow(&self, replica: usize) -> Option<Answer> {
        let body = json!({ "upstream": self.peers[self.holder].url(), "reason": "test" });
        self.node(replica).try_post("/v1/replication/follow", &body)
    }

    /// Waits until both others pull from the holder.
    #[track_caller]
    pub(super) fn wait_attached(&self) {
        let (heir, other) = self.others();
        let names = [&self.node(heir).id, &self.node(other).id];
        self.holder().wait("has both others attached", || {
            let data = self.holder().try_get("/v1/replication")?.body["data"].clone();
            let peers = data["peers"].as_array()?;
            let attached = |name: &&String| {
                peers.iter().any(|peer| peer["node_id"] == **name && peer["attached"] == true)
            };
            names.iter().all(attached).then_some(())
        });
    }

    /// Waits until the holder takes no writes, because its successor is gone.
    #[track_caller]
    pub(super) fn wait_unwritable(&self) {
        self.holder().wait("misses its successor", || {
            let data = self.holder().try_get("/v1/authority")?.body["data"].clone();
            (data["writable_here"] == false).then_some(())
        });
    }

    /// Designates the heir, if the epoch has none yet.
    #[track_caller]
    pub(super) fn designate(&self, heir: usize) {
        if self.holder().data("/v1/authority")["successor"].is_null() {
            self.holder().designate(&self.node(heir).id);
        }
    }

    /// Promotes the heir out of the holder's epoch; it holds then.
    #[track_caller]
    pub(super) fn promote(&mut self, heir: usize) {
        let node = self.node(heir);
        let body = json!({ "expected_epoch": node.epoch(), "reason": "test" });
        node.wait("is granted the next epoch", || {
            (node.post("/v1/promotions", &body).status == 200).then_some(())
        });
        self.holder = heir;
    }

    /// Brings a deposed holder back as a replica: what it has that was never acknowledged it sets aside.
    #[track_caller]
    pub(super) fn rejoin(&self, deposed: usize) {
        let node = self.node(deposed);
        let body = json!({ "reason": "test" });
        node.wait("follows the new holder", || {
            let answer = self.try_follow(deposed)?;
            if answer.code() == "HALTED" {
                // Its process starts again with that.
                let _ = node.try_post("/v1/replication/discard-suffix", &body);
            }
            (answer.status == 200).then_some(())
        });
    }
}
