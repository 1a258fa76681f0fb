//! `ledger`: shows, checks and replays the ledgers. Offline commands change nothing, and may be given a
//! copy or, with a note in the answer, the directory of a running node.

mod directory;
mod replay;
mod show;
mod verify;

use clap::{Args, Subcommand};

pub(super) use self::directory::{Offline, exit_of, integrity_rows};
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
}

impl Ledger {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        match self.command {
            Command::Show(show) => show.run(context).await,
            Command::Verify(verify) => verify.run(),
            Command::Replay(replay) => replay.run(),
        }
    }
}
