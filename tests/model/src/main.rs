//! `cargo run --release -p aerodb-model -- explore --scope two`, and `-- mutants`.

use std::process::ExitCode;
use std::time::Duration;

use aerodb_core::id::InvalidId;
use aerodb_model::mutant;
use aerodb_model::report;
use aerodb_model::run::{Limits, explore, hunt};
use aerodb_model::scope::Scope;
use clap::{Parser, Subcommand, ValueEnum};

/// Explores every order of steps of a small cluster that runs the rules of core.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The rules as they are: nothing may be broken.
    Explore {
        /// The cluster.
        #[arg(long, value_enum, default_value_t = Named::Two)]
        scope: Named,
        /// When to stop, whatever is left.
        #[arg(long)]
        minutes: Option<u64>,
        /// Threads.
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// Prints docs/model.md.
    Document,
    /// The known ways to get it wrong: each must be caught.
    Mutants {
        /// Only this one, with the steps that break it.
        #[arg(long)]
        only: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Named {
    /// What the test suite explores.
    Bounded,
    /// Two nodes whose pulls pass each other.
    Reordered,
    /// Two nodes, three epochs, one crash.
    Two,
    /// Three nodes.
    Three,
}

impl Named {
    const fn scope(self) -> Scope {
        match self {
            Self::Bounded => Scope::BOUNDED,
            Self::Reordered => Scope::REORDERED,
            Self::Two => Scope::TWO,
            Self::Three => Scope::THREE,
        }
    }
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Explore { scope, minutes, threads } => {
            let time = minutes.map(|minutes| Duration::from_secs(60 * minutes));
            rules(scope.scope(), Limits { threads, time, until_broken: true })
        }
        Command::Document => document(),
        Command::Mutants { only } => mutants(only.as_deref()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn rules(scope: Scope, limits: Limits) -> Result<bool, InvalidId> {
    let found = explore(scope, &[], limits)?;
    print!("{}", report::explored(&scope, &found));
    Ok(found.broken.is_empty() && (found.missing.is_empty() || !found.complete))
}

fn mutants(only: Option<&str>) -> Result<bool, InvalidId> {
    let mut as_fated = true;
    for mutant in mutant::ALL.iter().filter(|mutant| only.is_none_or(|name| name == mutant.name)) {
        let found = hunt(mutant)?;
        println!("{}", report::row(mutant, &found));
        if only.is_some() {
            print!("{}", report::explored(&mutant.scope, &found));
        }
        as_fated &= report::as_fated(mutant, &found);
    }
    Ok(as_fated)
}

fn document() -> Result<bool, InvalidId> {
    let hunted = mutant::ALL.iter().map(|mutant| Ok((mutant, hunt(mutant)?)));
    let hunted = hunted.collect::<Result<Vec<_>, InvalidId>>()?;
    print!("{}", report::document(&hunted));
    Ok(hunted.iter().all(|(mutant, found)| report::as_fated(mutant, found)))
}
