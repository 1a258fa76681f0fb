//! Crash points: a node that dies, or stands still, at a named place of its own code. The binary has them
//! with the feature `crash-points` of this package.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::fs::OFlags;

use crate::Node;

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

impl Node {
    /// Starts its process so that it dies at this point, `NAME` or `NAME:3` for the third time it comes
    /// there. [`Node::died_at`] must follow.
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
        let status = self.ended();
        let log = self.log();
        let name = point.split(':').next().unwrap_or_default();
        let last = log.lines().last().unwrap_or_default();
        assert_eq!(
            last,
            format!("crash point {name} reached"),
            "{} ended: {status}\n{log}",
            self.id
        );
        assert_eq!(status.signal(), Some(9), "{} ended: {status}", self.id);
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
