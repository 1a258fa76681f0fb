//! One writer: each append of one put beside one write of as many blocks and its fsync.
//!
//! An append is all that stands between a checked request and its durability: forming the batch with its
//! checksums and its place in the history's chain, forming the frame, one write, one fsync, the index. The
//! bare loop writes what lies on the disk afterwards, whole blocks, into a file of zeros. The two take
//! turns one by one.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::Failed;
use crate::place::{BareLoop, append, log_size, opened};
use crate::support::{BLOCK_BYTES, median, verdict};

/// An append may take so many times as long as the bare loop.
const TIMES_MAX: f64 = 1.10;
/// Pairs in one round.
const PAIRS: usize = 400;

struct Round {
    bare_us: f64,
    append_us: f64,
    bare_p99_us: f64,
    append_p99_us: f64,
}

pub(crate) fn run(dir: &Path, rounds: usize) -> Result<(), Failed> {
    println!("\none writer, each append synced");
    println!(
        "{:>12} {:>11} {:>11} {:>11} {:>11} {:>7} {:>7}",
        "bytes", "bare p50", "append p50", "bare p99", "append p99", "ratio", "target"
    );
    for value_bytes in [100, 1024] {
        line(value_bytes, &measure(&dir.join(value_bytes.to_string()), rounds, value_bytes)?);
    }
    Ok(())
}

fn measure(dir: &Path, rounds: usize, value_bytes: usize) -> Result<Vec<Round>, Failed> {
    let mut bare = BareLoop::new(dir)?;
    let mut node = opened(&dir.join("node"))?;
    let start = node.replayed.standing.tip;
    let mut tip = append(&mut node, &start, 1, value_bytes)?;
    let frame_bytes = usize::try_from(log_size(&node).0)?.next_multiple_of(BLOCK_BYTES);
    let mut done = Vec::new();
    for _ in 0..rounds {
        let (mut bare_took, mut append_took) = (Vec::new(), Vec::new());
        for _ in 0..PAIRS {
            bare_took.push(bare.write(frame_bytes)?);
            let started = Instant::now();
            tip = append(&mut node, &tip, 1, value_bytes)?;
            append_took.push(started.elapsed());
        }
        let ((bare_us, bare_p99_us), (append_us, append_p99_us)) =
            (percentiles(bare_took), percentiles(append_took));
        done.push(Round { bare_us, append_us, bare_p99_us, append_p99_us });
    }
    Ok(done)
}

/// The 50th and the 99th, in microseconds.
fn percentiles(mut took: Vec<Duration>) -> (f64, f64) {
    took.sort_unstable();
    let at = |share: usize| took[took.len() * share / 100].as_secs_f64() * 1e6;
    (at(50), at(99))
}

fn line(value_bytes: usize, rounds: &[Round]) {
    let ratio = median(rounds, |round| round.append_us / round.bare_us);
    println!(
        "{value_bytes:>12} {:>8.1} us {:>8.1} us {:>8.1} us {:>8.1} us {ratio:>7.2} {TIMES_MAX:>7.2} {}",
        median(rounds, |round| round.bare_us),
        median(rounds, |round| round.append_us),
        median(rounds, |round| round.bare_p99_us),
        median(rounds, |round| round.append_p99_us),
        verdict(ratio <= TIMES_MAX),
    );
}
