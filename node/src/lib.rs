//! The AeroDB node.
//!
//! Data flows one way: request, decision, append, publish, explain.
//!
//! - [`config`], [`identity`], [`directory`]: what lies in a data directory beside the logs
//! - [`open`], [`replay`]: reading it all back at start; [`damage`]: why that is refused
//! - [`wal`]: the WAL's one owner; writes and received batches go through it
//! - [`store`]: the versions of all keys in memory
//! - [`supervisor`]: the owner of role, ledgers, latch and promotion
//! - [`replication`]: pulling, and serving pulls
//! - [`http`]: what the routes ask of the node
//! - [`serve`]: putting the parts together, and running them
//! - [`journal`], [`log`]: what happened, for those who look on
//! - [`world`]: the disk, the clock, chance and the other nodes, as ports
//! - [`cli`], [`demo`], [`offline`]: what an operator types
//!
//! Keeps: P3-T6, PERF-DET-3.

pub mod attempts;
pub mod bootstrap;
pub mod checkpoint;
pub mod cli;
pub mod clock;
pub mod config;
pub mod damage;
pub mod declines;
pub mod demo;
pub mod directory;
pub mod discard;
pub mod evidence;
pub mod halts;
pub mod http;
pub mod identity;
pub mod journal;
pub mod log;
pub mod machines;
pub mod offline;
pub mod open;
pub mod parted;
pub mod recovery;
pub mod replay;
pub mod replication;
pub mod retention;
#[cfg(test)]
mod scene;
pub mod serve;
pub mod shared;
pub mod stopped;
pub mod store;
pub mod supervisor;
pub mod view;
pub mod wal;
mod witness;
pub mod world;
