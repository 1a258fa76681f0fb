//! The names of snapshots.

use std::path::{Path, PathBuf};

use aerodb_core::id::Boundary;

use crate::disk::{Disk, DiskError, TEMPORARY};

const SUFFIX: &str = ".snapshot";

fn name_of(cut: Boundary) -> String {
    format!("{:020}{SUFFIX}", cut.get())
}

/// The file of the snapshot at this commit.
#[must_use]
pub fn path_of(dir: &Path, cut: Boundary) -> PathBuf {
    dir.join(name_of(cut))
}

/// The commit of the snapshot with this file name; `None` for a name that none has.
fn cut_of(name: &str) -> Option<Boundary> {
    let cut = Boundary::new(name.strip_suffix(SUFFIX)?.parse().ok()?);
    (name == name_of(cut)).then_some(cut)
}

/// The commits of the snapshots in a directory, oldest first; none where there is no directory. Nothing is said
/// about what the files hold.
///
/// # Errors
/// [`DiskError`].
pub fn snapshots_in(disk: &dyn Disk, dir: &Path) -> Result<Vec<Boundary>, DiskError> {
    // Twenty digits each: names sort as their numbers do.
    Ok(names(disk, dir)?.iter().filter_map(|name| cut_of(name)).collect())
}

/// Removes what was never finished, as a crash leaves it; how many there were.
///
/// # Errors
/// [`DiskError`].
pub fn remove_unfinished(disk: &dyn Disk, dir: &Path) -> Result<usize, DiskError> {
    let unfinished =
        |name: &String| name.strip_suffix(TEMPORARY).is_some_and(|of| cut_of(of).is_some());
    let names: Vec<_> = names(disk, dir)?.into_iter().filter(unfinished).collect();
    names.iter().try_for_each(|name| disk.remove(&dir.join(name)))?;
    Ok(names.len())
}

fn names(disk: &dyn Disk, dir: &Path) -> Result<Vec<String>, DiskError> {
    match disk.list(dir) {
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        listed => listed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_has_one_name_only() {
        assert_eq!(cut_of("00000000000000000042.snapshot"), Some(Boundary::new(42)));
        for name in [
            "42.snapshot",
            "+0000000000000000042.snapshot",
            "00000000000000000042.snapshot.tmp",
            "99999999999999999999.snapshot",
            "00000000000000000042",
        ] {
            assert_eq!(cut_of(name), None, "{name}");
        }
    }
}
