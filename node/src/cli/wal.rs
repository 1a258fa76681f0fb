//! `wal`: shows and checks a node's write-ahead log, of a directory or a copy. Nothing is changed; with a
//! note in the answer, the node may be running.

mod show;
mod verify;

use clap::{Args, Subcommand};

pub(super) use self::verify::{checkpoint_part, wal_part};
use crate::cli::{Failure, Output, Shown};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Wal {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the batches of the log, with their commits and what these change.
    Show(show::Show),
    /// Check every byte of the log.
    Verify(verify::Verify),
}

impl Wal {
    pub(super) fn run(self, output: Output) -> Result<Shown, Failure> {
        match self.command {
            Command::Show(show) => show.run(output),
            Command::Verify(verify) => verify.run(output),
        }
    }
}
