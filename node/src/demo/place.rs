//! Where the demo's nodes live.

use std::path::{Path, PathBuf};

use aerodb_ledger::disk::RealDisk;

use crate::cli::Failure;
use crate::directory::{DataDir, check_vacant};

/// The directory above the nodes' directories.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    temporary: bool,
}

impl Place {
    /// The directory that was asked for, or a temporary one with a random name.
    pub(super) fn new(asked: Option<PathBuf>) -> Result<Self, Failure> {
        let (path, temporary) = match asked {
            Some(path) => (path, false),
            None => (temporary()?, true),
        };
        check_vacant(&DataDir::new(&path), &RealDisk)?;
        std::fs::create_dir_all(&path).map_err(|error| {
            Failure::Unreadable(format!("cannot create {}: {error}", path.display()))
        })?;
        let path = std::path::absolute(&path).unwrap_or(path);
        Ok(Self { path, temporary })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes a temporary directory. What cannot be removed is the operating system's to clear.
    pub(super) fn remove(&self) {
        if self.temporary {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

fn temporary() -> Result<PathBuf, Failure> {
    let mut random = [0; 4];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::Unreadable(format!("cannot draw random bytes: {error}")))?;
    let name = format!("aerodb-demo-{:08x}", u32::from_be_bytes(random));
    Ok(std::env::temp_dir().join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_something_in_it_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("precious"), b"x").unwrap();
        let refused = Place::new(Some(dir.path().to_owned()));
        assert!(matches!(refused, Err(Failure::Refused(_))));
    }

    #[test]
    fn only_a_temporary_directory_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let asked = Place::new(Some(parent.path().join("d"))).unwrap();
        asked.remove();
        assert!(asked.path().is_dir());
        let temporary = Place::new(None).unwrap();
        temporary.remove();
        assert!(!temporary.path().exists());
    }
}
