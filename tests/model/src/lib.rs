//! The rules of `core`, explored: every order of steps of a small cluster, breadth-first, and what must hold in
//! each state that is reached.
//!
//! A step calls the functions that a running node calls: the fold over the authority ledger, the decisions, the
//! bounds, the machines. There is no second copy of a rule here; what is here is who may act when, what a crash
//! keeps, and what a network may do. `docs/model.md` says what was explored and what was caught.
//!
//! - [`scope`]: how large a cluster is explored
//! - [`world`]: ledgers, histories and tenures as small numbers, each standing for a real value of `core`
//! - [`state`]: a cluster at one moment
//! - [`action`], [`cluster`], [`steps`]: what can happen, and what it leads to; `settle` makes equal what differs in nothing that
//!   matters
//! - [`observe`], [`property`]: what must hold
//! - [`mutant`]: known ways to get it wrong, each of which must be caught
//! - [`run`], [`report`]: the exploration, and its figures as a document

pub mod action;
pub mod cluster;
pub mod mutant;
pub mod observe;
pub mod property;
pub mod report;
pub mod run;
pub mod scope;
mod settle;
pub mod state;
pub mod steps;
pub mod world;
