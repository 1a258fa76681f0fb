//! Decisions: each takes its facts as one value and gives one explained answer.

pub mod acknowledge;
pub mod bootstrap;
pub mod checkpoint;
pub mod command;
pub mod damage;
pub mod decline;
pub mod follow;
pub mod fork;
pub mod node_state;
pub mod promotion;
pub mod read;
pub mod record;
pub mod recovery;
pub mod relocate;
pub mod retention;
pub mod safety;
pub mod segment;
pub mod serving;
pub mod tenure;
pub mod write;

/// The decision that a grant embeds.
pub type RecordedDecision = crate::explain::Recorded<promotion::PromotionFacts>;
