//! The log against the machine's own floor, in one run: appends, group commit, verification, replay.
//!
//! ```text
//! cargo bench -p aerodb-node --bench log
//! ```
//!
//! - [`append`]: one writer; latency of an append beside a bare loop of `pwrite` and `fdatasync`
//! - [`group`]: 64 writers through the WAL's owner beside a bare loop with the same bytes in each fsync
//! - [`verify`]: bytes a second of verification and of replay, on one core
//!
//! What is compared takes turns, so that what else the machine does falls on all of it; the median of the
//! ratios counts. Figures of different runs do not compare.

mod append;
mod group;
mod place;
#[path = "../support/mod.rs"]
mod support;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// As in the shipped binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What ends a benchmark: there is nobody to decide anything by it.
type Failed = Box<dyn std::error::Error>;

#[derive(Debug, Parser)]
struct Arguments {
    /// Rounds of each comparison.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// The disk to measure: all files lie below this directory.
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    dir: PathBuf,
    /// Only this part: append, group or verify.
    #[arg(long)]
    only: Option<String>,
    /// What `cargo bench` passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("log: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failed> {
    // As `serve` does.
    rustix::thread::disable_transparent_huge_pages(true)?;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores, files in {}", arguments.dir.display());
    println!("medians of {} rounds", arguments.rounds);
    let wanted = |part| arguments.only.as_deref().is_none_or(|only| only == part);
    let place = tempfile::tempdir_in(&arguments.dir)?;
    if wanted("append") {
        append::run(&place.path().join("append"), arguments.rounds)?;
    }
    if wanted("group") {
        group::run(&place.path().join("group"), arguments.rounds)?;
    }
    if wanted("verify") {
        verify::run(&place.path().join("verify"), arguments.rounds)?;
    }
    Ok(())
}
