//! The snapshots of a node: the one in force, and those that somebody still pulls.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aerodb_core::id::Boundary;
use aerodb_ledger::disk::{Disk, DiskError};
use aerodb_ledger::snapshot::{path_of, remove_unfinished, snapshots_in};

use crate::open::Standing;

#[derive(Debug, Default)]
struct Stock {
    standing: Option<Standing>,
    /// Who is pulled, and by how many.
    pulled: BTreeMap<Boundary, (Standing, u64)>,
    /// Why the last attempt came to nothing; `None` after one that did not.
    aborted: Option<String>,
}

/// The shelf. Invariant: what stands on it, or is held, is never removed.
#[derive(Debug, Default)]
pub struct Shelf {
    dir: PathBuf,
    stock: Mutex<Stock>,
}

/// A snapshot that somebody pulls; it is kept until this is dropped, whatever is recorded meanwhile. The next
/// checkpoint removes it then.
#[derive(Debug)]
pub struct Hold {
    shelf: Arc<Shelf>,
    standing: Standing,
}

impl Hold {
    /// The checkpoint that is held.
    #[must_use]
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The snapshot's file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        path_of(&self.shelf.dir, self.standing.marker.position.boundary)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let at = self.standing.marker.position.boundary;
        let mut stock = self.shelf.lock();
        if let Some(count) = stock.pulled.get_mut(&at) {
            count.1 -= 1;
            if count.1 == 0 {
                stock.pulled.remove(&at);
            }
        }
    }
}

impl Shelf {
    /// Of the snapshots in this directory, with the checkpoint that is in force.
    #[must_use]
    pub fn new(dir: PathBuf, standing: Option<Standing>) -> Self {
        let stock = Stock { standing, ..Stock::default() };
        Self { dir, stock: Mutex::new(stock) }
    }

    fn lock(&self) -> MutexGuard<'_, Stock> {
        // A panic stops the process, so a poisoned lock is never seen.
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The checkpoint in force.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        self.lock().standing.clone()
    }

    /// Holds the snapshot in force, for somebody who pulls it; `None` while there is none.
    #[must_use]
    pub fn hold(self: &Arc<Self>) -> Option<Hold> {
        let mut stock = self.lock();
        let standing = stock.standing.clone()?;
        let at = standing.marker.position.boundary;
        stock.pulled.entry(at).or_insert_with(|| (standing.clone(), 0)).1 += 1;
        Some(Hold { shelf: Arc::clone(self), standing })
    }

    /// The oldest commit that somebody pulls the snapshot of: the log after it is what they need next.
    #[must_use]
    pub fn oldest_pulled(&self) -> Option<Boundary> {
        self.lock().pulled.keys().next().copied()
    }

    /// The snapshot in force, and those that are still pulled, lowest commit first: each with how many pull it.
    #[must_use]
    pub fn files(&self) -> Vec<(Standing, u64)> {
        let stock = self.lock();
        let mut files = stock.pulled.clone();
        if let Some(standing) = &stock.standing {
            let at = standing.marker.position.boundary;
            files.entry(at).or_insert_with(|| (standing.clone(), 0));
        }
        files.into_values().collect()
    }

    /// Why the last attempt came to nothing; `None` when it did not, or there was none.
    #[must_use]
    pub fn aborted(&self) -> Option<String> {
        self.lock().aborted.clone()
    }

    /// A checkpoint is recorded, or an attempt at one came to nothing.
    pub(super) fn note(&self, outcome: Result<Standing, String>) {
        let mut stock = self.lock();
        match outcome {
            Ok(standing) => {
                stock.standing = Some(standing);
                stock.aborted = None;
            }
            Err(why) => stock.aborted = Some(why),
        }
    }

    /// Removes what no record names and nobody pulls, and what was never finished; how many files.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(super) fn clean(&self, disk: &dyn Disk) -> Result<usize, DiskError> {
        let mut removed = remove_unfinished(disk, &self.dir)?;
        for at in snapshots_in(disk, &self.dir)? {
            let stock = self.lock();
            let stands = stock.standing.as_ref().map(|it| it.marker.position.boundary) == Some(at);
            if !stands && !stock.pulled.contains_key(&at) {
                disk.remove(&path_of(&self.dir, at))?;
                removed += 1;
            }
        }
        if removed > 0 {
            disk.sync_dir(&self.dir)?;
        }
        Ok(removed)
    }
}
