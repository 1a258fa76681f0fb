//! Group commit: 64 writers that each have one put under way, through the WAL's owner as in a running node,
//! beside a bare loop that writes as many bytes in each fsync.
//!
//! The writers are tasks on one thread, as the connections of a node are. A put is done when it is durable,
//! in the store, acknowledged, and its writer told; what it hides is pruned, as in a running node. A first turn is not
//! counted: until as much is retained as a node retains, all memory is new. The bare loop's turn follows: it writes as
//! many bytes in each fsync as the turn before had on average, and counts as many puts for each.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aerodb_core::authority::Authority;
use aerodb_core::decision::acknowledge::Floor;
use aerodb_core::decision::tenure::Tenure;
use aerodb_core::machine::{RoleEvent, Step, WalWriter};
use aerodb_node::checkpoint::Trigger;
use aerodb_node::machines::Machines;
use aerodb_node::open::Opened;
use aerodb_node::store::Pruner;
use aerodb_node::wal::{
    Acknowledgements, Answer, Applier, Cursors, FailureSink, Job, Mode, Outcome, Owner,
    OwnerHandle, Receiver, Stages, Ticket, Validator, Write, spawn,
};
use tokio::sync::oneshot;

use crate::Failed;
use crate::place::{BareLoop, opened, put};
use crate::support::{BLOCK_BYTES, median, verdict};

const WRITERS: u64 = 64;
const VALUE_BYTES: usize = 100;
const TURN: Duration = Duration::from_millis(700);
/// The share of the bare loop's throughput that is to be reached.
const SHARE_MIN: f64 = 0.90;

struct Round {
    puts_per_second: f64,
    puts_per_fsync: f64,
    bytes_per_fsync: f64,
    bare_puts_per_second: f64,
}

pub(crate) fn run(dir: &Path, rounds: usize) -> Result<(), Failed> {
    println!("\ngroup commit, {WRITERS} writers of {VALUE_BYTES} bytes");
    println!(
        "{:>12} {:>12} {:>12} {:>12} {:>7} {:>7}",
        "puts/fsync", "bytes/fsync", "bare puts/s", "puts/s", "ratio", "target"
    );
    let mut bare = BareLoop::new(dir)?;
    let node = opened(&dir.join("node"))?;
    let reader = node.wal.reader();
    let frames = || -> (u64, u64) {
        reader.segments().iter().fold((0, 0), |(bytes, frames), segment| {
            (bytes + segment.used_bytes, frames + segment.frames)
        })
    };
    let owner = owner(node)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(turn(&owner))?;
    let mut done = Vec::new();
    for _ in 0..rounds {
        let before = frames();
        let puts_per_second = runtime.block_on(turn(&owner))?;
        let after = frames();
        let (bytes, fsyncs) = ((after.0 - before.0) as f64, (after.1 - before.1) as f64);
        let puts_per_fsync = puts_per_second * TURN.as_secs_f64() / fsyncs;
        let bytes_per_fsync = bytes / fsyncs;
        let bare_puts_per_second = puts_per_fsync * bare_turn(&mut bare, bytes_per_fsync)?;
        done.push(Round { puts_per_second, puts_per_fsync, bytes_per_fsync, bare_puts_per_second });
    }
    line(&done);
    Ok(())
}

