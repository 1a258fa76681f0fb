//! Crash points: a node that dies, or stands still, at a named place of its own code. The binary has them
//! with the feature `crash-points` of this package.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::fs::OFlags;

use crate::Node;
use crate::binary::{Output, aerodb_with, target};

/// A node that stands at a point once it comes there, and goes on when this is dropped or
/// [`Hold::release`]d.
#[derive(Debug)]
pub struct Hold {
    fifo: PathBuf,
    held: Option<File>,
}

impl Hold {
    /// Waits until the node stands there.
    ///
    /// # Panics
    /// When it never does.
    #[track_caller]
    pub fn reached(&mut self, node: &Node) {
        // Opening for writing fails as long as nobody reads.
        let open = || {
            let flags = OFlags::NONBLOCK.bits().cast_signed();
            OpenOptions::new().write(true).custom_flags(flags).open(&self.fifo).ok()
        };
        self.held = Some(node.wait("stands at its point", open));
    }

    /// Lets it go on from here, to stand there again when it next comes.
    pub fn pass(&mut self) {
        self.held = None;
    }

    /// Lets it go on, here and whenever it comes there again.
    pub fn release(mut self) {
        self.let_go();
    }

    fn let_go(&mut self) {
        // Who stands there reads from the FIFO, or waits for a writer of it; who comes later finds a file.
        let waiting = OpenOptions::new().read(true).write(true).open(&self.fifo);
        let file = self.fifo.with_extension("passed");
        let _ = File::create(&file).and_then(|_| fs::rename(&file, &self.fifo));
        drop(waiting);
        self.held = None;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// Runs a command of the binary that dies at this point, and nowhere else.
///
/// # Panics
/// When it ends otherwise.
#[track_caller]
pub fn command_dies_at(point: &str, args: &[&str]) {
    let Output { code, stderr, .. } = aerodb_with(args, &[("AERODB_CRASH_POINT", point)]);
    assert_died_at(&stderr, point, &format!("{args:?} ended: {code:?}"));
    assert_eq!(code, None, "{args:?}: {stderr}");
}

/// The process said that it came to this point. Other threads of it may have said something after that.
#[track_caller]
fn assert_died_at(said: &str, point: &str, ended: &str) {
    let name = point.split([':', '[']).next().unwrap_or_default();
    let reached = format!("crash point {name} reached");
    assert!(said.lines().any(|line| line == reached), "not at {point}: {ended}\n{said}");
    fs::create_dir_all(hits_dir()).expect("a directory");
    File::create(hits_dir().join(name)).expect("the hit is noted");
}

/// Where it is noted at which points a process has died: `AERODB_HITS`, or beside what is built.
fn hits_dir() -> PathBuf {
    std::env::var_os("AERODB_HITS").map_or_else(|| target().join("crash-points-hit"), PathBuf::from)
}

/// The points at which a process has died since the notes were begun.
///
/// # Panics
/// When there are no notes.
#[must_use]
pub fn hits() -> BTreeSet<String> {
    let names = fs::read_dir(hits_dir()).expect("the failure matrix was run before this");
    names.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

impl Node {
    /// Starts its process so that it dies at this point: `NAME`, `NAME:3` for the third time it comes
    /// there, `NAME[512]` where the point has an index. [`Node::died_at`] must follow.
    pub fn spawn_to_die_at(&mut self, point: &str) {
        self.spawn_armed(&[("AERODB_CRASH_POINT", point)]);
    }

    /// The same, and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn start_to_die_at(&mut self, point: &str) {
        self.spawn_to_die_at(point);
        self.wait("answers", || self.try_get("/livez").map(|_| ()));
    }

    /// Waits until it has died, there and nowhere else.
    ///
    /// # Panics
    /// When it ended otherwise.
    #[track_caller]
    pub fn died_at(&mut self, point: &str) {
        // One that never comes there would serve for ever.
        self.wait(&format!("died at {point}"), || self.has_ended().then_some(()));
        let status = self.ended();
        let said = self.said();
        assert_died_at(&said, point, &format!("{} ended: {status}", self.id));
        assert_eq!(status.signal(), Some(9), "{} ended: {status}", self.id);
    }

    /// Waits until what it shows ends at this commit, or its process has ended; whether it is the first.
    ///
    /// # Panics
    /// When neither comes.
    #[track_caller]
    pub fn caught_up_or_ended(&self, commit: u64) -> bool {
        let shown = |node: &Self| {
            let status = node.try_get("/v1/status")?;
            status.body["data"]["tips"]["acknowledged"].as_u64().filter(|shown| *shown >= commit)
        };
        self.wait("catches up or ends", || {
            let ended = self.has_ended();
            (ended || shown(self).is_some()).then_some(!ended)
        })
    }

    /// Starts its process so that it stands still at this point.
    ///
    /// # Panics
    /// When there is no FIFO to be had.
    #[must_use]
    pub fn spawn_to_stand_at(&mut self, point: &str) -> Hold {
        let fifo = self.dir.with_extension(format!("{point}.fifo"));
        let _ = fs::remove_file(&fifo);
        let made = Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs");
        assert!(made.success(), "there is no FIFO");
        let armed = format!("{point}={}", fifo.to_str().expect("a UTF-8 path"));
        self.spawn_armed(&[("AERODB_HOLD_POINT", &armed)]);
        Hold { fifo, held: None }
    }

    /// The same, and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn start_to_stand_at(&mut self, point: &str) -> Hold {
        let hold = self.spawn_to_stand_at(point);
        self.wait("answers", || self.try_get("/livez").map(|_| ()));
        hold
    }
}
