//! What it costs to hand a batch from one stage of a replica to the next.
//!
//! ```text
//! cargo bench -p aerodb-node --bench hand_over
//! ```
//!
//! A replica's receiver, validator and applier stand on the thread of the log and hand over by value. With a thread
//! and a queue each, two threads more would be woken for every batch, and the third would wake whoever sends the
//! receipt: that is what a paired write waits for. Here a block is written and fsynced, as the receiver does, and
//! then goes through both: the time from the end of the fsync until the sender of the receipt has it. The stages do
//! nothing, which is the same for both. They take turns one by one, as the device and the machine change.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;

const BLOCK: [u8; 4096] = [7; 4096];
/// Blocks in the file, written one after the other and around.
const BLOCKS: u64 = 256;

#[derive(Debug, Parser)]
struct Arguments {
    /// Batches of each kind.
    #[arg(long, default_value_t = 4000)]
    batches: usize,
    /// The disk to measure.
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    dir: PathBuf,
    /// What `cargo bench` passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What goes from stage to stage: when it became durable.
type Batch = Instant;

fn main() -> ExitCode {
    match measure(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hand_over: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> io::Result<()> {
    let file = tempfile::tempfile_in(&arguments.dir)?;
    for block in 0..BLOCKS {
        file.write_all_at(&BLOCK, block * BLOCK.len() as u64)?;
    }
    file.sync_all()?;
    let (mut by_value, mut queued) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let (to_sender, sender) = channel();
        let (to_applier, applier) = channel();
        let (to_validator, validator) = channel();
        scope.spawn(move || pass(&validator, &to_applier));
        let by_queue = to_sender.clone();
        scope.spawn(move || pass(&applier, &by_queue));
        // Both end with the one who sends the receipt, which is another thread in either case.
        let (to_log, log) = channel();
        scope.spawn(move || receipts(&sender, &to_log));
        for batch in 0..arguments.batches {
            for (way, took) in [(&to_sender, &mut by_value), (&to_validator, &mut queued)] {
                took.push(one(&file, batch, way, &log)?);
            }
        }
        Ok::<(), io::Error>(())
    })?;
    let ((one_p50, one_p99), (three_p50, three_p99)) = (percentiles(by_value), percentiles(queued));
    println!("from the fsync to the sender of the receipt, {} batches each:", arguments.batches);
    println!("  by value, one hand-over      p50 {one_p50:>6.1} us, p99 {one_p99:>6.1} us");
    println!("  by queues, three hand-overs  p50 {three_p50:>6.1} us, p99 {three_p99:>6.1} us");
    println!("  a hand-over more             p50 {:>6.1} us", (three_p50 - one_p50) / 2.0);
    Ok(())
}

/// Makes one batch durable, and gives how long it then took to the sender of the receipt.
fn one(
    file: &File,
    batch: usize,
    way: &Sender<Batch>,
    log: &Receiver<Duration>,
) -> io::Result<Duration> {
    file.write_all_at(&BLOCK, (batch as u64 % BLOCKS) * BLOCK.len() as u64)?;
    file.sync_data()?;
    let gone = |_| io::Error::other("a stage has ended");
    way.send(Instant::now()).map_err(|_| io::Error::other("a stage has ended"))?;
    log.recv().map_err(gone)
}

/// A stage: waits for a batch, and hands it on.
fn pass(queue: &Receiver<Batch>, next: &Sender<Batch>) {
    while let Ok(batch) = queue.recv() {
        if next.send(batch).is_err() {
            return;
        }
    }
}

fn receipts(queue: &Receiver<Batch>, log: &Sender<Duration>) {
    while let Ok(durable) = queue.recv() {
        if log.send(durable.elapsed()).is_err() {
            return;
        }
    }
}

/// The 50th and the 99th, in microseconds.
fn percentiles(mut took: Vec<Duration>) -> (f64, f64) {
    took.sort_unstable();
    let at = |share: usize| took[took.len() * share / 100].as_secs_f64() * 1e6;
    (at(50), at(99))
}
