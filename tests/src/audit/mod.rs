//! Traceability: every rule with where it is enforced and what proves it, read out of the code itself.
//!
//! - `catalogue`: the rules, `docs/rules.toml` and the program's own
//! - `source`, `marks`: what the code says of them
//! - `points`, `golden`: crash points and explanations that bear on them
//! - `table`: all of it side by side, and the holes
//! - `rendering`: `docs/AUDIT.md`, `docs/AUDIT.json`, and what the binary serves at `/v1/rules`
//!
//! The convention. Code that enforces a rule says so in its documentation, `Keeps: P3-FS5, WAL-6.`, or names it
//! as `RuleId::…` where it decides. A test that proves a rule says `Proves: P3-FS5.` in its documentation, or
//! begins its name with the id (`p3_fs5_…`), or compares with the id in its body. An id stands for all of its
//! parts: `F-V1` for `F-V1.1`, `F-V1.2` and so on. Any other mention is prose.
//!
//! Keeps: F-T1, F-T2, F-T3, F-T4, F-0.4, P3-PL9, P6-T1, P6-CM1, P6-RY7, P6-RT6, P5-T5, EX-3.

mod catalogue;
mod fault;
mod golden;
mod marks;
mod names;
mod points;
mod rendering;
mod source;
mod table;
mod tree;

pub use catalogue::{Catalogue, Rule};
pub use fault::AuditFault;
pub use rendering::Rendering;
pub use table::{Audit, Row, Standing};
pub use tree::Place;
