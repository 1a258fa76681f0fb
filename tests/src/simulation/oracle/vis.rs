//! VIS: every read shows what the acknowledged history says at the boundary that it names, never more than is
//! acknowledged; a linearizable one all that any client had seen acknowledged when it was asked. HASH: nodes that
//! show the same place show the same.

use aerodb_core::decision::read::Consistency;
use aerodb_core::id::Boundary;

use super::history::History;
use super::{Violation, violated};
use crate::simulation::{Asked, Cluster, Done};

const VIS: &str = "VIS";

pub(super) fn heard(
    node: usize,
    asked: &Asked,
    done: &Done,
    history: &History,
) -> Result<(), Violation> {
    let (Asked::Read { key, seen, at, .. }, Done::Read(read)) = (asked, done) else {
        return Ok(());
    };
    let Ok(answer) = &**read else { return Ok(()) };
    let (n, boundary) = (node + 1, answer.boundary.get());
    if boundary > history.length() {
        let detail = format!("n{n} showed commit {boundary}, acknowledged is {}", history.length());
        return violated(VIS, detail);
    }
    if at.is_some_and(|at| at != boundary) {
        return violated(VIS, format!("n{n} showed {boundary} when {at:?} was asked for"));
    }
    if answer.consistency == Consistency::Linearizable && boundary < *seen {
        let detail = format!("n{n} showed {boundary}, after {seen} had been acknowledged");
        return violated(VIS, detail);
    }
    let shown = answer.value.as_ref().map(|(commit, value)| (*commit, &value[..]));
    if shown != history.version(key, boundary) {
        let key = String::from_utf8_lossy(key);
        return violated(VIS, format!("n{n} showed another value of {key} at commit {boundary}"));
    }
    Ok(())
}

pub(super) fn same_state(cluster: &Cluster) -> Result<(), Violation> {
    let shown: Vec<_> = (0..cluster.size())
        .filter_map(|place| {
            let shared = cluster.shared(place)?;
            let bound = shared.acks.bounds().acknowledged?;
            Some((place, bound, shared))
        })
        .collect();
    for (place, bound, shared) in &shown {
        for (other, _, theirs) in shown.iter().filter(|(_, there, _)| there >= bound) {
            let at: Boundary = *bound;
            // Below what a snapshot brought nothing is shown.
            let readable = theirs.store.oldest_retained() <= at;
            if readable && shared.store.state_digest(at) != theirs.store.state_digest(at) {
                let detail = format!("n{} and n{} differ at commit {at}", place + 1, other + 1);
                return violated("HASH", detail);
            }
        }
    }
    Ok(())
}
