//! What the benchmarks against the machine's floor have in common.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// The shipped binary, in the profile of this benchmark.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_aerodb");

/// What a disk is written in multiples of.
pub(crate) const BLOCK_BYTES: usize = 4096;

/// A file of zeros that were really written and synced, so that no later write has to allocate.
pub(crate) fn zero_filled(path: &Path, bytes: usize) -> io::Result<File> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    let zeros = vec![0; 1 << 20];
    for _ in 0..bytes / zeros.len() {
        file.write_all(&zeros)?;
    }
    file.sync_all()?;
    Ok(file)
}

/// Founds a cluster with a data directory of its own.
pub(crate) fn found(dir: &Path, listen: &str) -> io::Result<()> {
    let made = Command::new(BINARY)
        .arg("init")
        .arg("--data-dir")
        .arg(dir)
        .args(["--node-id", "n1", "--listen", listen])
        .stdout(Stdio::null())
        .status()?;
    if made.success() { Ok(()) } else { Err(io::Error::other(format!("aerodb init: {made}"))) }
}

/// The median of what the rounds gave; not a number without any.
pub(crate) fn median<R>(rounds: &[R], of: impl Fn(&R) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What the last column of a table says.
pub(crate) const fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}
