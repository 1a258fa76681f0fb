//! `demo`: a three-node cluster on loopback, from nothing through the loss of its primary, with every
//! acknowledged write read back and every ledger audited (DESIGN section 9).
//!
//! - `story`: what happens, in order
//! - `founding`, `load`, `failover`, `aftermath`, `audit`: its chapters
//! - `node`: a node as a child process of the same binary
//! - `wait`: waiting for a state, never for a time
//!
//! Whatever the way out, no child outlives the demo unless `--keep` asks for it.

mod aftermath;
mod audit;
mod error;
mod failover;
mod founding;
mod load;
mod node;
mod place;
mod story;
mod wait;

use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use self::error::DemoError;
use self::place::Place;
use self::story::Story;
use crate::cli::{Failure, Output, Shown};

/// The arguments.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Leave the cluster running, and say how to talk to it and how to stop it.
    #[arg(long)]
    keep: bool,
    /// Where to put the nodes; nothing may be there yet. A temporary directory when left out.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Demo {
    pub(crate) async fn run(self, output: Output) -> Result<Shown, Failure> {
        let place = Place::new(self.dir)?;
        let mut story = Story::new(output, &place, self.keep)
            .map_err(|error| Failure::Unreadable(format!("the demo cannot start: {error}")))?;
        let told = tokio::select! {
            told = story.tell() => told,
            () = interrupted() => Err(DemoError::Interrupted),
        };
        match told {
            Ok(()) if self.keep => Ok(story.kept(&place)),
            Ok(()) => {
                story.stop_all();
                let shown = story.ended();
                place.remove();
                Ok(shown)
            }
            Err(error) => {
                story.stop_all();
                let (step, left) = (story.current(), place.path().display());
                Err(Failure::Refused(format!("the demo failed at {step:?}: {error}; see {left}")))
            }
        }
    }
}

/// Ends when somebody wants the demo to end. Without signal handling it never does, and the children
/// are then told to stop by whoever stops the demo.
async fn interrupted() {
    let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [Ok(mut int), Ok(mut term), Ok(mut hup)] = signals.map(signal) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = int.recv() => (),
        _ = term.recv() => (),
        _ = hup.recv() => (),
    }
}
