//! START: whatever a crash or a power loss leaves, the node starts again. Only a disk that fails while it does, one that
//! cut a write short and then failed the process again before it had taken that back, or a discarding that was cut off
//! and is to be finished, may keep it from that.

use super::{Violation, violated};
use crate::simulation::{Asked, Event};

/// The nodes whose log is being replaced.
#[derive(Debug)]
pub(super) struct Starts {
    discarding: Vec<bool>,
}

impl Starts {
    pub(super) fn new(nodes: usize) -> Self {
        Self { discarding: vec![false; nodes] }
    }

    pub(super) fn heard(&mut self, event: &Event) -> Result<(), Violation> {
        match event {
            Event::Started(node) => self.discarding[*node] = false,
            Event::Cleared(node) => self.discarding[*node] = true,
            Event::NotStarted(node, why, explained) => {
                if !explained && !self.discarding[*node] {
                    return violated("START", format!("n{} does not start: {why}", node + 1));
                }
            }
            Event::Answered(_, Asked::Write(_) | Asked::Read { .. } | Asked::Command(_), _)
            | Event::Ended(..)
            | Event::Offline(..) => {}
        }
        Ok(())
    }
}
