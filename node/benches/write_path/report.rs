//! The table.

use std::path::Path;

use crate::load::Figures;
use crate::support::{median, verdict};

/// The 99th percentile at 64 clients may be so many times that of the bare server.
const P99_CLIENTS: usize = 64;
const P99_TIMES_MAX: f64 = 2.5;

/// All turns with one number of clients: the bare server's figures, then the node's.
pub(crate) struct Level {
    pub(crate) clients: usize,
    pub(crate) target: f64,
    pub(crate) rounds: Vec<(Figures, Figures)>,
}

impl Level {
    fn median(&self, of: impl Fn(&(Figures, Figures)) -> f64) -> f64 {
        median(&self.rounds, of)
    }
}

pub(crate) fn heading(value_bytes: usize, rounds: usize, turn_ms: u64, place: &Path) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("durable puts of {value_bytes} bytes, {cores} cores, files in {}", place.display());
    println!("medians of {rounds} pairs of turns of {turn_ms} ms");
    println!("{:>7} {:>29} {:>29} {:>17} {:>17}", "", "bare server", "AeroDB", "rate", "p99");
    println!(
        "{:>7} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7} {:>9} {:>7}",
        "clients",
        "puts/s",
        "p50 us",
        "p99 us",
        "puts/s",
        "p50 us",
        "p99 us",
        "ratio",
        "target",
        "ratio",
        "target"
    );
}

pub(crate) fn line(level: &Level) {
    let rate = level.median(|(bare, node)| node.puts_per_second / bare.puts_per_second);
    let p99 = level.median(|(bare, node)| node.p99_us / bare.p99_us);
    let p99_max = (level.clients == P99_CLIENTS).then_some(P99_TIMES_MAX);
    let met = rate >= level.target && p99_max.is_none_or(|max| p99 <= max);
    println!(
        "{:>7} {:>9.0} {:>9.0} {:>9.0} {:>9.0} {:>9.0} {:>9.0} {rate:>9.2} {:>7.2} {p99:>9.2} {:>7} {}",
        level.clients,
        level.median(|(bare, _)| bare.puts_per_second),
        level.median(|(bare, _)| bare.p50_us),
        level.median(|(bare, _)| bare.p99_us),
        level.median(|(_, node)| node.puts_per_second),
        level.median(|(_, node)| node.p50_us),
        level.median(|(_, node)| node.p99_us),
        level.target,
        p99_max.map_or_else(String::new, |max| format!("{max:.2}")),
        verdict(met),
    );
}
