//! Explanations on demand: the facts of this moment through the same functions that decide.

use aerodb_core::decision::read::{VersionSeen, VisibilityFacts};
use aerodb_core::decision::safety::SafetyFacts;
use aerodb_core::explain::{Explanation, explain};
use aerodb_core::id::Boundary;
use aerodb_core::machine::Machine as _;
use aerodb_core::position::Position;
use bytes::Bytes;

use crate::http::Http;
use crate::http::inspect::ANY_READ;
use crate::http::read::Wanted;

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
