//! Looking at the disk and changing it behind the program's back, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aerodb_core::hash::Hash;

use crate::disk::simulated::bytes::FileBytes;
use crate::disk::simulated::content::{Content, Name, NodeId};
use crate::disk::simulated::{SimulatedDisk, loss};

impl SimulatedDisk {
    /// Every file that is shown, with the bytes that are shown.
    #[must_use]
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let content = self.state().content.clone();
        let paths = content.paths();
        let files = paths.into_iter().filter_map(|(node, path)| {
            let shown = content.find(&path) == Ok(node);
            Some((path, content.file(node).filter(|_| shown)?.shown().to_vec()))
        });
        files.collect()
    }

    /// The bytes of one file as they are shown; `None` where there is no such file.
    #[must_use]
    pub fn file(&self, path: &Path) -> Option<Vec<u8>> {
        let content = &self.state().content;
        Some(content.file(content.find(path).ok()?)?.shown().to_vec())
    }

    /// Puts a file there, or other bytes into the one that is: durable, name and all. Its directory must
    /// exist, or nothing happens.
    pub fn put_file(&self, path: &Path, bytes: Vec<u8>) {
        let content = &mut self.state().content;
        if let Ok(node) = content.create(path)
            && let Some(file) = content.file_mut(node)
        {
            *file = FileBytes::durable(bytes);
            settle(content, path);
        }
    }

    /// Removes a file durably, if it is there.
    pub fn remove_file(&self, path: &Path) {
        let content = &mut self.state().content;
        if content.remove(path).is_ok() {
            settle(content, path);
        }
    }

    /// Lets the device hold other bytes than the cache shows, as after an fsync that failed.
    pub fn set_device(&self, path: &Path, bytes: Vec<u8>) {
        let content = &mut self.state().content;
        if let Ok(node) = content.find(path)
            && let Some(file) = content.file_mut(node)
        {
            file.set_device(bytes);
        }
    }

    /// A digest of the files whose path `counts` accepts: names, bytes, and all that is unsynced about them.
    /// Two disks with one digest behave alike, as far as these files go: in what order the versions of
    /// something unsynced came, and how often the same one, makes no difference.
    #[must_use]
    pub fn fingerprint(&self, counts: impl Fn(&Path) -> bool) -> Hash {
        let content = self.state().content.clone();
        let paths = content.paths();
        let mut description = Vec::new();
        for ((dir, name), leads) in content.names() {
            let path = paths.get(dir).map(|dir| dir.join(&**name));
            if let Some(path) = path.filter(|path| counts(path)) {
                description.extend_from_slice(path.as_os_str().as_encoded_bytes());
                describe(&content, leads, &mut description);
            }
        }
        Hash::of("aerodb 2026 simulated disk", &[&description])
    }

    /// Whether both disks hold the same under `dir`, unsynced parts included. Decided without looking at
    /// the bytes: `false` may be wrong, `true` is not.
    #[must_use]
    pub fn is_same_under(&self, other: &Self, dir: &Path) -> bool {
        let (left, right) = (self.state().content.clone(), other.state().content.clone());
        let here = |content: &Content| content.find_dir(dir).ok();
        let (Some(at), Some(other_at)) = (here(&left), here(&right)) else { return false };
        let entries = |content: &Content| -> Vec<_> {
            let all = content.names().iter().filter(|((parent, _), _)| *parent == at);
            all.map(|(entry, leads)| (Arc::clone(&entry.1), leads.clone())).collect()
        };
        let (names, others) = (entries(&left), entries(&right));
        at == other_at
            && names == others
            && names.iter().all(|(_, leads)| {
                let mut nodes =
                    leads.durable.iter().chain(&leads.shown).chain(leads.pending.iter().flatten());
                nodes.all(|node| match (left.file(*node), right.file(*node)) {
                    (Some(left), Some(right)) => left.is_same(right),
                    (None, None) => true,
                    (Some(_), None) | (None, Some(_)) => false,
                })
            })
    }

    /// Whether every disk that a power loss of this one can leave is one that a power loss of `other` can
    /// leave, as far as the files in `dir` go whose name `counts` accepts. A search that went through all of
    /// the latter needs none of the former. `false` may be wrong, `true` is not.
    #[must_use]
    pub fn losses_within(&self, other: &Self, dir: &Path, counts: impl Fn(&str) -> bool) -> bool {
        let (smaller, larger) = (self.state().content.clone(), other.state().content.clone());
        loss::is_covered(&smaller, &larger, dir, counts)
    }
}

/// Makes the name durable.
fn settle(content: &mut Content, path: &Path) {
    if let Ok(dir) = content.find_dir(path.parent().unwrap_or(Path::new("/"))) {
        content.sync_dir(dir, u64::MAX);
    }
}

/// Where a name leads and may lead after a power loss. A file that is not shown changes no more, so that of
/// two such with the same content one is enough.
fn describe(content: &Content, leads: &Name, into: &mut Vec<u8>) {
    let digest = |node: Option<NodeId>| {
        let file = node.and_then(|node| content.file(node));
        file.map_or(Hash([u8::from(node.is_some()); 32]), FileBytes::digest)
    };
    let (durable, shown) = (digest(leads.durable), digest(leads.shown));
    let hidden = leads.pending.iter().filter(|node| **node != leads.shown);
    let hidden: BTreeSet<_> =
        hidden.map(|node| digest(*node)).filter(|of| *of != durable).collect();
    for digest in [durable, shown].iter().chain(&hidden) {
        into.extend_from_slice(digest.as_bytes());
    }
    into.push(u8::from(leads.durable == leads.shown));
    into.push(u8::from(leads.pending.contains(&leads.shown)));
}
