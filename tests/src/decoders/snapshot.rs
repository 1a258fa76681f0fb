//! A snapshot's file, whole.

use std::path::Path;

use aerodb_ledger::snapshot::{SnapshotReader, SnapshotVersion};

use super::directory::Directory;
use super::seal;

const NAME: &str = "00000000000000000001.snapshot";

fn reads(bytes: &[u8]) -> bool {
    let disk = Directory::of([(NAME.to_owned(), bytes.to_vec())]);
    let Ok(reader) = SnapshotReader::streaming(&disk, Path::new(NAME)) else { return false };
    let manifest = *reader.manifest();
    assert!(bytes.ends_with(&manifest.encode()), "a manifest has one encoding");
    let Ok(versions) = reader.versions().collect::<Result<Vec<SnapshotVersion>, _>>() else {
        return false;
    };
    assert_eq!(versions.len() as u64, manifest.versions);
    let cut = manifest.facts.position.boundary;
    assert!(versions.iter().all(|version| cut.covers(version.commit)), "none lies past the cut");
    let order =
        |version: &SnapshotVersion| (version.key.clone(), std::cmp::Reverse(version.commit));
    assert!(versions.windows(2).all(|pair| order(&pair[0]) < order(&pair[1])), "in order");
    true
}

/// The bytes of a snapshot's file.
#[must_use]
pub fn snapshot(bytes: &[u8]) -> bool {
    let mut sealed = bytes.to_vec();
    seal::snapshot(&mut sealed);
    reads(bytes) | reads(&sealed)
}
