//! Ledgers, histories and tenures, each a real value of `core`, named by a small number. Equal values have equal
//! numbers, so that a state is small and two ways to the same state meet.

mod history;
mod ledger;
mod memo;
mod table;

pub use history::{Histories, History, HistoryId};
pub use ledger::{Bases, Ledger, LedgerId, Ledgers};
pub use memo::Memo;
pub use table::Table;

use aerodb_core::decision::tenure::Tenure;

/// A tenure's number.
pub type TenureId = u16;

/// Everything that states refer to.
#[derive(Debug)]
pub struct World {
    /// Authority ledgers.
    pub ledgers: Ledgers,
    /// Histories.
    pub histories: Histories,
    /// Tenures.
    pub tenures: Table<Tenure, Tenure>,
}

impl World {
    /// A world in which the cluster of `ledgers` has written nothing.
    #[must_use]
    pub fn new(ledgers: Ledgers) -> Self {
        let histories = Histories::new(ledgers.get(0).authority.cluster());
        Self { ledgers, histories, tenures: Table::default() }
    }

    /// The number of this tenure.
    pub fn tenure(&self, tenure: Tenure) -> TenureId {
        self.tenures.number(&tenure, || tenure.clone())
    }
}
