//! A cluster of real nodes for tests: the shipped binary as child processes, loopback HTTP, real
//! directories. Waiting is always for a state. Concurrent clients, and a judge of what they saw: [`clients`]. Every
//! decoder, for fuzzing: [`decoders`]. Every rule with what enforces and proves it: [`audit`]. Clusters in one
//! thread, over a disk and a network that fail as a seed says: [`simulation`]. And which changes to the code no test
//! notices: [`mutation`].

pub mod audit;
mod binary;
pub mod clients;
mod cluster;
pub mod decoders;
pub mod golden;
mod http;
pub mod mutation;
mod node;
mod points;
pub mod proxy;
pub mod simulation;
pub mod steady;

pub use binary::{Output, aerodb, path as binary_path};
pub use cluster::{Cluster, configured, founder_dir, join};
pub use http::{Answer, send, send_within};
pub use node::{Node, directory_digest};
pub use points::{Hold, command_dies_at, hits};
