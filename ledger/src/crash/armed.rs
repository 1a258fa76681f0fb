//! What the environment asks for, with the feature compiled in.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::process::{Signal, getpid, kill_process};

use super::Point;
use super::asked::{Asked, named};
use crate::disk::{DiskError, DiskFile};

const CRASH: &str = "AERODB_CRASH_POINT";
const HOLD: &str = "AERODB_HOLD_POINT";

/// What the environment arms.
#[derive(Default)]
struct Armed {
    crash: Option<Asked>,
    /// How often the process has come there.
    came: AtomicU64,
    hold: Option<(Point, PathBuf)>,
}

fn armed() -> &'static Armed {
    static ARMED: OnceLock<Armed> = OnceLock::new();
    // `check` has been called at the start of the process; what is not understood arms nothing.
    ARMED.get_or_init(|| read().unwrap_or_default())
}

fn read() -> Result<Armed, String> {
    let asked = std::env::var(CRASH).ok();
    let crash = asked.map(|text| Asked::parse(&text)).transpose();
    let crash = crash.map_err(|wrong| format!("{CRASH}: {wrong}"))?;
    let hold = match std::env::var(HOLD) {
        Ok(asked) => {
            let (name, fifo) = asked.split_once('=').ok_or(format!("{HOLD}: NAME=FIFO"))?;
            Some((named(name)?, PathBuf::from(fifo)))
        }
        Err(_) => None,
    };
    Ok(Armed { crash, came: AtomicU64::new(0), hold })
}

/// Whether the environment names points that there are.
///
/// # Errors
/// What is wrong with it.
pub fn check() -> Result<(), String> {
    read().map(drop)
}

/// Counts this coming. The point's index as it was asked for, when the process ends with this one.
fn is_due(point: Point, index: Option<u64>) -> Option<Asked> {
    let armed = armed();
    let crash = armed.crash.filter(|asked| asked.is(point, index))?;
    (armed.came.fetch_add(1, Ordering::SeqCst) + 1 == crash.times).then_some(crash)
}

/// The process has come to this place: it ends here, stands here, or goes on, as the environment asks.
pub fn reached(point: Point) {
    stand(point);
    if is_due(point, None).is_some() {
        die(point);
    }
}

/// As [`reached`], where the coming has a number of its own.
pub fn reached_at(point: Point, index: u64) {
    stand(point);
    if is_due(point, Some(index)).is_some() {
        die(point);
    }
}

/// Writes the bytes, or ends the process within: as many are written then as the index says, at most all but
/// the last, and half of them without one.
///
/// # Errors
/// [`DiskError`].
pub fn write_at(
    point: Point,
    file: &dyn DiskFile,
    offset: u64,
    bytes: &[u8],
) -> Result<(), DiskError> {
    stand(point);
    if let Some(asked) = is_due(point, None) {
        let index = asked.index.and_then(|index| usize::try_from(index).ok());
        let written = index.unwrap_or(bytes.len() / 2).min(bytes.len().saturating_sub(1));
        if written > 0 {
            file.write_at(offset, &bytes[..written])?;
        }
        die(point);
    }
    file.write_at(offset, bytes)
}

/// Makes the bytes durable, or ends the process while that is under way.
///
/// # Errors
/// [`DiskError`].
pub fn sync_data(point: Point, file: &Arc<dyn DiskFile>) -> Result<(), DiskError> {
    stand(point);
    if is_due(point, None).is_some() {
        let file = Arc::clone(file);
        // Whether it has returned when the process ends is left to the system: nobody has heard of it.
        drop(std::thread::spawn(move || file.sync_data()));
        die(point);
    }
    file.sync_data()
}

/// Whether the process stands there when it comes there.
#[must_use]
pub fn stands_at(point: Point) -> bool {
    armed().hold.as_ref().is_some_and(|(held, _)| *held == point)
}

fn stand(point: Point) {
    if let Some((held, fifo)) = &armed().hold
        && *held == point
    {
        // Returns once someone has opened it for writing and closed it.
        if let Err(error) = std::fs::read(fifo) {
            tell(&format!("cannot hold at {}: {error}", point.name()));
        }
    }
}

fn die(point: Point) -> ! {
    tell(&format!("crash point {} reached", point.name()));
    let killed = kill_process(getpid(), Signal::KILL);
    // The signal is on its way to every thread of the process; none of them goes on past it.
    assert!(killed.is_ok(), "SIGKILL to ourselves: {killed:?}");
    loop {
        std::thread::park();
    }
}

/// Written at once: no line of ours is buffered.
#[allow(clippy::print_stderr)]
fn tell(what: &str) {
    eprintln!("{what}");
}
