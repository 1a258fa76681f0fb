//! The log on standard error. Who reads it, or does not, cannot change what the node does (P6-OB6): a line that
//! standard error would not take at once is lost, and how many were is told as soon as it takes one again.
//!
//! Keeps: P6-OB6, M-O03, P6-B5.3.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use clap::ValueEnum;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, with the spans that it stands in.
    Json,
}

impl LogFormat {
    fn lost(self, lines: u64) -> String {
        match self {
            Self::Text => format!("{lines} lines of the log were lost\n"),
            Self::Json => {
                let fields =
                    serde_json::json!({ "message": "lines of the log were lost", "lines": lines });
                format!("{}\n", serde_json::json!({ "level": "WARN", "fields": fields }))
            }
        }
    }
}

/// Begins the log of this process; `RUST_LOG` chooses what is in it.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let sink = Sink { format, lost: Mutex::new(0) };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(sink);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

/// A pipe that has room for anything has room for so much (PIPE_BUF); writing it does not block.
const PIECE_BYTES: usize = 4096;

#[derive(Debug)]
struct Sink {
    format: LogFormat,
    /// Lines since the last one that was written.
    lost: Mutex<u64>,
}

impl Sink {
    fn line(&self, line: &[u8]) {
        // A panic stops the process, so a poisoned lock is never seen.
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let told = *lost == 0 || put(self.format.lost(*lost).as_bytes());
        *lost = if told && put(line) { 0 } else { *lost + 1 };
    }
}

/// Writes what standard error takes without waiting; false when that is not all.
fn put(bytes: &[u8]) -> bool {
    let mut stderr = io::stderr().lock();
    bytes.chunks(PIECE_BYTES).all(|piece| has_room(&stderr) && stderr.write_all(piece).is_ok())
}

fn has_room(stderr: &io::StderrLock<'_>) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut asked = [PollFd::new(stderr, PollFlags::OUT)];
    let answered = poll(&mut asked, Some(&now)).is_ok();
    let [asked] = asked;
    answered
        && asked.revents().contains(PollFlags::OUT)
        && !asked.revents().contains(PollFlags::ERR)
}

/// One line on its way.
#[derive(Debug)]
struct Line<'a>(&'a Sink);

impl Write for Line<'_> {
    /// Never fails: the subscriber would say so on standard error, and end the process if that failed.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.line(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}
