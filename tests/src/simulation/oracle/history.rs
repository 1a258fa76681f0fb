//! PREFIX: what is acknowledged anywhere is one history. It only grows, each node's log and store hold it as far as
//! the node shows it, and the holder of the newest epoch holds all of it. The same for ledger entries that are
//! covered.

use std::collections::BTreeMap;

use aerodb_core::hash::{Chain, Hash};
use aerodb_core::id::{Boundary, CommitId, Seq};
use aerodb_core::machine::RoleName;
use aerodb_core::wal::{Batch, Op};
use aerodb_ledger::Fault;
use aerodb_node::shared::Shared;

use super::{Violation, violated};
use crate::simulation::{Cluster, Event};

const PREFIX: &str = "PREFIX";

/// The acknowledged history of the cluster.
#[derive(Debug)]
pub(super) struct History {
    commits: Vec<Vec<Op>>,
    ends: BTreeMap<u64, Chain>,
    ledger: BTreeMap<Seq, Hash>,
    /// How far each process was looked at.
    looked: Vec<(u64, Option<Seq>)>,
}

impl History {
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            commits: Vec::new(),
            ends: BTreeMap::new(),
            ledger: BTreeMap::new(),
            looked: vec![(0, None); nodes],
        }
    }

    pub(super) const fn length(&self) -> u64 {
        self.commits.len() as u64
    }

    pub(super) fn commit(&self, commit: u64) -> Option<&[Op]> {
        let at = usize::try_from(commit.checked_sub(1)?).ok()?;
        self.commits.get(at).map(Vec::as_slice)
    }

    /// Whether some commit past `after` has this value; where.
    pub(super) fn commits_past(&self, after: u64) -> impl Iterator<Item = (u64, &[Op])> {
        let skipped = usize::try_from(after).unwrap_or(usize::MAX);
        let commits = self.commits.iter().enumerate().skip(skipped);
        commits.map(|(at, ops)| (at as u64 + 1, ops.as_slice()))
    }

    /// The newest version of a key at a boundary, by the history alone.
    pub(super) fn version(&self, key: &[u8], at: u64) -> Option<(CommitId, &[u8])> {
        let upto = usize::try_from(at).unwrap_or(usize::MAX).min(self.commits.len());
        let newest = self.commits[..upto].iter().enumerate().rev().find_map(|(place, ops)| {
            let op = ops.iter().rev().find(|op| op.key() == key)?;
            Some((place as u64 + 1, op))
        });
        match newest {
            Some((commit, Op::Put { value, .. })) => Some((CommitId::new(commit)?, &value[..])),
            Some((_, Op::Delete { .. })) | None => None,
        }
    }

    pub(super) fn heard(&mut self, event: &Event) {
        match event {
            Event::Started(node) | Event::Ended(node, _) => self.looked[*node] = (0, None),
            Event::Answered(..)
            | Event::NotStarted(..)
            | Event::Cleared(_)
            | Event::Offline(..) => {}
        }
    }

    /// Takes what each node has come to show, and compares it.
    pub(super) fn look(&mut self, cluster: &Cluster, newest: u64) -> Result<(), Violation> {
        let all = || (0..cluster.size()).filter_map(|it| Some((it, cluster.shared(it)?)));
        // What is acknowledged is for a holder to say; whoever else shows it shows no more than that.
        for (place, shared) in all().filter(|(_, shared)| has_held(shared)) {
            self.look_at(place, shared)?;
        }
        for (place, shared) in all() {
            self.look_at(place, shared)?;
            self.entries_of(place, shared)?;
        }
        for place in 0..cluster.size() {
            let Some(shared) = cluster.shared(place) else { continue };
            let view = shared.view.load();
            let holds = view.role.role_name() == RoleName::PrimaryActive
                && view.authority.epoch().get() == newest;
            let end = shared.acks.bounds().durable.get();
            if holds && end < self.length() {
                let id = &shared.identity.node_id;
                let detail = format!(
                    "{id} holds epoch {newest}, its history ends at commit {end}, and {} are acknowledged",
                    self.length()
                );
                return violated("ACK", detail);
            }
        }
        Ok(())
    }

    fn look_at(&mut self, place: usize, shared: &Shared) -> Result<(), Violation> {
        let Some(bound) = shared.acks.bounds().acknowledged else { return Ok(()) };
        let from = self.looked[place].0;
        if bound.get() <= from {
            return Ok(());
        }
        let begins = shared.wal.start().map_or(0, |start| start.position.boundary.get());
        let from = from.max(begins);
        if from > self.length() {
            let detail = format!(
                "{} shows commits up to {bound} from a log that begins at {from}, and nobody has acknowledged more than {}",
                shared.identity.node_id,
                self.length()
            );
            return violated(PREFIX, detail);
        }
        let batches = match shared.wal.read_after(Boundary::new(from), bound, usize::MAX) {
            Ok(batches) => batches,
            // Its disk fails: it will end by itself, or be looked at again.
            Err(Fault::Disk(_)) => return Ok(()),
            Err(fault) => {
                let detail =
                    format!("{} cannot read its history: {fault}", shared.identity.node_id);
                return violated(PREFIX, detail);
            }
        };
        for raw in &batches {
            match raw.decode() {
                Ok(batch) => self.take(&batch, shared)?,
                Err(error) => return violated(PREFIX, format!("a batch does not decode: {error}")),
            }
        }
        self.looked[place].0 = bound.get();
        self.stored(shared, from + 1, bound.get())
    }

    fn take(&mut self, batch: &Batch, shared: &Shared) -> Result<(), Violation> {
        let (first, last, chain) = (batch.first().get(), batch.last().get(), batch.end().chain);
        if last <= self.length() {
            return match self.ends.get(&last) {
                Some(known) if *known == chain => Ok(()),
                known => violated(
                    PREFIX,
                    format!(
                        "{} has chain {chain} at commit {last} and shows it, the acknowledged history has {known:?}",
                        shared.identity.node_id
                    ),
                ),
            };
        }
        if first != self.length() + 1 {
            let detail = format!(
                "{} has a batch of {first} to {last}, acknowledged is {}",
                shared.identity.node_id,
                self.length()
            );
            return violated(PREFIX, detail);
        }
        if !has_held(shared) && Some(last) > said_by_the_ledger(shared) {
            let detail = format!(
                "{} shows commit {last}, and no holder has acknowledged more than {}",
                shared.identity.node_id,
                self.length()
            );
            return violated("VIS", detail);
        }
        self.commits.extend(batch.commits().map(|(_, commit)| commit.ops.clone()));
        self.ends.insert(last, chain);
        Ok(())
    }

    /// The store shows what the history says.
    fn stored(&self, shared: &Shared, first: u64, last: u64) -> Result<(), Violation> {
        let oldest = shared.store.oldest_retained().get();
        for commit in first.max(oldest)..=last {
            for op in self.commit(commit).unwrap_or_default() {
                let key = op.key();
                let shown = shared.store.get(key, Boundary::new(commit));
                let shown = shown.as_ref().map(|(commit, value)| (*commit, &value[..]));
                if shown != self.version(key, commit) {
                    let detail = format!(
                        "the store of {} shows another value of {} at commit {commit} than its log",
                        shared.identity.node_id,
                        String::from_utf8_lossy(key)
                    );
                    return violated("VIS", detail);
                }
            }
        }
        Ok(())
    }

    fn entries_of(&mut self, place: usize, shared: &Shared) -> Result<(), Violation> {
        let Some(covered) = shared.acks.bounds().covered else { return Ok(()) };
        let view = shared.view.load();
        if view.halt().is_some() {
            return Ok(());
        }
        let from = self.looked[place].1.map_or(1, |seq| seq.get() + 1);
        for number in from..=covered.get() {
            let Some(seq) = Seq::new(number) else { continue };
            let Some(hash) = view.authority.hash_at(seq) else { return Ok(()) };
            let known = *self.ledger.entry(seq).or_insert(hash);
            if known != hash {
                let detail = format!(
                    "{} has {hash} as covered ledger entry {seq}, elsewhere that is {known}",
                    shared.identity.node_id
                );
                return violated(PREFIX, detail);
            }
            self.looked[place].1 = Some(seq);
        }
        Ok(())
    }
}

/// Up to where the ledger itself says that everything was acknowledged: a designation is appended with the log
/// holding still, and the holder may have died before anybody heard of what it acknowledged last.
fn said_by_the_ledger(shared: &Shared) -> Option<u64> {
    let view = shared.view.load();
    let succession = view.authority.succession();
    succession.map(|heir| heir.designated_at().boundary.get())
}

fn has_held(shared: &Shared) -> bool {
    match shared.view.load().role.role_name() {
        RoleName::PrimaryActive | RoleName::PrimarySealed => true,
        RoleName::Uninitialized | RoleName::ReplicaActive | RoleName::ReplicationHalted => false,
    }
}
