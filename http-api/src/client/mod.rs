//! The typed client: what the command line and the replica speak with.
//!
//! It does exactly what it is told, once: no retries, no redirects, no proxy, no second address.

mod command;
mod error;
mod inspect;
mod kv;
mod pull;
mod transport;

pub use error::ClientError;
pub use kv::{PutIf, Read, ReadOptions, ScanOptions};
pub use pull::PullConnection;
pub use transport::Client;
