//! The crash matrix, row by row: each test begins with the row that it is of, M-W, M-C, M-R, M-O and M-P. Which
//! boundaries a row has, which points stand for them, and which tests come to each is in
//! `tests/crash_matrix.toml`; `tests/tests/crash_matrix.rs` checks that nothing is missing there.

mod bootstrap;
mod checkpoint;
mod damage;
mod observe;
mod pair;
mod promotion;
mod recovery;
mod replica;
mod seal;
mod writes;
