//! The simulation, bounded: what `simulate --seeds N` does for as long as one likes. And the oracles themselves:
//! known bugs are put back, and are found.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use aerodb_tests::simulation::{
    Action, Mutant, Part, Run, Starved, Temper, Totals, play, replay, run, shrink,
};

/// So many seeds must show what is wrong with a known bug put back.
const FOUND_WITHIN: u64 = 60;
const SEEDS: u64 = 120;
const STARVED_SEEDS: u64 = 8;

/// Runs seeds on all processors until one of them violates something.
fn first_found(seeds: u64, mutant: Option<Mutant>) -> (Option<Run>, Totals) {
    let (next, found) = (AtomicU64::new(0), Mutex::new(None));
    let totals = Mutex::new(Totals::default());
    let lock = || found.lock().unwrap_or_else(PoisonError::into_inner);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || lock().is_some() {
                        return;
                    }
                    let run = run(seed, mutant);
                    totals.lock().unwrap().add(&run.totals);
                    if run.violation.is_some() {
                        *lock() = Some(run);
                    }
                }
            });
        }
    });
    let found = lock().take();
    (found, totals.into_inner().unwrap())
}

#[test]
fn ack_vis_prefix_census_latch_nothing_is_violated_whatever_happens_to_the_cluster() {
    let (found, totals) = first_found(SEEDS, None);
    if let Some(run) = found {
        let run = shrink(run);
        let violation = run.violation.as_ref().unwrap();
        panic!(
            "seed {}: {violation}\n{}\ncargo run --release -p aerodb-tests --bin simulate -- --seed {}",
            run.temper.seed,
            run.transcript.join("\n"),
            run.temper.seed
        );
    }
    // That nothing was found says something only of runs in which something happened.
    println!("{totals:?}");
    assert!(totals.acknowledged > 10 * SEEDS && totals.reads > SEEDS, "{totals:?}");
    assert!(totals.failovers > SEEDS / 8 && totals.crashes > SEEDS, "{totals:?}");
    assert!(totals.denied > 0 && totals.checkpoints > 0 && totals.halted > 0, "{totals:?}");
}

/// Each part of each node gets no turn for a whole run, through crashes and failovers, and is let on in the end: whoever
/// does not need it is answered meanwhile, everybody in the end, and nothing acknowledged is lost.
#[test]
fn p3_g12_a_part_that_gets_no_turn_throughout_brings_no_deadlock_no_wrong_result_and_no_loss() {
    let mut totals = Totals::default();
    for part in Part::ALL {
        for seed in 0..STARVED_SEEDS {
            let temper = Temper { paired: false, ..Temper::of(seed, None) };
            let node = usize::try_from(seed).unwrap() % temper.nodes;
            let run = play(Temper { starved: Some(Starved { node, part }), ..temper });
            let shown = || run.transcript.join("\n");
            assert!(
                run.violation.is_none(),
                "seed {seed}, n{} {part:?}: {:?}\n{}",
                node + 1,
                run.violation,
                shown()
            );
            totals.add(&run.totals);
        }
    }
    println!("{totals:?}");
    assert!(totals.acknowledged > totals.runs && totals.crashes > totals.runs, "{totals:?}");
}

#[test]
fn a_seed_gives_the_same_run_twice() {
    for seed in 0..12 {
        let (first, second) = (run(seed, None), run(seed, None));
        assert_eq!(first.transcript, second.transcript, "seed {seed}");
        assert_eq!(first.digest, second.digest, "seed {seed}");
    }
}

/// A new holder that is told to follow a node which is about to pull the grant: between two questions that node comes
/// to have it, and the ledgers have not parted. The holder once halted over it for good, with a write on its way.
#[test]
fn a_holder_that_follows_its_own_follower_is_refused_and_does_not_halt() {
    let actions = include_str!("replays/followed_by_its_own_follower.json");
    let actions: Vec<Action> = serde_json::from_str(actions).unwrap();
    let run = replay(&Temper::of(1626, None), &actions);
    let shown = run.transcript.join("\n");
    assert!(run.violation.is_none(), "{:?}\n{shown}", run.violation);
    assert_eq!((run.totals.failovers, run.totals.halted), (1, 0), "{shown}");
    assert!(shown.contains("n2 answers follow: COMMAND_REFUSED (P6-A2)"), "{shown}");
}

