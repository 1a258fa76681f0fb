//! How fast a log is read back, on one core: verification, as `aerodb wal verify` does it, and replay into
//! the store, as a start does it, over puts of 1 KiB.
//!
//! The log is written twice: one put in each batch, as a lone writer leaves it (a batch owns whole blocks of
//! 4 KiB, so a quarter of what is read is the put), and 64 in each, as group commit leaves it. Every byte of
//! a log is read and checked, so the rate is that of the log's bytes; the rate of the puts' own bytes stands
//! beside it. `read` is the floor: reading the same files and nothing else.

use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::time::Instant;

use aerodb_ledger::disk::RealDisk;
use aerodb_ledger::log::Witness;
use aerodb_ledger::verify::{Integrity, Known, verify_authority, verify_wal};
use aerodb_ledger::wal::scan_read_only;
use aerodb_node::open::Opened;
use aerodb_node::replay::Replay;
use aerodb_node::store::Store;

use crate::Failed;
use crate::place::{append, log_size, opened};
use crate::support::{median, verdict};

const VALUE_BYTES: usize = 1024;
/// How much of a log is written for it.
const LOG_BYTES: u64 = 192 << 20;
const GB_PER_SECOND_MIN: f64 = 1.0;

struct Round {
    read: f64,
    verify: f64,
    replay: f64,
}

pub(crate) fn run(dir: &Path, rounds: usize) -> Result<(), Failed> {
    println!("\nreading back a log of puts of {VALUE_BYTES} bytes, GB/s of log (GB/s of values)");
    println!(
        "{:>12} {:>12} {:>7} {:>15} {:>15} {:>7}",
        "puts/batch", "log MB", "read", "verify", "replay", "target"
    );
    fs::create_dir_all(dir)?;
    for puts in [1, 64] {
        one(&dir.join(puts.to_string()), rounds, puts)?;
    }
    Ok(())
}

fn one(dir: &Path, rounds: usize, puts: u64) -> Result<(), Failed> {
    let mut node = opened(dir)?;
    let mut tip = node.replayed.standing.tip;
    while log_size(&node).0 < LOG_BYTES {
        tip = append(&mut node, &tip, puts, VALUE_BYTES)?;
    }
    let log_bytes = log_size(&node).0 as f64;
    let value_bytes = tip.boundary.get() as f64 * VALUE_BYTES as f64;
    let done: Vec<_> = (0..rounds).map(|_| round(&node, log_bytes)).collect::<Result<_, _>>()?;
    let verify = median(&done, |round| round.verify);
    let share = value_bytes / log_bytes;
    let rate = |gb: f64| format!("{gb:.2} ({:.2})", gb * share);
    println!(
        "{puts:>12} {:>12.0} {:>7.2} {:>15} {:>15} {GB_PER_SECOND_MIN:>7.2} {}",
        log_bytes / 1e6,
        median(&done, |round| round.read),
        rate(verify),
        rate(median(&done, |round| round.replay)),
        verdict(verify >= GB_PER_SECOND_MIN),
    );
    Ok(())
}

fn round(node: &Opened, log_bytes: f64) -> Result<Round, Failed> {
    let rate = |started: Instant| log_bytes / 1e9 / started.elapsed().as_secs_f64();
    let (dir, authority) = (node.dir.wal(), node.ledger.authority());
    let owner = node.identity.key().public_key();
    let known = Known { owner: Some(&owner), ..Known::default() };
    let nothing = &mut |_| Ok::<(), Infallible>(());
    let Ok(ledger) = verify_authority(&RealDisk, &node.dir.authority_ledger(), &known, nothing);

    let started = Instant::now();
    read(&dir)?;
    let read = rate(started);

    let started = Instant::now();
    let report = verify_wal(&RealDisk, &dir, &known, &ledger, None);
    let verify = rate(started);
    if report.integrity != Integrity::Ok {
        return Err(format!("{:?}", report.integrity).into());
    }

    let started = Instant::now();
    let mut replay = Replay::new(authority, Store::empty().0, None);
    scan_read_only(&RealDisk, &dir, Some(&owner), None, Witness::default(), &mut |raw| {
        replay.take(&raw)
    })?;
    let replayed = replay.finish(None)?;
    let replay = rate(started);
    match replayed.rejected {
        Some(divergence) => Err(divergence.into()),
        None => Ok(Round { read, verify, replay }),
    }
}

fn read(dir: &Path) -> Result<(), Failed> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        // The next segment may be in the making, under another name.
        if path.extension().is_some_and(|ending| ending == "seg") {
            std::hint::black_box(fs::read(path)?);
        }
    }
    Ok(())
}
