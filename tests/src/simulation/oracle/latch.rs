//! LATCH: a failure that was shown is shown, unchanged, through any number of restarts, until an operator does
//! something about it. What an operator has asked may be carried out after the node has come to halt.

use aerodb_core::machine::Failure;

use super::{Violation, violated};
use crate::simulation::{Asked, Cluster, Event};

const LATCH: &str = "LATCH";

/// The failures that nodes have shown.
#[derive(Debug)]
pub(super) struct Latches {
    shown: Vec<Option<Failure>>,
    /// Whether an operator has done something about it since.
    cleared: Vec<bool>,
    /// What operators have asked that may clear a failure, and that is not answered.
    asked: Vec<u32>,
}

impl Latches {
    pub(super) fn new(nodes: usize) -> Self {
        Self { shown: vec![None; nodes], cleared: vec![false; nodes], asked: vec![0; nodes] }
    }

    pub(super) fn heard(&mut self, event: &Event) {
        match event {
            Event::Cleared(node) => {
                self.cleared[*node] = true;
                self.asked[*node] += 1;
            }
            Event::Answered(node, Asked::Command("clear" | "discard" | "bootstrap"), _) => {
                self.asked[*node] = self.asked[*node].saturating_sub(1);
            }
            // Who had asked the process before is not answered.
            Event::Started(node) | Event::Ended(node, _) | Event::Offline(node, _) => {
                self.asked[*node] = 0;
            }
            Event::Answered(..) | Event::NotStarted(..) => {}
        }
    }

    pub(super) fn look(&mut self, cluster: &Cluster) -> Result<(), Violation> {
        for place in 0..cluster.size() {
            let Some(shared) = cluster.shared(place) else { continue };
            let view = shared.view.load();
            let now = view.latch.cause();
            let (shown, cleared) = (&mut self.shown[place], &mut self.cleared[place]);
            let asked = self.asked[place] > 0;
            match (shown.as_ref(), now) {
                (None, None) => {}
                (None, Some(now)) => (*shown, *cleared) = (Some(now.clone()), asked),
                (Some(then), Some(now)) if then == now => {}
                (Some(_), now) if *cleared => (*shown, *cleared) = (now.cloned(), asked),
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
