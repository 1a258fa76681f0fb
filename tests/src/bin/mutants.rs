//! What became of the mutants: `cargo run -p aerodb-tests --bin mutants -- DIR...`, each the `mutants.out` of a run of
//! cargo-mutants (`tests/mutation/run`). Names every survivor; refuses when one is not argued in docs/mutants.toml.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aerodb_tests::mutation::{MutationFault, Outcome, argued};
use clap::Parser;

#[derive(Debug, Parser)]
struct Arguments {
    /// The directories, of runs over the same sources.
    #[arg(required = true)]
    outcomes: Vec<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, MutationFault> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut outcome = Outcome::default();
    for out in &arguments.outcomes {
        outcome.add(&root, out)?;
    }
    let unargued = outcome.unargued(&argued(&root)?);
    println!("{outcome}");
    for mutant in &unargued {
        println!("not argued: {mutant}");
    }
    Ok(if unargued.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
