//! The one catalogue of rules. A decision, a refusal or a fault can only cite what stands here.
//!
//! Keeps: EX-3, P6-RI2.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer, de::Error as _};

macro_rules! catalogue {
    ($($variant:ident, $id:literal, $source:literal, $enforced:literal, $statement:literal;)*) => {
        /// A rule that this program applies.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RuleId {
            $(#[doc = $statement] $variant,)*
        }

        impl RuleId {
            /// Every rule, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable id, as explanations and errors spell it.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// What the rule requires.
            #[must_use]
            pub const fn statement(self) -> &'static str {
                match self { $(Self::$variant => $statement,)* }
            }

            /// The document and section that it comes from.
            #[must_use]
            pub const fn source(self) -> &'static str {
                match self { $(Self::$variant => $source,)* }
            }

            /// The module that keeps it.
            #[must_use]
            pub const fn enforced_in(self) -> &'static str {
                match self { $(Self::$variant => $enforced,)* }
            }
        }
    };
}

catalogue! {
    P6A1, "P6-A1", "FAILOVER_INVARIANTS 3; DESIGN 3.3", "core::decision::promotion",
        "At most one node can acknowledge: authority passes only on a basis that names one node and after which the old holder can acknowledge nothing.";
    P6A2, "P6-A2", "FAILOVER_INVARIANTS 3; DESIGN 3.1", "core::authority::evolve",
        "The authority ledger is one chain from genesis; every entry continues the one before it.";
    P6A3, "P6-A3", "FAILOVER_INVARIANTS 3", "core::decision::promotion",
        "Authority moves only on an explicit request that names the current epoch.";
    P6S1, "P6-S1", "FAILOVER_INVARIANTS 4; DESIGN 3.3", "core::decision::promotion",
        "No acknowledged write is lost: the node's history provably contains everything that was acknowledged.";
    P6S2, "P6-S2", "FAILOVER_INVARIANTS 4; DESIGN 3.3", "core::decision::promotion",
        "The node's history continues the old one without fork: it has the chain that the basis names at the place that the basis names.";
    P6S3, "P6-S3", "FAILOVER_INVARIANTS 4", "core::decision::promotion",
        "Visibility is intact: all that is validated is applied.";
    P6F1, "P6-F1", "FAILOVER_INVARIANTS 5", "core::authority::evolve",
        "What is not proven is refused; a recorded decision must be the one that the rules give for its inputs.";
    P6Sc1, "P6-SC1", "FAILOVER_SCOPE 2.1", "core::decision::promotion",
        "A promotion is asked of the node that is to be promoted.";
    P6V29, "P6-V29", "FAILOVER_VISION 6", "core::decision::promotion",
        "Only an admitted member in the replica role, or the relinquisher whose heir declined, can be considered for promotion.";
    P6Sm2, "P6-SM2", "FAILOVER_STATE_MACHINE 6, 7", "core::machine::promotion",
        "Only listed transitions exist, and one attempt runs at a time.";
    P6Sb3, "P6-SB3", "FAILOVER_FAILURE_MODEL 6; DESIGN 3.2", "core::authority::evolve",
        "An obligation ends only with a certificate that its node can no longer promote itself on the designation.";
    P6Df5, "P6-DF5", "FAILOVER_FAILURE_MODEL 8; DESIGN 8", "node::supervisor::requests",
        "A request id stands for one request: asked again it has the recorded outcome, and no other request has it.";
    Rm3, "RM-3", "REPL_MODEL 3.2", "core::decision::write",
        "Only the holder named by the ledger takes writes; a replica assigns no commit ids.";
    Rm5, "RM-5", "REPL_MODEL 4.4", "core::machine::role",
        "A halted node serves no reads and no writes until an operator acts.";
    Rm8, "RM-8", "REPL_MODEL 7", "core::decision::write",
        "A write is admitted only while the node's authority is held.";
    P5I4, "P5-I4", "PHASE5_INVARIANTS; DESIGN 3.3", "core::wal::continuity",
        "Every entry of the WAL carries exactly the epoch that the ledger gives its position.";
    P5I5, "P5-I5", "PHASE5_INVARIANTS", "core::decision::promotion",
        "Nothing that was received is unvalidated or unapplied.";
    P5I12, "P5-I12", "PHASE5_INVARIANTS", "core::decision::read",
        "A read is served only at a boundary that is proven acknowledged and wholly applied.";
    Ri3, "RI-3", "REPL_INVARIANTS 2.3", "core::wal::continuity",
        "A replica's history is a prefix of the holder's; divergence latches.";
    FV1, "F-V1", "PHASE5_FAILURE_MATRIX 6", "node::wal::pipeline",
        "A batch whose checksum or chain does not fit its bytes is rejected, and replication is blocked.";
    FV2, "F-V2", "PHASE5_FAILURE_MATRIX 6; DESIGN 3.4", "core::wal::continuity",
        "What does not continue the prefix exactly is rejected: no gap, no overlap, no suffix past a grant.";
    FR1, "F-R1", "PHASE5_FAILURE_MATRIX 5", "node::replication",
        "A cut transfer is discarded and waits for its bytes; nothing of it is validated.";
    FRs1, "F-RS1", "PHASE5_FAILURE_MATRIX 10", "core::decision::read",
        "A read while the node is not read-safe is refused with the reason.";
    FRs2, "F-RS2", "PHASE5_FAILURE_MATRIX 10", "core::machine::read",
        "A read during which role, epoch or halt changed is evaluated again or refused.";
    FX4, "F-X4", "PHASE5_FAILURE_MATRIX 12", "core::machine::latch",
        "A failure is cleared only by an operator action that names it.";
    FRc2, "F-RC2", "PHASE5_FAILURE_MATRIX 9", "node::open",
        "A node whose own metadata is damaged refuses to start.";
    Wal2, "WAL-2", "CORE_WAL; CORE_STORAGE 4", "node::open",
        "One process per data directory.";
    Wal8, "WAL-8", "CORE_WAL; DESIGN 5", "ledger::log",
        "Damage that is not provably an unsynced tail is corruption: the node refuses to start, and nothing is changed.";
    Wal13, "WAL-13", "CORE_WAL; FAILURE_MODEL_PHASE3 7.2", "core::machine::wal_writer",
        "A failed write or fsync poisons the writer: nothing is acknowledged after it.";
    P3D4, "P3-D4", "FAILURE_MODEL_PHASE3 6.1", "ledger::log",
        "Partial and damaged writes are detected by checksum.";
    P3D9, "P3-D9", "FAILURE_MODEL_PHASE3 6.2", "ledger::disk",
        "Disk errors are surfaced, naming file and operation.";
    P3Fs5, "P3-FS5", "FAILURE_MODEL_PHASE3 7.1", "ledger::log",
        "The return of fsync is the only durability signal.";
    Dis16, "DIS-16", "rules/1-rulings; DESIGN 5", "ledger::log",
        "A bad last batch is dropped only when it is proven unsynced: a zero sector within it and no witness of its durability.";
    Dis18, "DIS-18", "rules/1-rulings", "ledger::log",
        "Numbers are never reset: segments and sequences have no hole.";
    Dis22, "DIS-22", "rules/1-rulings", "ledger::wal",
        "History that was truncated away is not made up for: a replica that needs it must take a snapshot.";
    St2, "ST-2", "CORE_STORAGE 3", "node::identity",
        "A directory's files belong to its identity; foreign files are refused.";
    R3, "CORE-R3", "CORE_INVARIANTS 2", "node::open",
        "After recovery the node states what it recovered and what it dropped; a missing log is never taken for a new one.";
    D1, "CORE-D1", "CORE_INVARIANTS 1", "node::wal::owner",
        "An acknowledged write survives process crash, power loss and restart.";
    Mvv1, "MVV-1", "MVCC_VISIBILITY 3", "node::store",
        "The visible version is the one with the largest commit id at or below the view; a tombstone means absent.";
    Mvg2, "MVG-2", "MVCC_GC 3", "core::decision::read",
        "A boundary is readable while every version that it needs is retained.";
    Mvg1, "MVG-1", "MVCC_GC 4", "core::decision::retention",
        "A version goes only when a newer one of its key lies at or below the floor, and the floor lies above no open view and no snapshot in the making.";
    Mvg4, "MVG-4", "MVCC_GC 9", "core::decision::retention",
        "Versions never go by age or because space is short, and the newest of a key never goes.";
    Mvs1, "MVS-1", "MVCC_SNAPSHOT 3; DESIGN 5", "core::decision::checkpoint",
        "A snapshot shows one commit boundary, and only what is acknowledged.";
    Mvs2, "MVS-2", "MVCC_SNAPSHOT 5, 6", "core::decision::checkpoint",
        "The log is kept from a place at or below the snapshot's boundary on, so that replay goes on strictly after it without a gap.";
    Ckp2, "CKP-2", "CORE_CHECKPOINT 4; DIS-18", "core::machine::checkpoint",
        "A checkpoint is made in this order: snapshot durable, record durable, and only then is the log truncated.";
    Ckp4, "CKP-4", "CORE_CHECKPOINT 8", "core::decision::checkpoint",
        "The record names a complete snapshot by its hash; a snapshot that no record names is ignored.";
    P3K3, "P3-K3", "FAILURE_MODEL_PHASE3 9.2", "core::machine::checkpoint",
        "The log is not truncated unless the snapshot and the record that names it are durable.";
    Dis20, "DIS-20", "rules/1-rulings", "node::recovery",
        "A damaged snapshot that a checkpoint names is never passed over silently: the node refuses to start.";
    Dis21, "DIS-21", "rules/1-rulings", "node::replay",
        "Replay starts strictly after the checkpoint's boundary.";
    Rd2, "RD-2", "REPL_READ 4", "core::decision::read",
        "A read that names a least commit is answered only once that commit is reached.";
    Au1, "AU-1", "DESIGN 3.1", "core::decision::command",
        "Authority commands are for the node that holds the current epoch.";
    Au2, "AU-2", "DESIGN 3.1", "core::decision::command",
        "The heir is an admitted member other than the holder.";
    Au3, "AU-3", "DESIGN 3.2", "core::decision::command",
        "A successor is designated only while it is pulling from the holder.";
    Au4, "AU-4", "DESIGN 3.2", "core::decision::command",
        "A successor is designated only while there is no obligation.";
    Au5, "AU-5", "DESIGN 3.2", "core::decision::command",
        "A release names the successor in force.";
    Au6, "AU-6", "DESIGN 3.2", "core::decision::command",
        "Authority is relinquished only while there is no obligation towards anyone but the named successor.";
    Au7, "AU-7", "DESIGN 2", "core::decision::command",
        "A member's id and key were never admitted before.";
    Au8, "AU-8", "DESIGN 3.1", "core::decision::command",
        "The holder, the successor and a node under obligation are not removed.";
    Au9, "AU-9", "DESIGN 3.2", "core::decision::write",
        "A write is acknowledged with at least the cluster's minimum durability.";
    Au10, "AU-10", "DESIGN 3.2", "core::decision::write",
        "Under obligation a write needs the successor's receipt; with the successor detached it is refused.";
    Au11, "AU-11", "DESIGN 6", "core::decision::read",
        "A linearizable read needs the holder's authority, confirmed by the obliged node's echo of a fresh barrier.";
    Au12, "AU-12", "DESIGN 3.2", "core::decision::read",
        "After a restart under obligation nothing is shown until a receipt covers the recovered tip.";
    Au13, "AU-13", "DESIGN 3.3", "node::replication::peers",
        "A peer whose receipts go back is halted: it has lost what it said was durable.";
    Au14, "AU-14", "DESIGN 3.1", "node::open",
        "An authority ledger is never shorter than its own WAL has seen.";
    Au16, "AU-16", "DESIGN 3.3", "core::decision::decline",
        "An epoch is declined only by the node that the ledger names heir or successor.";
    Au17, "AU-17", "DESIGN 3.3", "core::decision::promotion",
        "A node that has declined an epoch is never granted it.";
    Au18, "AU-18", "DESIGN 3.3", "core::decision::command",
        "A node that is known to have declined the next epoch is not designated for it.";
    Au19, "AU-19", "DESIGN 3.1, 7", "ledger::authority",
        "A grant is adopted only where its decision can be made again: by a program that has the rules that it was made under.";
    Dir1, "DIR-1", "DESIGN 3.3", "core::decision::relocate",
        "Two directories that are told apart are of one node: the same cluster, id and key.";
    Dir2, "DIR-2", "DESIGN 3.3", "core::decision::relocate",
        "A node's identity moves only from the directory that it is bound to, which is given up for good; otherwise two could act in its name.";
    Dir3, "DIR-3", "DESIGN 3.3", "core::decision::relocate",
        "The directory that is kept holds everything that the other one holds: a node never goes below what it has receipted.";
    Dir4, "DIR-4", "DESIGN 3.3, 3.4", "node::identity",
        "A retired directory is never started again: nothing in it is served, receipted for or granted.";
    Fk1, "FK-1", "DESIGN 3.4", "core::decision::fork",
        "A cluster is founded once from what a directory holds, and the directory is retired before that one may start.";
    Fk2, "FK-2", "DESIGN 3.4", "core::decision::fork",
        "A fork starts from the last commit that the directory can prove; what the ancestor did after it is unknown.";
    Mem1, "MEM-1", "DESIGN 5", "core::decision::write",
        "Writes are refused when the store's configured memory bound is reached.";
    Au15, "AU-15", "DESIGN 3.1", "ledger::authority",
        "Every ledger entry and every certificate in it carries a valid signature of the member that it names.";
    Rs1, "RS-1", "REPL_SNAPSHOT 2", "core::decision::bootstrap",
        "A snapshot for a replica comes from the holder only.";
    Rs2, "RS-2", "REPL_SNAPSHOT 3", "core::decision::bootstrap",
        "A snapshot of another cluster is refused.";
    Rs3, "RS-3", "REPL_SNAPSHOT 4, 9", "core::machine::bootstrap",
        "A snapshot is transferred, validated and installed in this order, and nothing of an attempt that ended is used again.";
    Rs6, "RS-6", "REPL_SNAPSHOT 7", "core::decision::bootstrap",
        "A replica takes a snapshot only when asked to, and only while no failure of another kind is latched.";
    FS1, "F-S1", "PHASE5_FAILURE_MATRIX 8", "node::bootstrap",
        "A transfer that was cut is discarded; the replica stays as it was, and no WAL is applied.";
    FS2, "F-S2", "PHASE5_FAILURE_MATRIX 8", "node::bootstrap",
        "A snapshot that was received and not validated is discarded by a crash; the next attempt begins at byte 0.";
    FS3, "F-S3", "PHASE5_FAILURE_MATRIX 8", "node::supervisor::bootstrap",
        "The WAL continues a snapshot exactly at its cut, or the replica refuses to go on.";
    P3S2, "P3-S2", "FAILURE_MODEL_PHASE3 9.1", "ledger::snapshot",
        "An incomplete snapshot is detected, and never used.";
    Snp4, "SNP-4", "CORE_SNAPSHOT 6; DESIGN 5", "ledger::snapshot",
        "Every byte of a snapshot is verified before anything of it is used; a mismatch is fatal for that use.";
    Snp5, "SNP-5", "CORE_SNAPSHOT 7", "ledger::snapshot",
        "A snapshot never changes: a new one never takes the place of another.";
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl std::str::FromStr for RuleId {
    type Err = crate::id::InvalidId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().find(|rule| rule.id() == text).copied();
        known.ok_or_else(|| {
            crate::id::InvalidId::new("rule id", text, "an id of the catalogue, see /v1/rules")
        })
    }
}

