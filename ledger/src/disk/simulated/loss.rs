//! What a power loss can leave.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::simulated::bytes::{FileBytes, SECTOR_BYTES};
use crate::disk::simulated::content::{Content, Name, Node, NodeId};

/// Something that no fsync covers. Of each, a power loss leaves one version: 0 is what the device holds,
/// 1 and up what was there since, in order. Each is chosen independently of all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsynced {
    /// What it is.
    pub what: UnsyncedPart,
    /// The file or the name.
    pub path: PathBuf,
    /// How many versions there are, at least 2.
    pub versions: usize,
    node: NodeId,
}

/// Which part of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsyncedPart {
    /// A name in a directory.
    Name,
    /// The length of a file.
    Length,
    /// A sector of a file, by its number.
    Sector(usize),
}

/// Everything that a power loss decides about.
pub(super) fn unsynced(content: &Content) -> Vec<Unsynced> {
    let paths = content.paths();
    let mut found = Vec::new();
    let mut add = |what, path: PathBuf, others: usize, node| {
        if others > 0 {
            found.push(Unsynced { what, path, versions: others + 1, node });
        }
    };
    for ((dir, name), leads) in content.names() {
        if let Some(dir_path) = paths.get(dir) {
            add(UnsyncedPart::Name, dir_path.join(&**name), leads.pending.len(), *dir);
        }
    }
    for (node, path) in &paths {
        let Some(file) = content.file(*node) else { continue };
        add(UnsyncedPart::Length, path.clone(), file.other_lengths(), *node);
        for (number, others) in file.other_sectors() {
            add(UnsyncedPart::Sector(number), path.clone(), others, *node);
        }
    }
    found
}

/// The disk that a power loss leaves: nothing is cached, and all that there is is durable.
pub(super) fn after_power_loss(
    content: &Content,
    mut choose: impl FnMut(&Unsynced) -> usize,
) -> Content {
    let (mut leads, mut files) = (BTreeMap::new(), BTreeMap::<_, (usize, Vec<_>)>::new());
    for part in unsynced(content) {
        let version = choose(&part).min(part.versions - 1);
        match part.what {
            UnsyncedPart::Name => {
                let name = part.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                leads.insert((part.node, Arc::<str>::from(name)), version);
            }
            UnsyncedPart::Length => files.entry(part.node).or_default().0 = version,
            UnsyncedPart::Sector(number) => {
                files.entry(part.node).or_default().1.push((number, version));
            }
        }
    }
    let names = content.names().iter().filter_map(|(entry, name)| {
        let version = leads.get(entry).copied().unwrap_or(0);
        let node = version.checked_sub(1).map_or(name.durable, |at| name.pending[at])?;
        let name = Name { durable: Some(node), shown: Some(node), pending: Vec::new() };
        Some((entry.clone(), name))
    });
    let names: BTreeMap<_, _> = names.collect();
    let nodes = content.nodes().iter().map(|(id, node)| {
        let node = match &**node {
            Node::Directory => Arc::clone(node),
            Node::File(file) if file.is_durable() => Arc::clone(node),
            Node::File(file) => {
                let (length, sectors) = files.remove(id).unwrap_or_default();
                Arc::new(Node::File(file.after_power_loss(length, &sectors)))
            }
        };
        (*id, node)
    });
    reachable(Content::from_parts(names, nodes.collect()))
}

/// What some name leads to, and nothing else.
fn reachable(content: Content) -> Content {
    let paths = content.paths();
    let names = content.names().iter().filter(|((dir, _), _)| paths.contains_key(dir));
    let nodes = content.nodes().iter().filter(|(node, _)| paths.contains_key(node));
    Content::from_parts(
        names.map(|(entry, name)| (entry.clone(), name.clone())).collect(),
        nodes.map(|(id, node)| (*id, Arc::clone(node))).collect(),
    )
}

/// Whether every disk that a power loss of `smaller` can leave is one that a power loss of `larger` can
/// leave too, as far as the files of `dir` go whose name `counts` accepts. The names of directories must be
/// durable, or the answer is no.
pub(super) fn is_covered(
    smaller: &Content,
    larger: &Content,
    dir: &Path,
    counts: impl Fn(&str) -> bool,
) -> bool {
    let (Ok(small_dir), Ok(large_dir)) = (smaller.find_dir(dir), larger.find_dir(dir)) else {
        return false;
    };
    let names = |content: &Content, dir| -> BTreeMap<Arc<str>, Name> {
        let here = content.names().iter().filter(|((at, name), _)| *at == dir && counts(name));
        here.map(|((_, name), leads)| (Arc::clone(name), leads.clone())).collect()
    };
    let (small, large) = (names(smaller, small_dir), names(larger, large_dir));
    let none = Name::default();
    directories_are_durable(smaller)
        && directories_are_durable(larger)
        && small.keys().chain(large.keys()).all(|name| {
            let small = small.get(name).unwrap_or(&none).targets();
            let large = large.get(name).unwrap_or(&none).targets();
            small.iter().all(|small| {
                large.iter().any(|large| match (small, large) {
                    (None, None) => true,
                    (Some(small), Some(large)) => match (smaller.file(*small), larger.file(*large))
                    {
                        (Some(small), Some(large)) => covers(large, small),
                        (Some(_) | None, _) => false,
                    },
                    (Some(_), None) | (None, Some(_)) => false,
                })
            })
        })
}

fn directories_are_durable(content: &Content) -> bool {
    content.names().values().all(|leads| {
        let is_dir = leads.targets().iter().flatten().any(|node| content.file(*node).is_none());
        !is_dir || leads.pending.is_empty() && leads.shown == leads.durable
    })
}

/// Whether each version of each sector of the one is a version of the same sector of the other.
fn covers(large: &FileBytes, small: &FileBytes) -> bool {
    let (device, other) = (small.on_device(), large.on_device());
    if small.other_lengths() + large.other_lengths() > 0 || device.len() != other.len() {
        return false;
    }
    let dirty: BTreeMap<_, _> = small.other_sectors().collect();
    let sectors = device.chunks(SECTOR_BYTES).zip(other.chunks(SECTOR_BYTES)).enumerate();
    sectors.into_iter().all(|(number, (device, other))| {
        (device == other && !dirty.contains_key(&number)) || {
            let allowed: Vec<_> = large.versions(number).collect();
            small.versions(number).all(|version| allowed.contains(&version))
        }
    })
}
