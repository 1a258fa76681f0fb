//! The files of the repository that are looked at, and places in them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::AuditFault;

/// The crates.
pub(super) const CRATES: [&str; 6] = ["core", "ledger", "http-api", "node", "statecharts", "tests"];

/// An item in a file; the whole file when the item is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file's path in the repository.
    pub file: String,
    /// The function, type or test.
    pub item: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.item.as_str() {
            "" => f.write_str(&self.file),
            item => write!(f, "{} {item}", self.file),
        }
    }
}

/// A file's path in the repository and its text.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
}

/// Every file of the crates with this extension, by path.
pub(super) fn files(root: &Path, extension: &str) -> Result<Vec<Source>, AuditFault> {
    let mut found = Vec::new();
    for folder in CRATES {
        walk(&root.join(folder), extension, &mut found)?;
    }
    found.sort_unstable();
    let read = |path: PathBuf| {
        let within = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        let text = fs::read_to_string(&path)
            .map_err(|error| AuditFault::File { path: within.clone(), error })?;
        Ok(Source { path: within, text })
    };
    found.into_iter().map(read).collect()
}

fn walk(dir: &Path, extension: &str, found: &mut Vec<PathBuf>) -> Result<(), AuditFault> {
    let fault = |error| AuditFault::File { path: dir.display().to_string(), error };
    for entry in fs::read_dir(dir).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        if path.is_dir() {
            walk(&path, extension, found)?;
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    Ok(())
}