impl JsonSchema for RuleId {
    fn schema_name() -> Cow<'static, str> {
        "RuleId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let ids: Vec<_> = Self::ALL.iter().map(|rule| rule.id()).collect();
        json_schema!({ "description": "A rule of the catalogue.", "type": "string", "enum": ids })
    }
}

impl Serialize for RuleId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

impl<'de> Deserialize<'de> for RuleId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The version of the rules that this program decides by; recorded with every decision.
pub const RULESET: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_names_every_rule_and_nothing_else() {
        let schema = schemars::schema_for!(RuleId).to_value();
        assert_eq!(schema["title"], "RuleId");
        assert_eq!(schema["type"], "string");
        let ids: Vec<_> = RuleId::ALL.iter().map(|rule| rule.id()).collect();
        assert_eq!(schema["enum"], serde_json::json!(ids));
    }

    /// Proves: EX-3.
    #[test]
    fn ids_are_unique_and_read_back() {
        let ids: std::collections::BTreeSet<_> = RuleId::ALL.iter().map(|rule| rule.id()).collect();
        assert_eq!(ids.len(), RuleId::ALL.len());
        for rule in RuleId::ALL {
            assert_eq!(rule.id().parse::<RuleId>().unwrap(), *rule);
            assert_eq!(rule.to_string(), rule.id());
        }
        assert!("P6-A1a".parse::<RuleId>().is_err());
    }
}