/// The WAL's owner of a holder without obligation, on its own thread, and a pruner on another.
fn owner(opened: Opened) -> Result<OwnerHandle, Failed> {
    let authority: &Authority = opened.ledger.authority();
    let (epoch, stamp) = (authority.epoch(), authority.head());
    let machines = Machines::default();
    let event = RoleEvent::LedgerNamesThisNode { epoch };
    let write = machines.role.must_step_with(&machines.journal, &event, Step::into_authority);
    let authority = write.ok_or("the role gives no authority")?;
    machines.writer.renew(WalWriter::Open { epoch });
    let tip = opened.replayed.standing.tip;
    let acks = Arc::new(Acknowledgements::<Answer>::new(tip.boundary, None, None));
    acks.hold(Tenure::new(None, Floor::Known(tip.boundary), stamp.seq, None));
    let node = opened.identity.node_id.clone();
    let bounds = Arc::clone(&acks);
    let pruner = Pruner {
        store: opened.replayed.store.store().clone(),
        retain_commits: opened.config.retain_commits,
        acknowledged: Box::new(move || bounds.bounds().acknowledged),
        // One record for each eighth of what is retained: as good as nothing of what the disk does here.
        record: Box::new(|_| true),
    };
    std::thread::Builder::new().name("pruner".to_owned()).spawn(move || pruner.run())?;
    let standing = opened.replayed.standing;
    let cursors = Arc::new(Cursors::new(tip.boundary));
    let owner = Owner {
        receiver: Receiver::new(opened.wal, standing.received, Trigger::never()),
        validator: Validator::new(tip, standing.epochs, Arc::clone(&cursors)),
        applier: Applier::new(opened.replayed.store, tip.boundary, cursors),
        acks,
        stages: Stages { node, machine: Arc::clone(&machines.pipeline) },
        writer: Arc::clone(&machines.writer),
        journal: Arc::clone(&machines.journal),
        group_commit_max: opened.config.group_commit_max,
        failed: FailureSink(Box::new(|failure| panic!("{failure:?}"))),
        has_failed: false,
    };
    Ok(spawn(owner, Mode::Holder { authority, stamp }, None)?)
}

/// Puts a second.
async fn turn(owner: &OwnerHandle) -> Result<f64, Failed> {
    let end = Instant::now() + TURN;
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| tokio::spawn(writer(owner.clone(), number * 1000, end)))
        .collect();
    let mut puts = 0;
    for writer in writers {
        puts += writer.await?;
    }
    Ok(puts as f64 / TURN.as_secs_f64())
}

/// Counts the puts that were done before the end.
async fn writer(owner: OwnerHandle, from: u64, end: Instant) -> u64 {
    let mut puts = 0;
    loop {
        let (reply, answer) = oneshot::channel();
        let ops = vec![put(from + puts % 1000, VALUE_BYTES)];
        let write = Write { conditions: Vec::new(), ops, needs_key: false };
        let _under_way = owner.enter();
        let job = owner.job(write, Ticket::default(), reply);
        if !owner.send(Job::Write(job)).await {
            return puts;
        }
        let done = matches!(answer.await, Ok((Ok(Outcome::Committed { .. }), Ok(_))));
        if !done || Instant::now() > end {
            return puts;
        }
        puts += 1;
    }
}

/// Fsyncs a second.
fn bare_turn(bare: &mut BareLoop, bytes: f64) -> Result<f64, Failed> {
    let (blocks, mut carried, mut fsyncs) = (bytes / BLOCK_BYTES as f64, 0.0, 0_u32);
    let started = Instant::now();
    while started.elapsed() < TURN {
        // Whole blocks each time, and the same number of them over the turn.
        carried += blocks;
        let now = carried.floor().max(1.0);
        carried -= now;
        bare.write(now as usize * BLOCK_BYTES)?;
        fsyncs += 1;
    }
    Ok(f64::from(fsyncs) / started.elapsed().as_secs_f64())
}

fn line(rounds: &[Round]) {
    let ratio = median(rounds, |round| round.puts_per_second / round.bare_puts_per_second);
    println!(
        "{:>12.1} {:>12.0} {:>12.0} {:>12.0} {ratio:>7.2} {SHARE_MIN:>7.2} {}",
        median(rounds, |round| round.puts_per_fsync),
        median(rounds, |round| round.bytes_per_fsync),
        median(rounds, |round| round.bare_puts_per_second),
        median(rounds, |round| round.puts_per_second),
        verdict(ratio >= SHARE_MIN),
    );
}
