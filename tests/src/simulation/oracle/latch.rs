//! LATCH: a failure that was shown is shown, unchanged, through any number of restarts, until an operator does
//! something about it.

use aerodb_core::machine::Failure;

use super::{Violation, violated};
use crate::simulation::{Cluster, Event};

const LATCH: &str = "LATCH";

/// The failures that nodes have shown.
#[derive(Debug)]
pub(super) struct Latches {
    shown: Vec<Option<Failure>>,
    /// Whether an operator has done something about it since.
    cleared: Vec<bool>,
}

impl Latches {
    pub(super) fn new(nodes: usize) -> Self {
        Self { shown: vec![None; nodes], cleared: vec![false; nodes] }
    }

    pub(super) fn heard(&mut self, event: &Event) {
        match event {
            Event::Cleared(node) => self.cleared[*node] = true,
            Event::Answered(..)
            | Event::Started(_)
            | Event::NotStarted(..)
            | Event::Ended(..)
            | Event::Offline(..) => {}
        }
    }

    pub(super) fn look(&mut self, cluster: &Cluster) -> Result<(), Violation> {
        for place in 0..cluster.size() {
            let Some(shared) = cluster.shared(place) else { continue };
            let view = shared.view.load();
            let now = view.latch.cause();
            let (shown, cleared) = (&mut self.shown[place], &mut self.cleared[place]);
            match (shown.as_ref(), now) {
                (None, None) => {}
                (None, Some(now)) => (*shown, *cleared) = (Some(now.clone()), false),
                (Some(then), Some(now)) if then == now => {}
                (Some(_), now) if *cleared => (*shown, *cleared) = (now.cloned(), false),
                (Some(then), now) => {
                    let detail = format!(
                        "n{} was halted by {}, and without an operator's doing now shows {now:?}",
                        place + 1,
                        then.rule
                    );
                    return violated(LATCH, detail);
                }
            }
        }
        Ok(())
    }
}
