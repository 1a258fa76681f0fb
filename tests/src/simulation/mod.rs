//! Whole clusters of the shipped node, in one thread and without real time: each node's parts are carried step
//! by step ([`aerodb_node::serve::Stepwise`]) over a disk that fails on request and a network that is a list of
//! messages. What happens next is an [`Action`]; a run is a list of them, drawn from a seed or given.
//!
//! - [`Cluster`] carries out one action; [`Generator`] draws the next one
//! - [`Watched`] is a cluster with the [`Oracles`], which look after each action whether anything that must hold does
//!   not
//! - [`run()`] is one seed; [`shrink()`] makes the transcript of a violation short
//!
//! Nothing of the node is written again here: a start is the production `open` and `assemble`, clients and
//! operators enter at the routes' port, replicas pull through the production puller and pull server.

mod action;
mod client;
mod cluster;
mod generator;
mod network;
mod node;
mod operator;
mod oracle;
mod run;
mod shrink;
mod story;
mod temper;
mod watched;
mod world;

pub use action::{Action, Condition, DiskFault, Naming, Reading};
pub use client::{Asked, Done};
pub use cluster::{Cluster, Event};
pub use generator::Generator;
pub use oracle::{Oracles, Violation};
pub use run::{Run, Totals, play, replay, run};
pub use shrink::shrink;
pub use temper::{Mutant, Part, Starved, Temper};
pub use watched::Watched;
