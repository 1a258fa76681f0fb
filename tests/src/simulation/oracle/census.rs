//! CENSUS: an epoch is granted once, to one node, at one place; it starts at or past all that is acknowledged; what is
//! acknowledged in an epoch lies before the next one's start. So whatever two nodes believe, only one of them can
//! add to the acknowledged history.

use std::collections::BTreeMap;

use aerodb_core::authority::EpochStart;
use aerodb_core::id::NodeId;
use aerodb_core::machine::RoleName;
use aerodb_http_api::types::Written;

use super::{Violation, violated};
use crate::simulation::Cluster;

const CENSUS: &str = "CENSUS";

/// Every grant that was ever seen durable on a node.
#[derive(Debug, Default)]
pub(super) struct Census {
    grants: BTreeMap<u64, EpochStart>,
}

impl Census {
    pub(super) fn newest(&self) -> u64 {
        self.grants.keys().next_back().copied().unwrap_or_default()
    }

    pub(super) fn look(&mut self, cluster: &Cluster, acknowledged: u64) -> Result<(), Violation> {
        let mut active: BTreeMap<u64, NodeId> = BTreeMap::new();
        for place in 0..cluster.size() {
            let Some(shared) = cluster.shared(place) else { continue };
            let view = shared.view.load();
            for grant in view.authority.epochs() {
                self.granted(grant, acknowledged)?;
            }
            if view.role.role_name() == RoleName::PrimaryActive {
                let (epoch, node) = (view.authority.epoch().get(), shared.identity.node_id.clone());
                if let Some(other) = active.insert(epoch, node.clone()) {
                    return violated(CENSUS, format!("{other} and {node} both hold epoch {epoch}"));
                }
            }
        }
        Ok(())
    }

    fn granted(&mut self, grant: &EpochStart, acknowledged: u64) -> Result<(), Violation> {
        let epoch = grant.epoch.get();
        match self.grants.get(&epoch) {
            Some(known) if known == grant => Ok(()),
            Some(known) => violated(
                CENSUS,
                format!("epoch {epoch} was granted twice: {known:?} and {grant:?}"),
            ),
            None if grant.start.boundary.get() < acknowledged => violated(
                "ACK",
                format!(
                    "epoch {epoch} of {} starts at commit {}, and {acknowledged} are acknowledged",
                    grant.holder, grant.start.boundary
                ),
            ),
            None => {
                self.grants.insert(epoch, grant.clone());
                Ok(())
            }
        }
    }

    /// A client saw this acknowledged.
    pub(super) fn acknowledged(&self, written: &Written) -> Result<(), Violation> {
        let Written { commit_id, epoch, .. } = written;
        let next = self.grants.get(&(epoch.get() + 1));
        match next {
            Some(next) if next.start.boundary.get() < commit_id.get() => violated(
                CENSUS,
                format!(
                    "commit {commit_id} of epoch {epoch} was acknowledged, and epoch {} starts at {}",
                    next.epoch, next.start.boundary
                ),
            ),
            Some(_) | None => Ok(()),
        }
    }
}
