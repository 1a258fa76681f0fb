//! The whole write path in one run: durable puts, of 100 bytes unless told otherwise, over keep-alive HTTP
//! connections, AeroDB beside a bare server.
//!
//! ```text
//! cargo bench -p aerodb-node --bench write_path
//! ```
//!
//! What is compared, and why it is fair:
//!
//! - Both servers are processes of their own on this machine, talked to over 127.0.0.1 by the same load
//!   generator ([`load`]), with the same requests, and are idle while it is the other's turn.
//! - The bare server ([`bare`]) does what no durable HTTP server can leave out, and nothing else: on one
//!   thread it reads what is ready, writes all of it at once to a file of zeros, syncs it, and answers.
//!   It is the floor of this machine, not a database: nothing can be read back from it.
//! - AeroDB is the shipped binary, in the profile that `cargo build --release` uses, on a fresh data
//!   directory with the default configuration. Both write to one file system, that of the target directory
//!   unless `-- --dir DIR` names another.
//! - They take turns of a second, a few rounds for each number of clients. A pair of turns gives one ratio;
//!   the median of the ratios counts, since what else the machine does moves both turns of a pair alike.

mod bare;
mod load;
mod node;
mod report;
mod stream;
#[path = "../support/mod.rs"]
mod support;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::bare::BareProcess;
use crate::load::{Figures, Load};
use crate::node::NodeProcess;
use crate::report::Level;

/// The numbers of clients, with the share of the bare server's rate that is to be reached.
const LEVELS: [(usize, f64); 4] = [(1, 0.83), (16, 0.80), (64, 0.70), (256, 0.62)];

#[derive(Debug, Parser)]
struct Arguments {
    /// Pairs of turns for each number of clients.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// How long a turn is measured, in milliseconds; a fifth of it runs before and is not counted.
    #[arg(long, default_value_t = 1000)]
    turn_ms: u64,
    /// How large the values are. The targets are for 100.
    #[arg(long, default_value_t = 100)]
    value_bytes: usize,
    /// Only this number of clients, one of the four; any number with `--only-port`.
    #[arg(long)]
    clients: Option<usize>,
    /// A line of configuration for the node, for example `request_threads = 2`.
    #[arg(long)]
    config: Vec<String>,
    /// The disk to measure: both servers keep their files below this directory.
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    dir: PathBuf,
    /// The binary to measure.
    #[arg(long, default_value = support::BINARY)]
    binary: PathBuf,
    /// Measure the server that listens on this port alone, for a profiler that is attached to it.
    #[arg(long)]
    only_port: Option<u16>,
    /// Become the bare server, with its file in this directory.
    #[arg(long, hide = true)]
    bare: Option<PathBuf>,
    /// What `cargo bench` passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    fn load(&self, clients: usize) -> Load {
        let turn = Duration::from_millis(self.turn_ms);
        Load { clients, value_bytes: self.value_bytes, turn, warm_up: turn / 5 }
    }

    fn levels(&self) -> impl Iterator<Item = (usize, f64)> {
        LEVELS.into_iter().filter(|(clients, _)| self.clients.is_none_or(|only| only == *clients))
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match (&arguments.bare, arguments.only_port) {
        (Some(dir), _) => bare::serve(dir, arguments.value_bytes),
        (None, Some(port)) => alone(&arguments, port),
        (None, None) => compare(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("write_path: {error}");
            ExitCode::FAILURE
        }
    }
}

fn alone(arguments: &Arguments, port: u16) -> io::Result<()> {
    let levels = LEVELS.map(|(clients, _)| clients);
    for clients in arguments.clients.map_or(levels.to_vec(), |only| vec![only]) {
        println!("{clients:>4} clients: {}", arguments.load(clients).run(port)?);
    }
    Ok(())
}

fn compare(arguments: &Arguments) -> io::Result<()> {
    let place = tempfile::tempdir_in(&arguments.dir)?;
    let bare = BareProcess::start(&place.path().join("bare"), arguments.value_bytes)?;
    let node =
        NodeProcess::start(&place.path().join("node"), &arguments.binary, &arguments.config)?;
    report::heading(arguments.value_bytes, arguments.rounds, arguments.turn_ms, place.path());
    for (clients, target) in arguments.levels() {
        let load = arguments.load(clients);
        let level = rounds(arguments.rounds, || Ok((load.run(bare.port)?, load.run(node.port)?)))?;
        report::line(&Level { clients, target, rounds: level });
    }
    Ok(())
}

type Pair = (Figures, Figures);

fn rounds(count: usize, pair: impl Fn() -> io::Result<Pair>) -> io::Result<Vec<Pair>> {
    (0..count.max(1)).map(|_| pair()).collect()
}
