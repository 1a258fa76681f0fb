//! The tree: names that lead to files and directories, each name durable, pending, or both.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::disk::simulated::bytes::FileBytes;

/// A file or a directory, whatever its name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(u32);

#[derive(Debug, Clone)]
pub(super) enum Node {
    Directory,
    File(FileBytes),
}

/// What a name leads to; `None` where it does not exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Name {
    /// On the device.
    pub(super) durable: Option<NodeId>,
    /// In the cache.
    pub(super) shown: Option<NodeId>,
    /// What it led to since the last fsync of its directory, the durable one left out.
    pub(super) pending: Vec<Option<NodeId>>,
}

/// A name within a directory.
pub(super) type Entry = (NodeId, Arc<str>);

/// All that the disk holds. Cloning it copies nothing; what is changed later is copied then.
#[derive(Debug, Clone)]
pub(super) struct Content {
    names: Arc<BTreeMap<Entry, Name>>,
    nodes: Arc<BTreeMap<NodeId, Arc<Node>>>,
}

const ROOT: NodeId = NodeId(0);

impl NodeId {
    pub(super) const fn number(self) -> u32 {
        self.0
    }
}

impl Name {
    /// What a power loss can make it lead to.
    pub(super) fn targets(&self) -> Vec<Option<NodeId>> {
        std::iter::once(self.durable).chain(self.pending.iter().copied()).collect()
    }

    fn lead_to(&mut self, node: Option<NodeId>) {
        self.shown = node;
        if node != self.durable && !self.pending.contains(&node) {
            self.pending.push(node);
        }
    }
}

impl Content {
    /// An empty root directory.
    pub(super) fn new() -> Self {
        let root = BTreeMap::from([(ROOT, Arc::new(Node::Directory))]);
        Self { names: Arc::default(), nodes: Arc::new(root) }
    }

    pub(super) fn from_parts(
        names: BTreeMap<Entry, Name>,
        nodes: BTreeMap<NodeId, Arc<Node>>,
    ) -> Self {
        Self { names: Arc::new(names), nodes: Arc::new(nodes) }
    }

    pub(super) fn names(&self) -> &BTreeMap<Entry, Name> {
        &self.names
    }

    pub(super) fn nodes(&self) -> &BTreeMap<NodeId, Arc<Node>> {
        &self.nodes
    }

    /// The node that a path leads to.
    pub(super) fn find(&self, path: &Path) -> Result<NodeId, ErrorKind> {
        let mut node = ROOT;
        for component in path.components() {
            match component {
                Component::RootDir | Component::CurDir => {}
                Component::Normal(name) => {
                    let name = name.to_str().ok_or(ErrorKind::InvalidFilename)?;
                    let entry = self.names.get(&(node, Arc::from(name)));
                    node = entry.and_then(|name| name.shown).ok_or(ErrorKind::NotFound)?;
                }
                Component::ParentDir | Component::Prefix(_) => {
                    return Err(ErrorKind::InvalidFilename);
                }
            }
        }
        Ok(node)
    }

    pub(super) fn find_dir(&self, path: &Path) -> Result<NodeId, ErrorKind> {
        let found = self.find(path)?;
        match &*self.nodes[&found] {
            Node::Directory => Ok(found),
            Node::File(_) => Err(ErrorKind::NotADirectory),
        }
    }

    pub(super) fn find_file(&self, path: &Path) -> Result<NodeId, ErrorKind> {
        let found = self.find(path)?;
        match &*self.nodes[&found] {
            Node::File(_) => Ok(found),
            Node::Directory => Err(ErrorKind::IsADirectory),
        }
    }

    /// The place of a path's last name, in a directory that exists.
    fn entry(&self, path: &Path) -> Result<Entry, ErrorKind> {
        let name = path.file_name().and_then(|name| name.to_str());
        let dir = self.find_dir(path.parent().unwrap_or(Path::new("/")))?;
        Ok((dir, Arc::from(name.ok_or(ErrorKind::InvalidFilename)?)))
    }

    /// The names that a directory shows.
    pub(super) fn list(&self, dir: NodeId) -> impl Iterator<Item = (&Arc<str>, NodeId)> {
        let here = self.names.range((dir, Arc::from(""))..);
        let here = here.take_while(move |((parent, _), _)| *parent == dir);
        here.filter_map(|((_, name), leads)| Some((name, leads.shown?)))
    }

