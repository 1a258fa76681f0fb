//! Concurrent clients through kills, cuts and failovers, for as many rounds as asked for:
//! `cargo run --release -p aerodb-tests --bin histories -- --rounds 100 --seed 1 --clients 6`. It ends with 1
//! when what the clients saw is not linearizable.

use std::process::ExitCode;

use aerodb_tests::clients::{Options, Round, run};
use fastrand::Rng;

const USAGE: &str = "histories [--rounds N] [--seed N] [--clients N]";

#[allow(clippy::print_stdout, clippy::print_stderr)]
fn main() -> ExitCode {
    let Some((options, seed)) = asked() else {
        eprintln!("usage: {USAGE}");
        return ExitCode::from(2);
    };
    let report = run(&options);
    println!("{report}");
    if report.verdict.violations.is_empty() {
        return ExitCode::SUCCESS;
    }
    let (rounds, clients) = (options.rounds.len(), options.clients);
    println!("again: histories --rounds {rounds} --seed {seed} --clients {clients}");
    ExitCode::FAILURE
}

fn asked() -> Option<(Options, u64)> {
    let (mut rounds, mut seed, mut clients) = (20, 1, 6);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let number = arguments.next()?.parse().ok()?;
        match name.as_str() {
            "--rounds" => rounds = number,
            "--seed" => seed = number,
            "--clients" => clients = number,
            _ => return None,
        }
    }
    let mut random = Rng::with_seed(seed);
    let drawn = (0..rounds).map(|_| Round::ALL[random.usize(0..Round::ALL.len())]).collect();
    Some((Options { seed, rounds: drawn, clients }, seed))
}
