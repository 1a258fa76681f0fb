//! The command line (DESIGN section 9), one noun per file.
//!
//! - `output`, `table`, `explanation`, `curl`: how answers look
//! - `failure`: why a command did not do what it was asked, and the exit code of it
//! - every other file: the command of its name
//!
//! Exit codes: 0 done; 1 refused, not acknowledged, missing or found wrong; 2 usage; 3 could not reach
//! or read.

mod arguments;
mod authority;
mod bootstrap;
mod chart;
mod checkpoint;
#[cfg(feature = "crash-points")]
mod crash_points;
mod curl;
mod decline;
mod discard_suffix;
mod evidence;
mod explain;
mod explanation;
mod failure;
mod fork;
mod history;
mod init;
mod join;
mod kv;
mod ledger;
mod listing;
mod members;
mod output;
mod progress;
mod promote;
mod relocate;
mod replication;
mod rules;
mod scan;
mod serve;
mod status;
mod steps;
mod switchover;
mod table;
mod wal;

use std::process::ExitCode;

use aerodb_core::id::Address;
use aerodb_http_api::client::Client;
use clap::{Parser, Subcommand};

pub use curl::Curl;
pub use explanation::{render_explanation, render_remedies};
pub use failure::{Exit, Failure};
pub use output::{Output, Shown};
pub use steps::Steps;
pub use table::short;

/// The command line of AeroDB.
#[derive(Debug, Parser)]
#[command(name = "aerodb", version, about = "A replicated key-value store with provable failover")]
pub struct Cli {
    /// The node to talk to.
    #[arg(
        long,
        global = true,
        env = "AERODB_NODE",
        default_value = "http://127.0.0.1:7400",
        value_name = "URL"
    )]
    node: Address,
    /// How to print the answer.
    #[arg(long, global = true, value_enum, default_value_t)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a node until SIGINT or SIGTERM.
    Serve(serve::Serve),
    #[command(flatten)]
    Ask(Ask),
}

/// Everything that ends with an answer.
#[derive(Debug, Subcommand)]
enum Ask {
    /// Make a data directory and found a cluster with it.
    Init(init::Init),
    /// Make a data directory for a node that joins a cluster.
    Join(join::Join),
    /// Show a node at a glance.
    Status(status::Status),
    /// Read a value.
    Get(kv::Get),
    /// Write a value.
    Put(kv::Put),
    /// Make a key absent.
    Delete(kv::Delete),
    /// Read a range of keys in one read view.
    Scan(scan::Scan),
    /// Name the successor of the current epoch; asked of the holder.
    Designate(authority::Asked),
    /// Take the successor's title back; asked of the holder.
    Release(authority::Release),
    /// End the epoch in a node's favour; asked of the holder.
    Relinquish(authority::Relinquish),
    /// Give up the next epoch, which a node could be granted, for good; asked of that node.
    Decline(decline::Decline),
    /// Promote a node, if that is proven safe; asked of that node.
    Promote(promote::Promote),
    /// Hand authority over to a node, step by step; may be run again after an interruption.
    Switchover(switchover::Switchover),
    /// Give a replica another node to pull from.
    Follow(replication::Follow),
    /// Let a replica pull again.
    Resume(replication::Resume),
    /// Have a replica take the holder's snapshot over, and watch it; asked of the replica.
    Bootstrap(bootstrap::Bootstrap),
    /// Take a checkpoint: what is acknowledged becomes a snapshot, and the log below it goes.
    Checkpoint(checkpoint::Checkpoint),
    /// Set aside what a halted or stopped node's log holds past its validated history.
    DiscardSuffix(discard_suffix::DiscardSuffix),
    /// Found a new cluster from a stopped node's directory, where no promotion can be proven safe.
    Fork(fork::Fork),
    /// Say which of two directories of a stopped node has its identity: after a move, or a copy.
    Relocate(relocate::Relocate),
    /// Say why.
    Explain(explain::Explain),
    /// List the epochs so far.
    History,
    /// Show, check, replay and compare the ledgers.
    Ledger(ledger::Ledger),
    /// Show and check the write-ahead log.
    Wal(wal::Wal),
    /// List the nodes that were ever admitted; admit one, or remove one.
    Members(members::Members),
    /// Show the state machines.
    Chart(chart::Chart),
    /// List the rules that this program decides by.
    Rules(rules::Rules),
    /// List the places where `AERODB_CRASH_POINT` ends the process, and `AERODB_HOLD_POINT` holds it.
    #[cfg(feature = "crash-points")]
    CrashPoints,
    /// Run a three-node cluster through a failover, and check all of it.
    Demo(crate::demo::Demo),
}

/// What every command that talks to a node has at hand.
#[derive(Debug)]
pub struct Context {
    /// The node named by `--node`.
    pub client: Client,
    /// How the answer will be printed.
    pub output: Output,
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { node, output, command } = Cli::parse();
    #[cfg(feature = "crash-points")]
    if let Err(wrong) = aerodb_ledger::crash::check() {
        return output::print(Err(Failure::Usage(wrong)), output);
    }
    let outcome = match command {
        // Serving sets up its own runtime.
        Command::Serve(serve) => serve.run(),
        Command::Ask(ask) => block_on(ask.run(&Context { client: Client::new(node), output })),
    };
    output::print(outcome, output)
}

fn block_on(work: impl Future<Output = Result<Shown, Failure>>) -> Result<Shown, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Failure::Unreadable(format!("cannot start the runtime: {error}")))?;
    runtime.block_on(work)
}

impl Ask {
    async fn run(self, context: &Context) -> Result<Shown, Failure> {
        match self {
            Self::Init(init) => init.run(),
            Self::Join(join) => join.run().await,
            Self::Status(status) => status.run(context).await,
            Self::Get(get) => get.run(context).await,
            Self::Put(put) => put.run(context).await,
            Self::Delete(delete) => delete.run(context).await,
            Self::Scan(scan) => scan.run(context).await,
            Self::Designate(asked) => asked.designate(context).await,
            Self::Release(release) => release.run(context).await,
            Self::Relinquish(relinquish) => relinquish.run(context).await,
            Self::Decline(decline) => decline.run(context).await,
            Self::Promote(promote) => promote.run(context).await,
            Self::Switchover(switchover) => switchover.run(context).await,
            Self::Follow(follow) => follow.run(context).await,
            Self::Resume(resume) => resume.run(context).await,
            Self::Bootstrap(bootstrap) => bootstrap.run(context).await,
            Self::Checkpoint(checkpoint) => checkpoint.run(context).await,
            Self::DiscardSuffix(discard) => discard.run(context).await,
            Self::Fork(fork) => fork.run(),
            Self::Relocate(relocate) => relocate.run(),
            Self::Explain(explain) => explain.run(context).await,
            Self::History => history::run(context).await,
            Self::Ledger(ledger) => ledger.run(context).await,
            Self::Wal(wal) => wal.run(context.output),
            Self::Members(members) => members.run(context).await,
            Self::Chart(chart) => chart.run(context).await,
            Self::Rules(rules) => rules.run(),
            #[cfg(feature = "crash-points")]
            Self::CrashPoints => Ok(crash_points::list()),
            Self::Demo(demo) => demo.run(context.output).await,
        }
    }
}

#[cfg(test)]
mod tests;