    pub(super) fn file(&self, node: NodeId) -> Option<&FileBytes> {
        match &**self.nodes.get(&node)? {
            Node::File(bytes) => Some(bytes),
            Node::Directory => None,
        }
    }

    pub(super) fn file_mut(&mut self, node: NodeId) -> Option<&mut FileBytes> {
        match Arc::make_mut(Arc::make_mut(&mut self.nodes).get_mut(&node)?) {
            Node::File(bytes) => {
                bytes.forget_digest();
                Some(bytes)
            }
            Node::Directory => None,
        }
    }

    fn lead(&mut self, entry: Entry, node: Option<NodeId>) {
        Arc::make_mut(&mut self.names).entry(entry).or_default().lead_to(node);
    }

    fn add(&mut self, entry: Entry, node: Node) -> NodeId {
        let last = self.nodes.keys().next_back().map_or(0, |last| last.0);
        let id = NodeId(last + 1);
        Arc::make_mut(&mut self.nodes).insert(id, Arc::new(node));
        self.lead(entry, Some(id));
        id
    }

    /// Creates an empty file; one that has the name loses it.
    pub(super) fn create(&mut self, path: &Path) -> Result<NodeId, ErrorKind> {
        match self.find_file(path) {
            Ok(_) | Err(ErrorKind::NotFound) => {
                let entry = self.entry(path)?;
                Ok(self.add(entry, Node::File(FileBytes::default())))
            }
            Err(other) => Err(other),
        }
    }

    /// Creates a directory; one that exists is left as it is.
    pub(super) fn create_dir(&mut self, path: &Path) -> Result<(), ErrorKind> {
        match self.find_dir(path) {
            Ok(_) => Ok(()),
            Err(ErrorKind::NotFound) => {
                let entry = self.entry(path)?;
                self.add(entry, Node::Directory);
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    /// Renames a file or a directory, replacing a file or an empty directory.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> Result<(), ErrorKind> {
        let (node, from, to) = (self.find(from)?, self.entry(from)?, self.entry(to)?);
        let replaced = self.names.get(&to).and_then(|name| name.shown);
        if replaced.is_some_and(|replaced| self.list(replaced).next().is_some()) {
            return Err(ErrorKind::DirectoryNotEmpty);
        }
        self.lead(to, Some(node));
        self.lead(from, None);
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> Result<(), ErrorKind> {
        self.find_file(path)?;
        let entry = self.entry(path)?;
        self.lead(entry, None);
        Ok(())
    }

    pub(super) fn remove_dir(&mut self, path: &Path) -> Result<(), ErrorKind> {
        let dir = self.find_dir(path)?;
        if self.list(dir).next().is_some() {
            return Err(ErrorKind::DirectoryNotEmpty);
        }
        let entry = self.entry(path)?;
        self.lead(entry, None);
        Ok(())
    }

    /// An fsync of a directory: of the pending names in order, those whose bit is set reach the device; all
    /// count as durable from now on.
    pub(super) fn sync_dir(&mut self, dir: NodeId, reached: u64) {
        let names = Arc::make_mut(&mut self.names).iter_mut();
        let pending =
            names.filter(|((parent, _), name)| *parent == dir && !name.pending.is_empty());
        for (at, (_, name)) in pending.enumerate() {
            if reached == u64::MAX || (at < 64 && reached >> at & 1 == 1) {
                name.durable = name.shown;
            }
            name.pending.clear();
        }
    }

    /// A path for every node that some name leads to, or led to since the last fsync of its directory:
    /// the one that is shown, or else a pending, or else a durable one.
    pub(super) fn paths(&self) -> BTreeMap<NodeId, PathBuf> {
        let mut paths = BTreeMap::from([(ROOT, PathBuf::from("/"))]);
        let mut open = vec![ROOT];
        while let Some(dir) = open.pop() {
            let base = paths[&dir].clone();
            let here =
                || self.names.range((dir, Arc::from(""))..).take_while(|(at, _)| at.0 == dir);
            let shown = here().map(|((_, name), leads)| (name, leads.shown));
            let pending = here().flat_map(|((_, name), leads)| {
                leads.pending.iter().rev().map(move |node| (name, *node))
            });
            let durable = here().map(|((_, name), leads)| (name, leads.durable));
            for (name, node) in shown.chain(pending).chain(durable) {
                let Some(node) = node.filter(|node| !paths.contains_key(node)) else { continue };
                paths.insert(node, base.join(&**name));
                open.push(node);
            }
        }
        paths
    }
}
