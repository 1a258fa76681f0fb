//! PROGRESS: whoever is kept from going on, a read and a write are answered by their deadline as long as their node
//! polls them; and when everybody has turns again, everybody who waits is answered (P3-G12).

use super::{Violation, violated};
use crate::simulation::Cluster;

const PROGRESS: &str = "PROGRESS";

pub(super) fn look(cluster: &Cluster) -> Result<(), Violation> {
    match cluster.clients.overdue() {
        None => Ok(()),
        Some((node, asked)) => {
            violated(PROGRESS, format!("n{} has not answered in time: {asked:?}", node + 1))
        }
    }
}

/// Nothing fails any more, everybody had turns, and every deadline has passed.
pub(super) fn all_answered(cluster: &Cluster) -> Result<(), Violation> {
    match cluster.clients.waiting().next() {
        None => Ok(()),
        Some((node, asked)) => violated(PROGRESS, format!("n{} never answers {asked:?}", node + 1)),
    }
}
