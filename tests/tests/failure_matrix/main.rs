//! The rows of SPEC/PHASE5_FAILURE_MATRIX on the real binary, one file each.

mod f_o1;
mod f_rs1;
mod f_rs2;

use std::path::PathBuf;

use aerodb_tests::{Answer, assert_golden};

/// Compares the explanation that a refusal carries with the golden one.
#[track_caller]
pub(crate) fn explained(refused: &Answer, golden: &str) {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/failure_matrix/golden");
    assert_golden(dir.join(format!("{golden}.json")), &refused.body["explanation"]);
}
