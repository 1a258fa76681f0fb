//! The commands that read a node's logs without the node: each on a healthy directory, on a copy, and on
//! everything that a directory can be instead.

mod completeness;
mod damage;
mod diff;
mod show;
mod stage;
mod unreadable;
