//! What the environment asks for, with the feature compiled in.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

use super::Point;

const CRASH: &str = "AERODB_CRASH_POINT";
const HOLD: &str = "AERODB_HOLD_POINT";

/// What the environment arms.
struct Armed {
    crash: Option<Point>,
    /// The process still comes there so many times, the last one included.
    times: AtomicU64,
    hold: Option<(Point, PathBuf)>,
}

fn armed() -> &'static Armed {
    static ARMED: OnceLock<Armed> = OnceLock::new();
    // `check` has been called at the start of the process; what is not understood arms nothing.
    ARMED.get_or_init(|| {
        read().unwrap_or(Armed { crash: None, times: AtomicU64::new(0), hold: None })
    })
}

fn named(name: &str) -> Result<Point, String> {
    let found = Point::ALL.into_iter().find(|point| point.name() == name);
    found.ok_or_else(|| format!("there is no crash point {name:?}"))
}

fn read() -> Result<Armed, String> {
    let (mut crash, mut times) = (None, 1);
    if let Ok(asked) = std::env::var(CRASH) {
        let (name, count) = asked.split_once(':').unwrap_or((&asked, "1"));
        crash = Some(named(name)?);
        times =
            count.parse().ok().filter(|times| *times > 0).ok_or(format!("{CRASH}: {count:?}"))?;
    }
    let hold = match std::env::var(HOLD) {
        Ok(asked) => {
            let (name, fifo) = asked.split_once('=').ok_or(format!("{HOLD}: NAME=FIFO"))?;
            Some((named(name)?, PathBuf::from(fifo)))
        }
        Err(_) => None,
    };
    Ok(Armed { crash, times: AtomicU64::new(times), hold })
}

/// Whether the environment names points that there are.
///
/// # Errors
/// What is wrong with it.
pub fn check() -> Result<(), String> {
    read().map(drop)
}

/// Whether the process ends when it next comes to this place.
#[must_use]
pub fn is_due(point: Point) -> bool {
    let armed = armed();
    armed.crash == Some(point) && armed.times.load(Ordering::SeqCst) == 1
}

/// The process has come to this place: it ends here, stands here, or goes on, as the environment asks.
pub fn reached(point: Point) {
    let armed = armed();
    if let Some((held, fifo)) = &armed.hold
        && *held == point
    {
        // Returns once someone has opened it for writing and closed it.
        if let Err(error) = std::fs::read(fifo) {
            tell(&format!("cannot hold at {}: {error}", point.name()));
        }
    }
    if armed.crash == Some(point) && armed.times.fetch_sub(1, Ordering::SeqCst) == 1 {
        tell(&format!("crash point {} reached", point.name()));
        let killed = kill_process(getpid(), Signal::KILL);
        panic!("SIGKILL to ourselves did not end the process: {killed:?}");
    }
}

/// Written at once: no line of ours is buffered.
#[allow(clippy::print_stderr)]
fn tell(what: &str) {
    eprintln!("{what}");
}
