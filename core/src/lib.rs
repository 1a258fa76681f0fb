//! The pure rules of AeroDB.
//!
//! Nothing here reads a clock, a file, the network or the environment, and nothing iterates in hash
//! order: each function is decided by its arguments alone. The same functions run in production, in
//! the ledger replay and in the model checker.
//!
//! - [`id`], [`hash`], [`position`]: newtypes for everything that is counted, named or hashed
//! - [`wal`]: commits, logical batches and the chain over them
//! - [`authority`]: the entries of the authority ledger and the fold over them
//! - [`machine`]: the state machines
//! - [`decision`]: facts in, explained answer out
//! - [`directory`]: what tells a data directory from a copy of it
//! - [`explain`]: the shape of every answer
//! - [`rules`]: the one catalogue that all of them cite
//!
//! Keeps: P6-N5, P6-DF6, M-C22, M-P23, F-3.2.

pub mod authority;
pub mod decision;
pub mod directory;
pub mod explain;
pub mod hash;
pub mod id;
pub mod machine;
pub mod position;
pub mod rules;
pub mod wal;

/// Turns a value of our own types into JSON for [`evidence!`]; such values always serialise.
#[doc(hidden)]
pub fn explain_value<T: serde::Serialize>(value: &T) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or(serde_json::Value::Null)
}
