//! What happens to the cluster while the clients go on, one round after the other. After each, another node
//! holds and all three run.

use serde_json::json;

use super::run::Run;
use super::site::Site;

/// A round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// The holder is killed; its successor is promoted; it comes back.
    Killed,
    /// The holder is cut off from its replicas, not from its clients; its successor is promoted beside it.
    CutOff,
    /// The holder stands still (SIGSTOP) until its successor holds, and then answers what it had been asked.
    Frozen,
    /// The successor is killed and comes back, and then takes over as planned.
    SuccessorKilled,
    /// Clients lose their connections in the middle of answers; then a planned switchover.
    ClientsCut,
}

impl Round {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Killed, Self::CutOff, Self::Frozen, Self::SuccessorKilled, Self::ClientsCut];

    /// Plays it.
    pub(super) fn play(self, site: &mut Site, run: &Run) {
        let (heir, other) = site.others();
        let deposed = site.holder;
        site.wait_attached();
        site.designate(heir);
        run.wait_for_more(site);
        match self {
            Self::Killed => {
                site.node_mut(deposed).kill();
                site.promote(heir);
                site.follow(other);
                run.wait_for_more(site);
                site.node_mut(deposed).start();
            }
            Self::CutOff => {
                site.peers[deposed].cut();
                site.wait_unwritable();
                site.promote(heir);
                site.follow(other);
                run.wait_for_more(site);
                site.peers[deposed].mend();
            }
            Self::Frozen => {
                site.node(deposed).freeze();
                run.wait_for_doubt(site);
                site.promote(heir);
                site.follow(other);
                run.wait_for_more(site);
                site.node(deposed).thaw();
                run.wait_for_more(site);
            }
            Self::SuccessorKilled => {
                site.node_mut(heir).kill();
                site.wait_unwritable();
                site.node_mut(heir).start();
                site.wait_attached();
                run.wait_for_more(site);
                switch_over(site, heir);
            }
            Self::ClientsCut => {
                for _ in 0..5 {
                    run.wait_for_more(site);
                    site.clients[deposed].cut();
                    site.clients[deposed].mend();
                }
                switch_over(site, heir);
            }
        }
        site.rejoin(deposed);
        site.follow(other);
        run.wait_for_more(site);
    }
}

/// The holder relinquishes to its successor, which is promoted on that.
#[track_caller]
fn switch_over(site: &mut Site, heir: usize) {
    let holder = site.holder();
    let body = json!({
        "successor": site.node(heir).id, "expected_epoch": holder.epoch(), "reason": "test",
    });
    let _ = holder.post("/v1/authority/relinquish", &body).expect(200);
    site.promote(heir);
}
