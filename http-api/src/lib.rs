//! The wire contract of AeroDB: what is said over HTTP, and nothing of how it is done.
//!
//! - [`types`], [`envelope`], [`problem`], [`code`]: what is said
//! - [`route`], [`Site`], [`extract`]: how requests are read and where they go
//! - [`openapi`]: all of it described
//! - [`port`]: what the routes need of a node
//! - [`stream`]: what replicas pull
//! - [`server`], [`threads`], [`connection`]: the listener, who serves, and the life of a connection
//! - `front`: requests on keys, served without hyper
//! - [`alarm`] says when a deadline has passed
//! - [`client`]: the other end

pub mod alarm;
pub mod client;
pub mod code;
pub mod connection;
pub mod envelope;
pub mod extract;
mod front;
mod malformed;
pub mod openapi;
pub mod port;
pub mod problem;
pub mod route;
mod router;
mod routes;
pub mod server;
mod site;
pub mod stream;
pub mod threads;
pub mod types;

pub use site::Site;
