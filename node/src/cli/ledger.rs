//! `ledger`: shows, checks, replays and compares the ledgers. Offline commands change nothing, and may be given a
//! copy or, with a note in the answer, the directory of a running node.

mod diff;
mod directory;
mod replay;
mod show;
mod side;
mod verify;

use clap::{Args, Subcommand};

pub(super) use self::directory::{Offline, Part, exit_of, part_rows};
use crate::cli::{Context, Failure, Shown};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Ledger {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the entries, of a node or of a directory.
    Show(show::Show),
    /// Check that what is there is genuine and that nothing is missing.
    Verify(verify::Verify),
    /// Make every recorded decision again from its recorded facts.
    Replay(replay::Replay),
    /// Compare the authority ledgers of two directories or nodes, entry by entry.
    Diff(diff::Diff),
}

impl Ledger {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        match self.command {
            Command::Show(show) => show.run(context).await,
            Command::Verify(verify) => verify.run(context.output),
            Command::Replay(replay) => replay.run(context.output),
            Command::Diff(diff) => diff.run(context).await,
        }
    }
}
