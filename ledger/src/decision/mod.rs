//! The decision ledger: one node's own record of attempts, refusals, halts and interventions.

mod ledger;

pub use ledger::{DecisionLedger, DecisionRejected, ReadDecisions};
