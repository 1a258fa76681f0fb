//! What each step does, in the order in which a node does it, with the rules of `core` asked where a node asks
//! them. A step that nothing comes of gives `None`.

mod bootstrap;
mod bounds;
pub(crate) mod command;
mod crash;
mod decline;
mod discard;
mod follow;
pub(crate) mod promote;
mod pull;
mod serve;
mod take;
mod write;
