//! Explanations: one shape for every answer, the same bytes for the same inputs on any machine
//! (DESIGN section 7).
//!
//! Keeps: EX-5, EX-6, P6-RDT2, O5-9.

mod explanation;
mod recorded;
mod remedy;

pub use explanation::{
    Conclusion, Evaluation, Evidence, Explanation, ExplanationType, Facts, ObservedSnapshot,
    RuleApplied, explain,
};
pub use recorded::{Mismatch, Recorded};
pub use remedy::Remedy;
