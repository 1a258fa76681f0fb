//! The `aerodb` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    aerodb_node::cli::main()
}
