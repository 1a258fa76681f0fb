//! Explanations on demand: the facts of this moment through the same functions that decide.

use aerodb_core::decision::read::{VersionSeen, VisibilityFacts};
use aerodb_core::decision::safety::SafetyFacts;
use aerodb_core::decision::segment::{Genuine, SegmentFacts};
use aerodb_core::explain::{Explanation, explain};
use aerodb_core::id::{Boundary, CommitId};
use aerodb_core::machine::Machine as _;
use aerodb_core::position::Position;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use aerodb_ledger::Fault;
use bytes::Bytes;

use crate::http::Http;
use crate::http::inspect::ANY_READ;
use crate::http::read::Wanted;
use crate::replication::unreadable_history;

/// The most versions of one key in an explanation.
const VERSIONS_MAX: usize = 100;

impl Http {
    pub(super) fn write_explanation(&self) -> Explanation {
        let mut facts = self.shared.view.load().write.clone();
        facts.live = self.shared.write_live();
        explain(&facts)
    }

    pub(super) fn read_explanation(&self, key: &Bytes, at: Option<Boundary>) -> Explanation {
        let view = self.shared.view.load();
        let gate = self.read_facts(&view, Wanted { at, ..ANY_READ }, None);
        let bound = gate.admit().unwrap_or(Boundary::ORIGIN);
        let seen = |version: crate::store::VersionInfo| VersionSeen {
            commit_id: version.commit_id,
            tombstone: version.tombstone,
            bytes: version.bytes as u64,
        };
        // What is not acknowledged is shown to nobody, in no form; and what lies above the view decides nothing.
        let versions = self.shared.store.versions(key, bound, VERSIONS_MAX);
        let versions = versions.into_iter().map(seen).collect();
        explain(&VisibilityFacts { key: String::from_utf8_lossy(key).into_owned(), gate, versions })
    }

    /// The batch that holds the commit, held against what lies before it and against the ledger here.
    pub(super) fn segment_explanation(&self, commit: CommitId) -> Result<Explanation, Problem> {
        let wal = &self.shared.wal;
        let before = Boundary::new(commit.get() - 1);
        let raw = match wal.read_after(before, wal.durable_end(), 1) {
            Ok(batches) => batches.into_iter().next(),
            Err(Fault::Removed { .. }) => None,
            Err(fault) => {
                let remedies = unreadable_history(&self.shared.identity.node_id);
                return Err(
                    Problem::new(Code::Halted, fault.to_string()).rule(fault.rule(), remedies)
                );
            }
        };
        let none =
            || Problem::new(Code::NoSuchEntry, format!("the log has no batch with {commit}"));
        let raw = raw.ok_or_else(none)?;
        let authority = &self.shared.view.load_full().authority;
        let (batch, damage) = match raw.decode() {
            Ok(batch) => {
                let known = authority.contains(&batch.stamp());
                let header = *batch.as_ref();
                (Some(Genuine::new(header, |commit| authority.epoch_at(commit), known)), None)
            }
            Err(error) => (None, Some(error.to_string())),
        };
        let start = raw.claimed_range().map_or(before, |(first, _)| Boundary::new(first.get() - 1));
        let cluster = self.shared.identity.cluster;
        let tip = match start {
            Boundary::ORIGIN => Some(Position::origin(&cluster)),
            start => wal.batch_end_at(start).ok().flatten().or_else(|| self.kept_at(start)),
        };
        let validated = self.shared.progress().validated;
        Ok(explain(&SegmentFacts { cluster, tip, validated, batch, damage }))
    }

    /// Where the log begins, if that is the place.
    fn kept_at(&self, boundary: Boundary) -> Option<Position> {
        let start = self.shared.wal.start().map(|start| start.position);
        start.filter(|start| start.boundary == boundary)
    }

    pub(super) fn safety_explanation(&self) -> Explanation {
        let view = self.shared.view.load();
        let bounds = self.shared.acks.bounds();
        let cluster = self.shared.identity.cluster;
        let end = self.shared.wal.batch_end_at(bounds.durable).ok().flatten();
        explain(&SafetyFacts {
            cluster,
            node: self.shared.identity.node_id.clone(),
            epoch: view.authority.epoch(),
            role: view.role.role_name(),
            pipeline: self.shared.machines.pipeline.get().name(),
            halt: view.halt(),
            latched: view.latch.failures().cloned().collect(),
            progress: self.shared.progress(),
            wal_end: end.unwrap_or_else(|| Position::origin(&cluster)),
            acknowledged: bounds.acknowledged,
            upstream_tip: *self.shared.upstream_tip.borrow(),
        })
    }
}
