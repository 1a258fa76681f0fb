//! What a checkpoint costs those who write meanwhile, and how soon a killed node serves again.
//!
//! ```text
//! cargo bench -p aerodb-node --bench checkpoint
//! ```
//!
//! One run, one machine, the shipped binary with 1,000,000 keys of 100 bytes:
//!
//! - `kill -9`, then the time from the start of the process to the first value read over HTTP: from the log
//!   alone, and later from a checkpoint
//! - the p99 of durable puts while one checkpoint follows the other, against the p99 without; turns of both
//!   kinds alternate, and the median of the ratios counts. Ten clients and one
//! - what the node counts as the memory of its store, against what is resident

mod node;

#[path = "../write_path/load.rs"]
mod load;
#[path = "../write_path/stream.rs"]
mod stream;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "not everything is needed here")]
mod support;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use clap::Parser;

use crate::load::{Figures, Load};
use crate::node::Process;
use crate::support::{median, verdict};

/// A put may take so much longer while a checkpoint is taken, at the p99.
const RATIO_MAX: f64 = 2.0;

#[derive(Debug, Parser)]
struct Arguments {
    /// Keys in the store.
    #[arg(long, default_value_t = 1_000_000)]
    keys: u32,
    /// Pairs of turns, without and with checkpoints.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long a turn is measured, in milliseconds.
    #[arg(long, default_value_t = 4000)]
    turn_ms: u64,
    /// The disk to measure.
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    dir: PathBuf,
    /// What `cargo bench` passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match measure(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("checkpoint: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> io::Result<()> {
    let place = tempfile::tempdir_in(&arguments.dir)?;
    let mut node = Process::start(&place.path().join("n1"))?;
    let loaded = node.fill(arguments.keys)?;
    println!("{} keys written in {:.1} s", arguments.keys, loaded.as_secs_f64());
    println!("memory: {}", node.memory()?);
    restarts(&mut node, "from the log alone")?;

    for clients in [1, 10] {
        with_and_without(arguments, &node, clients)?;
    }
    println!("last checkpoint: {}", node.checkpoint()?);
    restarts(&mut node, "from a checkpoint")?;
    println!("memory: {}", node.memory()?);
    Ok(())
}

fn restarts(node: &mut Process, what: &str) -> io::Result<()> {
    let taken: Vec<f64> = (0..3)
        .map(|_| node.kill_and_read().map(|taken| taken.as_secs_f64()))
        .collect::<io::Result<_>>()?;
    println!("kill -9 to first read, {what}: {taken:.2?} s");
    Ok(())
}

fn with_and_without(arguments: &Arguments, node: &Process, clients: usize) -> io::Result<()> {
    let turn = Duration::from_millis(arguments.turn_ms);
    let load = Load { clients, value_bytes: 100, turn, warm_up: turn / 10 };
    let mut pairs = Vec::new();
    for _ in 0..arguments.rounds.max(1) {
        let without = load.run(node.port)?;
        let (with, taken) = beside_checkpoints(node, &load)?;
        println!("{clients:>3} clients without {without}");
        println!("{clients:>3} clients with    {with}, {taken} checkpoints");
        pairs.push((without, with));
    }
    let ratio = median(&pairs, |(without, with)| with.p99_us / without.p99_us);
    let met = verdict(ratio <= RATIO_MAX);
    println!("{clients:>3} clients: p99 {ratio:.2} times, at most {RATIO_MAX} wanted: {met}");
    Ok(())
}

/// A turn during all of which checkpoints are taken, one after the other.
fn beside_checkpoints(node: &Process, load: &Load) -> io::Result<(Figures, usize)> {
    let (over, taken) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let taking = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                node.checkpoint()?;
                taken.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<(), io::Error>(())
        });
        let figures = load.run(node.port);
        over.store(true, Ordering::Relaxed);
        taking.join().unwrap_or_else(|_| Err(io::Error::other("a checkpoint panicked")))?;
        Ok((figures?, taken.load(Ordering::Relaxed)))
    })
}
