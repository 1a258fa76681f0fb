//! What cargo-mutants found (`tests/mutation/run`), against `docs/mutants.toml`: the mutants of `core` and `ledger`
//! that no test catches, each with the reason why none can, or why none need.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum MutationFault {
    /// A file is not there or cannot be read.
    #[error("{}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The list is not of its form.
    #[error("docs/mutants.toml: {0}")]
    List(#[from] toml::de::Error),
    /// A line of cargo-mutants' outcome that names no place in a source.
    #[error("this names no mutant: {0}")]
    Unnamed(String),
}

/// A mutant, wherever in its file the line stands that it changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// The source, from the root of the repository.
    pub file: String,
    /// The line that it changes, without the spaces around it.
    pub line: String,
    /// What it does, in the words of cargo-mutants.
    pub change: String,
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.file, self.change, self.line)
    }
}

/// A mutant that may survive.
#[derive(Debug, Clone, Deserialize)]
pub struct Argued {
    /// Which one.
    #[serde(flatten)]
    pub mutant: Mutant,
    /// Why no test can catch it, or none need.
    pub why: String,
}

/// The list of those.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    survivor: Vec<Argued>,
}

/// The mutants that may survive, from `docs/mutants.toml` in `root`.
///
/// # Errors
/// [`MutationFault`].
pub fn argued(root: &Path) -> Result<Vec<Argued>, MutationFault> {
    let list: List = toml::from_str(&read(&root.join("docs/mutants.toml"))?)?;
    Ok(list.survivor)
}

/// What became of the mutants of one or several runs.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many a test caught.
    pub caught: usize,
    /// How many ran until they were stopped, which is as good as caught.
    pub timeouts: usize,
    /// How many do not compile, and count for nothing.
    pub unviable: usize,
    /// Those that no test caught.
    pub survived: Vec<Mutant>,
}

impl Outcome {
    /// Adds what a run left in its directory `mutants.out`, of the sources in `root`.
    ///
    /// # Errors
    /// [`MutationFault`].
    pub fn add(&mut self, root: &Path, out: &Path) -> Result<(), MutationFault> {
        let lines = |name: &str| read(&out.join(name));
        self.caught += lines("caught.txt")?.lines().count();
        self.timeouts += lines("timeout.txt")?.lines().count();
        self.unviable += lines("unviable.txt")?.lines().count();
        for line in lines("missed.txt")?.lines() {
            self.survived.push(mutant_at(root, line)?);
        }
        Ok(())
    }

    /// How many could have been caught.
    #[must_use]
    pub const fn tested(&self) -> usize {
        self.caught + self.timeouts + self.survived.len()
    }

    /// Those that survived without an argument.
    #[must_use]
    pub fn unargued(&self, argued: &[Argued]) -> Vec<&Mutant> {
        let argued: BTreeSet<&Mutant> = argued.iter().map(|it| &it.mutant).collect();
        self.survived.iter().filter(|mutant| !argued.contains(mutant)).collect()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { caught, timeouts, unviable, survived } = self;
        let (tested, survived) = (self.tested(), survived.len());
        let percent = 100.0 * survived as f64 / tested.max(1) as f64;
        write!(
            f,
            "{tested} tested: {caught} caught, {timeouts} stopped, {survived} survived ({percent:.2} %); "
        )?;
        write!(f, "{unviable} do not compile")
    }
}

/// The mutant that cargo-mutants names as `FILE:LINE:COLUMN: CHANGE`.
fn mutant_at(root: &Path, named: &str) -> Result<Mutant, MutationFault> {
    let unnamed = || MutationFault::Unnamed(named.to_owned());
    let (place, change) = named.split_once(": ").ok_or_else(unnamed)?;
    let mut place = place.split(':');
    let (file, line) = (place.next().ok_or_else(unnamed)?, place.next().ok_or_else(unnamed)?);
    let line: usize = line.parse().map_err(|_| unnamed())?;
    let source = read(&root.join(file))?;
    let text = line.checked_sub(1).and_then(|line| source.lines().nth(line)).ok_or_else(unnamed)?;
    Ok(Mutant { file: file.into(), line: text.trim().into(), change: change.into() })
}

fn read(path: &Path) -> Result<String, MutationFault> {
    fs::read_to_string(path).map_err(|source| MutationFault::Read { path: path.into(), source })
}