/// A replica's disk fails while it takes what it pulled, and a promotion stands in its supervisor's line before the word
/// of that. It was granted once, on a log whose end nobody knew any more, and the process stopped over its pipeline.
#[test]
fn wal_13_a_promotion_that_is_taken_up_before_the_word_of_a_failed_disk_is_not_decided() {
    let run = run(720_988, None);
    assert!(run.violation.is_none(), "{:?}\n{}", run.violation, run.transcript.join("\n"));
    assert!(run.totals.failovers == 1 && run.totals.crashes > 1, "{:?}", run.totals);
}

/// A deposed holder is told to follow, and to discard its suffix before it has come to halt over that: it halts, and then
/// does as it was told.
#[test]
fn latch_what_was_asked_before_a_halt_clears_it_too() {
    let actions = include_str!("replays/discard_asked_before_the_halt.json");
    let actions: Vec<Action> = serde_json::from_str(actions).unwrap();
    let run = replay(&Temper::of(703_074, None), &actions);
    let shown = run.transcript.join("\n");
    assert!(run.violation.is_none(), "{:?}\n{shown}", run.violation);
    assert!(shown.contains("n1 answers follow: HALTED (F-V2)"), "{shown}");
    assert!(shown.contains("n1 ends: starts again") && shown.contains("n1 runs"), "{shown}");
}

/// A write is cut within a sector, and the process dies before it has taken that back: what is there cannot be told
/// from a bad disk, and the start refuses by name.
#[test]
fn start_a_write_that_is_cut_short_and_not_taken_back_refuses_by_name() {
    let actions = include_str!("replays/cut_short_and_killed.json");
    let actions: Vec<Action> = serde_json::from_str(actions).unwrap();
    let run = replay(&Temper::of(704_565, None), &actions);
    let shown = run.transcript.join("\n");
    assert!(run.violation.is_none(), "{:?}\n{shown}", run.violation);
    assert!(shown.contains("0000000000000001.seg is corrupt at byte 4096 (WAL-8)"), "{shown}");
}

fn is_found(mutant: Mutant) -> Run {
    is_found_within(FOUND_WITHIN, mutant)
}

fn is_found_within(seeds: u64, mutant: Mutant) -> Run {
    let (found, totals) = first_found(seeds, Some(mutant));
    found.unwrap_or_else(|| panic!("{} is not found: {totals:?}", mutant.as_str()))
}

#[test]
fn an_fsync_of_the_log_that_does_nothing_is_found() {
    is_found(Mutant::WalSync);
}

#[test]
fn an_fsync_of_a_ledger_that_does_nothing_is_found() {
    is_found(Mutant::LedgerSync);
}

#[test]
fn an_fsync_of_a_directory_that_does_nothing_is_found() {
    is_found(Mutant::DirectorySync);
}

#[test]
fn a_device_that_is_rolled_back_is_found() {
    is_found(Mutant::Rollback);
}

#[test]
fn a_pull_that_echoes_a_barrier_that_it_has_never_seen_is_found() {
    // It takes a pull that comes late, a promotion, a write and a read in one order: few seeds have them.
    let run = is_found_within(2 * FOUND_WITHIN, Mutant::ForgedEcho);
    assert_eq!(run.violation.unwrap().oracle, "VIS");
}

#[test]
fn a_replica_that_is_told_too_much_is_found_and_the_run_is_made_short() {
    let run = is_found(Mutant::ToldTooMuch);
    let (actions, oracle) = (run.actions.len(), run.violation.as_ref().unwrap().oracle);
    let shorter = shrink(run);
    assert_eq!(shorter.violation.as_ref().unwrap().oracle, oracle);
    assert!(shorter.actions.len() < actions.min(60), "{}", shorter.transcript.join("\n"));
}
