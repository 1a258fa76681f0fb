//! How far a long reading of logs has come, for the person who waits for it.
//!
//! On standard error, and only where that is a terminal; nothing at all unless the reading takes longer than
//! a second. The bytes are counted where they are read, so no reader knows of it.

use std::io::{IsTerminal, stderr, stdout};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use aerodb_ledger::disk::{Access, DirectoryId, Disk, DiskError, DiskFile, DiskLock, RealDisk};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::Output;

/// What takes no longer needs no bar.
const SILENT: Duration = Duration::from_secs(1);

const TEMPLATE: &str =
    "{bytes} of {total_bytes} {wide_bar} {percent} % {bytes_per_sec}, {eta} left";

/// What a command prints, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Printing {
    /// All of it at the end.
    AtTheEnd,
    /// While it reads: on a terminal that is progress enough.
    Meanwhile,
}

/// A disk that shows how much of some directories has been read from it.
#[derive(Debug)]
pub(super) struct WatchedDisk(Arc<Progress>);

#[derive(Debug)]
struct Progress {
    wanted: bool,
    started: Instant,
    /// It counts from the beginning, so that its rate is right, and is hidden at first.
    bar: ProgressBar,
    shown: Once,
}

impl WatchedDisk {
    /// The disk, on which the files of these directories will be read once.
    pub(super) fn over(output: Output, printing: Printing, dirs: &[PathBuf]) -> Self {
        let wanted = is_wanted(output, printing, stderr().is_terminal(), stdout().is_terminal());
        let bytes = dirs.iter().map(|dir| bytes_in(dir)).sum();
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::hidden());
        let bar = match ProgressStyle::with_template(TEMPLATE) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        };
        Self(Arc::new(Progress { wanted, started: Instant::now(), bar, shown: Once::new() }))
    }
}

/// Programs get no bar, nor does a terminal that shows what is found.
fn is_wanted(output: Output, printing: Printing, stderr: bool, stdout: bool) -> bool {
    let room = match (output, printing) {
        (Output::Json, Printing::AtTheEnd) => stdout,
        (Output::Json, Printing::Meanwhile) => false,
        (Output::Table, Printing::AtTheEnd) => true,
        (Output::Table, Printing::Meanwhile) => !stdout,
    };
    stderr && room
}

/// What cannot be counted is found unreadable when it is read.
fn bytes_in(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

impl Progress {
    fn advance(&self, bytes: usize) {
        if self.wanted && self.started.elapsed() >= SILENT {
            self.shown.call_once(|| self.bar.set_draw_target(ProgressDrawTarget::stderr()));
        }
        self.bar.inc(bytes as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_completed() {
            self.bar.finish_and_clear();
        }
    }
}

#[derive(Debug)]
struct WatchedFile {
    file: Arc<dyn DiskFile>,
    progress: Arc<Progress>,
}

impl Disk for WatchedDisk {
    fn open(&self, path: &Path, access: Access) -> Result<Arc<dyn DiskFile>, DiskError> {
        let file = RealDisk.open(path, access)?;
        Ok(Arc::new(WatchedFile { file, progress: Arc::clone(&self.0) }))
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn DiskFile>, DiskError> {
        RealDisk.create(path)
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>, DiskError> {
        RealDisk.list(dir)
    }

    fn create_dir(&self, dir: &Path) -> Result<(), DiskError> {
        RealDisk.create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        RealDisk.sync_dir(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        RealDisk.remove(path)
    }

    fn remove_dir(&self, dir: &Path) -> Result<(), DiskError> {
        RealDisk.remove_dir(dir)
    }

    fn directory_id(&self, dir: &Path) -> Result<DirectoryId, DiskError> {
        RealDisk.directory_id(dir)
    }

    fn physical_block_bytes(&self, dir: &Path) -> Option<u64> {
        RealDisk.physical_block_bytes(dir)
    }

    fn lock(&self, path: &Path) -> Result<Option<Box<dyn DiskLock>>, DiskError> {
        RealDisk.lock(path)
    }

    fn is_locked(&self, path: &Path) -> Result<bool, DiskError> {
        RealDisk.is_locked(path)
    }
}

impl DiskFile for WatchedFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        self.file.read_at(offset, buffer)?;
        self.progress.advance(buffer.len());
        Ok(())
    }

    fn read_uncached_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        self.file.read_uncached_at(offset, buffer)?;
        self.progress.advance(buffer.len());
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.file.write_at(offset, bytes)
    }

    fn sync_data(&self) -> Result<(), DiskError> {
        self.file.sync_data()
    }

    fn length(&self) -> Result<u64, DiskError> {
        self.file.length()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_person_at_a_terminal_gets_a_bar_and_never_among_the_answer() {
        use Printing::{AtTheEnd, Meanwhile};
        for (output, printing, stderr, stdout, expected) in [
            (Output::Table, AtTheEnd, true, true, true),
            (Output::Table, AtTheEnd, true, false, true),
            (Output::Table, AtTheEnd, false, true, false),
            (Output::Table, Meanwhile, true, true, false),
            (Output::Table, Meanwhile, true, false, true),
            (Output::Json, AtTheEnd, true, true, true),
            (Output::Json, AtTheEnd, true, false, false),
            (Output::Json, AtTheEnd, false, false, false),
            (Output::Json, Meanwhile, true, true, false),
            (Output::Json, Meanwhile, true, false, false),
        ] {
            let found = is_wanted(output, printing, stderr, stdout);
            assert_eq!(found, expected, "{output:?} {printing:?} {stderr} {stdout}");
        }
    }

    #[test]
    fn the_bytes_read_are_counted_and_a_short_reading_shows_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), [1; 5000]).unwrap();
        let dirs = [dir.path().to_owned(), dir.path().join("missing")];
        let disk = WatchedDisk::over(Output::Table, Printing::AtTheEnd, &dirs);
        assert_eq!(disk.0.bar.length(), Some(5000));
        let file = disk.open(&dir.path().join("a"), Access::Read).unwrap();
        file.read_at(0, &mut [0; 3000]).unwrap();
        file.read_uncached_at(3000, &mut [0; 2000]).unwrap();
        assert!(file.read_at(4000, &mut [0; 2000]).is_err());
        assert_eq!(disk.0.bar.position(), 5000);
        assert!(disk.0.bar.is_hidden() && !disk.0.shown.is_completed());
    }

    #[test]
    fn the_bar_can_be_made() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
