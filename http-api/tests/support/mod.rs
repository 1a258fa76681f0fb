//! A node that is nothing but a map, behind a real listener, and requests written byte by byte.
// Each test file uses its own part, and a helper that fails is a failed test.
#![allow(dead_code, unused_imports, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

mod data;
mod fake;
mod served;

pub use data::*;
pub use fake::FakeNode;
pub use served::*;
