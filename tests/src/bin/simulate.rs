//! Runs simulated clusters from seeds and says what they came to. Ends with 1 when something was violated.
//!
//! `cargo run --release -p aerodb-tests --bin simulate -- --seeds 1000`

use std::cell::Cell;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use aerodb_tests::simulation::{Action, Mutant, Run, Temper, Totals, replay, run, shrink};
use clap::Parser;

thread_local! {
    /// The seed that this thread runs, for a panic to name.
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Simulates clusters of the shipped node.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Run this one seed twice, print its transcript, and see that both are the same.
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    seed: Option<u64>,
    /// Put a known bug back: wal-sync, ledger-sync, directory-sync, rollback, told-too-much or forged-echo.
    #[arg(long, value_parser = mutant)]
    mutant: Option<Mutant>,
    /// Stop at the first violation.
    #[arg(long)]
    until_found: bool,
    /// Print the run in which something was violated as it was found, without making it shorter.
    #[arg(long)]
    whole: bool,
    /// With `--seed`: carry out the actions in this file (JSON), as printed by an earlier run, instead of the seed's.
    #[arg(long, value_name = "FILE", requires = "seed")]
    replay: Option<PathBuf>,
    /// Threads; as many as there are processors when left out.
    #[arg(long)]
    jobs: Option<usize>,
}

fn mutant(name: &str) -> Result<Mutant, String> {
    let known = || Mutant::ALL.map(Mutant::as_str).join(", ");
    Mutant::named(name).ok_or_else(|| format!("known are {}", known()))
}

fn command(seed: u64, mutant: Option<Mutant>) -> String {
    let mutant = mutant.map(|it| format!(" --mutant {}", it.as_str())).unwrap_or_default();
    format!("cargo run --release -p aerodb-tests --bin simulate -- --seed {seed}{mutant}")
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    name_the_seed_of_a_panic(arguments.mutant);
    match arguments.seed {
        Some(seed) => one(seed, &arguments),
        None => many(&arguments),
    }
}

/// A violated invariant of the node panics, and that ends this process: it says which seed led there.
fn name_the_seed_of_a_panic(mutant: Option<Mutant>) {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        if let Some(seed) = SEED.get() {
            eprintln!("PANIC in seed {seed}\n  {}", command(seed, mutant));
        }
    }));
}

fn one(seed: u64, arguments: &Arguments) -> ExitCode {
    SEED.set(Some(seed));
    let Some(actions) = actions(arguments) else { return ExitCode::from(2) };
    let again = || match &actions {
        Some(actions) => replay(&Temper::of(seed, arguments.mutant), actions),
        None => run(seed, arguments.mutant),
    };
    let (first, second) = (again(), again());
    println!("{}", first.transcript.join("\n"));
    println!("seed {seed}: {} actions, digest {}", first.actions.len(), first.digest);
    if first.digest != second.digest {
        println!("NOT THE SAME TWICE: the second run has digest {}", second.digest);
        return ExitCode::FAILURE;
    }
    match &first.violation {
        None => ExitCode::SUCCESS,
        Some(violation) => {
            println!("VIOLATED {violation}");
            if !arguments.whole {
                tell(first, arguments);
            }
            ExitCode::FAILURE
        }
    }
}

/// The actions to carry out, where they are given. `None` when the file is none of actions.
fn actions(arguments: &Arguments) -> Option<Option<Vec<Action>>> {
    let Some(path) = &arguments.replay else { return Some(None) };
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    let read = text.and_then(|it| serde_json::from_str(&it).map_err(|error| error.to_string()));
    read.map_err(|error| eprintln!("{}: {error}", path.display())).ok().map(Some)
}

fn many(arguments: &Arguments) -> ExitCode {
    let Arguments { first, seeds, mutant, until_found, .. } = *arguments;
    let (next, found) = (AtomicU64::new(0), AtomicU64::new(0));
    let (enough, totals) = (AtomicBool::new(false), Mutex::new(Totals::default()));
    let available = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..arguments.jobs.unwrap_or(available) {
            scope.spawn(|| {
                while !enough.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let seed = first + seed;
                    SEED.set(Some(seed));
                    let run = run(seed, mutant);
                    totals.lock().unwrap_or_else(PoisonError::into_inner).add(&run.totals);
                    if run.violation.is_some() {
                        found.fetch_add(1, Ordering::Relaxed);
                        if until_found && enough.swap(true, Ordering::Relaxed) {
                            return;
                        }
                        tell(run, arguments);
                    }
                }
            });
        }
    });
    let (totals, found) = (totals.into_inner().unwrap_or_default(), found.into_inner());
    report(&totals, found);
    if found > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn tell(run: Run, arguments: &Arguments) {
    let (seed, actions) = (run.temper.seed, run.actions.len());
    let run = if arguments.whole { run } else { shrink(run) };
    let Some(violation) = &run.violation else { return };
    let shown = run.transcript.join("\n");
    let json = serde_json::to_string(&run.actions).unwrap_or_default();
    println!(
        "VIOLATED in seed {seed}, after {actions} actions: {violation}\n  {}\n{} of them are enough:\n{shown}\n  \
         as a file for --replay:\n{json}\n",
        command(seed, arguments.mutant),
        run.actions.len(),
    );
}

fn report(totals: &Totals, found: u64) {
    println!(
        "{} seeds, {} actions: {} writes acknowledged, {} of unknown outcome, {} reads, {} promotions and {} denials, \
         {} failovers, {} crashes, {} starts prevented, {} starts anew, {} checkpoints, {} runs with a node halted at \
         the end",
        totals.runs,
        totals.actions,
        totals.acknowledged,
        totals.open,
        totals.reads,
        totals.promoted,
        totals.denied,
        totals.failovers,
        totals.crashes,
        totals.not_started,
        totals.restarts,
        totals.checkpoints,
        totals.halted,
    );
    println!("{found} violations");
}
