//! Validator: received bytes are proven to continue the history.
//!
//! Keeps: RA-4.

use std::sync::Arc;

use aerodb_core::authority::Authority;
use aerodb_core::position::Position;
use aerodb_core::wal::{Batch, Divergence, EpochRuns, prove};
use aerodb_ledger::crash::{self, Point};

use super::{Cursors, Received};

/// Batches that continue the history. Only this module makes them.
#[derive(Debug)]
pub struct Validated(Vec<Batch>);

impl Validated {
    pub(super) fn into_batches(self) -> Vec<Batch> {
        self.0
    }
}

/// The owner of the validated end.
#[derive(Debug)]
pub struct Validator {
    tip: Position,
    epochs: EpochRuns,
    cursors: Arc<Cursors>,
}

impl Validator {
    /// A validator of the history that ends here.
    #[must_use]
    pub const fn new(tip: Position, epochs: EpochRuns, cursors: Arc<Cursors>) -> Self {
        Self { tip, epochs, cursors }
    }

    /// The validated end.
    #[must_use]
    pub const fn tip(&self) -> Position {
        self.tip
    }

    /// Which epochs the history carries where.
    #[must_use]
    pub const fn epochs(&self) -> &EpochRuns {
        &self.epochs
    }

    /// Proves what was received, all of it or nothing.
    pub(super) fn validate(
        &mut self,
        received: Received,
        authority: &Authority,
    ) -> Result<Validated, Divergence> {
        let raws = received.into_batches();
        let mut tip = self.tip;
        let mut batches = Vec::with_capacity(raws.len());
        for raw in &raws {
            let batch = prove(raw, &tip, authority)?;
            tip = batch.end();
            batches.push(batch);
            crash::reached(Point::ValMid);
        }
        for batch in &batches {
            self.advance(batch);
        }
        Ok(Validated(batches))
    }

    /// The holder's own batch, durable: it was formed on this tip, there is nothing to prove.
    pub(in crate::wal) fn own(&mut self, batch: Batch) -> Validated {
        self.advance(&batch);
        Validated(vec![batch])
    }

    fn advance(&mut self, batch: &Batch) {
        self.tip = batch.end();
        self.epochs.push(batch);
        self.cursors.validated(self.tip.boundary);
    }
}
