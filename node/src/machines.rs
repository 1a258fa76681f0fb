//! The machines of one node, side by side with the journal that all of them write to.

use std::sync::Arc;

use aerodb_core::machine::{
    Bootstrap, Checkpoint, Latch, Lifecycle, Machine, MachineName, Pipeline, Promotion, Role,
    WalWriter,
};
use serde::Serialize;
use serde_json::Value;

use crate::journal::{Cell, Journal, state_data};

/// The machines at run time. Each is moved by one owner: the WAL's owner moves the writer, and the
/// pipeline between `BytesArrived` and `Applied`; the supervisor moves everything else.
#[derive(Debug, Default)]
pub struct Machines {
    /// Where all steps are journalled.
    pub journal: Arc<Journal>,
    /// Promotion lifecycle.
    pub promotion: Cell<Promotion>,
    /// Node role.
    pub role: Cell<Role>,
    /// Replica pipeline.
    pub pipeline: Arc<Cell<Pipeline>>,
    /// Snapshot bootstrap.
    pub bootstrap: Cell<Bootstrap>,
    /// Failure latch.
    pub latch: Cell<Latch>,
    /// The checkpoint in force, or in the making; moved by the thread that takes it.
    pub checkpoint: Arc<Cell<Checkpoint>>,
    /// Node lifecycle.
    pub lifecycle: Cell<Lifecycle>,
    /// WAL writer.
    pub writer: Arc<Cell<WalWriter>>,
}

/// One machine's state as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The machine.
    pub machine: MachineName,
    /// The state's name.
    pub state: &'static str,
    /// The state's data.
    pub data: Value,
}

fn shown<M: Machine + Serialize>(cell: &Cell<M>) -> Shown {
    let state = cell.get();
    Shown { machine: M::NAME, state: state.name(), data: state_data(&state) }
}

impl Machines {
    /// Every machine that has one state on this node; segments have one
    /// each and live in the journal only, versions are counted.
    #[must_use]
    pub fn show(&self) -> Vec<Shown> {
        vec![
            shown(&self.promotion),
            shown(&self.role),
            shown(&self.pipeline),
            shown(&self.bootstrap),
            shown(&self.latch),
            shown(&self.checkpoint),
            shown(&self.lifecycle),
            shown(&self.writer),
        ]
    }
}
