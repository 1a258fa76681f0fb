//! `serve`: runs a node until SIGINT or SIGTERM.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;
use serde_json::json;

use crate::cli::{Failure, Shown};
use crate::damage;
use crate::directory::DataDir;
use crate::log::{self, LogFormat};
use crate::open::StartError;
use crate::serve::{Ended, ServeError};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The node's directory, made by `init` or `join`.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// How the log on standard error looks; `RUST_LOG` chooses what is in it.
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
}

impl Serve {
    pub(super) fn run(self) -> Result<Shown, Failure> {
        log::start(self.log_format);
        use_small_pages();
        let dir = DataDir::new(self.data_dir);
        match crate::serve::run(&dir).map_err(|error| failure(&dir, error))? {
            Ended::Stopped => {}
            Ended::Restart => return Err(start_again(&dir)),
        }
        Ok(Shown::new(&json!({ "data": { "stopped": dir.path() } }), ""))
    }
}

/// Has the kernel give memory in pages of 4 KiB alone. A page of 2 MiB is filled with zeros when it is first written
/// to, for 0.1 ms at best and 5 ms in some virtual machines, and who does that is mostly the log's thread, a new version
/// of a key in hand: every write that is under way waits for it.
fn use_small_pages() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::warn!(%error, "transparent huge pages stay in use: writes may wait for them to be filled");
    }
}

/// Starts the program anew in this process, with the arguments that it was started with: nothing that was in
/// memory is left. It comes back only with the reason why that could not be done.
fn start_again(dir: &DataDir) -> Failure {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| "aerodb".into());
    // The program that runs, whatever lies at its path by now.
    let error = Command::new("/proc/self/exe").arg0(name).args(arguments).exec();
    let dir = dir.path().display();
    Failure::Refused(format!("{dir} has changed on the disk; start the node again: {error}"))
}

/// What is not there or cannot be read ends as it does in every other command; what was read and found
/// wrong, or failed while it ran, is a refusal.
fn failure(dir: &DataDir, error: ServeError) -> Failure {
    let what = format!("cannot serve {}: {error}", dir.path().display());
    if let ServeError::Start(error) = &error
        && let Some(explanation) = damage::explained(error, dir.path())
    {
        return Failure::Damaged { what, explanation: Box::new(explanation) };
    }
    let cause = match error {
        ServeError::Start(StartError::Identity(error)) => Failure::from(error),
        ServeError::Start(StartError::Directory(error)) => Failure::from(error),
        other => Failure::Refused(other.to_string()),
    };
    match cause {
        Failure::Unreadable(_) => Failure::Unreadable(what),
        Failure::Node(_) | Failure::Refused(_) | Failure::Damaged { .. } | Failure::Usage(_) => {
            Failure::Refused(what)
        }
    }
}
