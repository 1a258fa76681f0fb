//! SPEC/PHASE5_FAILURE_MATRIX, row by row, on the shipped binary: each test is named after its row, and
//! checks the outcome, what is visible, and the explanation. Explanations are compared with the files in
//! `golden/`; `AERODB_GOLDEN=write` writes these anew.
//!
//! Needs the crash points: `cargo test -p aerodb-tests --features crash-points --test failure_matrix`

mod application;
mod checkpoint;
mod f_o1;
mod f_rs1;
mod f_rs2;
mod forbidden;
mod golden;
mod intervention;
mod primary;
mod pruning;
mod receiver;
mod recovery;
mod rows;
mod snapshot;
mod stage;
mod validation;
