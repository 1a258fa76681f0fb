//! A data directory as the read-only commands see it.

use std::path::PathBuf;

use aerodb_core::hash::PublicKey;
use aerodb_core::id::NodeId;
use aerodb_core::rules::RuleId;
use aerodb_ledger::disk::RealDisk;
use aerodb_ledger::verify::{Completeness, FaultKind, FaultReport, Integrity, Known, Stamps};

use crate::cli::Failure;
use crate::cli::failure::Exit;
use crate::cli::table::{Rows, or_dash};
use crate::directory::{DataDir, is_locked};
use crate::identity::{IdentityError, IdentityFile};

/// A directory that is looked at.
#[derive(Debug)]
pub(in crate::cli) struct Offline {
    /// Where it is.
    pub dir: DataDir,
    /// Whose it is; `None` when its identity is damaged.
    pub node: Option<(NodeId, PublicKey)>,
    /// What its logs had when it was last opened or closed; `None` before it was ever opened.
    stamps: Option<Stamps>,
    /// Whether the identity is genuine.
    pub identity: Integrity,
    /// What a reader must know to read the answer rightly.
    pub notes: Vec<String>,
}

impl Offline {
    /// Looks at a directory. A damaged identity is reported and does not end the check.
    pub(in crate::cli) fn open(path: PathBuf) -> Result<Self, Failure> {
        let dir = DataDir::new(path);
        let (node, stamps, identity) = match IdentityFile::read(&RealDisk, dir.path()) {
            Ok(file) => {
                let node = (file.node_id.clone(), file.key().public_key());
                (Some(node), stamps_of(&file), Integrity::Ok)
            }
            Err(IdentityError::Damaged { path, what }) => {
                let (kind, rule, file) = (FaultKind::Damage, RuleId::FRc2, Some(path.into()));
                let what = what.to_string();
                let fault = FaultReport { kind, rule, file, offset: None, what };
                (None, None, Integrity::Fault(fault))
            }
            Err(error @ (IdentityError::Missing { .. } | IdentityError::Disk(_))) => {
                return Err(error.into());
            }
        };
        let mut notes = Vec::new();
        if is_locked(&dir, &RealDisk) {
            notes.push(
                "a process has the directory open: what it is appending now may be seen in part"
                    .to_owned(),
            );
        }
        Ok(Self { dir, node, stamps, identity, notes })
    }

    /// What the identity says of the logs.
    pub(in crate::cli) fn known(&self) -> Known<'_> {
        let (node, owner) = self.node.as_ref().map(|(node, key)| (node, key)).unzip();
        Known { node, owner, stamps: self.stamps }
    }

    /// Whose directory it is.
    pub(in crate::cli) fn node_id(&self) -> Option<&NodeId> {
        self.node.as_ref().map(|(node, _)| node)
    }

    /// The identity as a part that was checked.
    pub(in crate::cli) fn part(&self) -> Part<'_> {
        let found = self.node_id().map_or_else(String::new, |id| id.to_string());
        Part { name: "identity", integrity: &self.identity, completeness: None, found }
    }
}

fn stamps_of(identity: &IdentityFile) -> Option<Stamps> {
    let stamp = identity.stamp;
    (stamp.starts > 0).then_some(Stamps {
        authority: stamp.authority_frame,
        decision: stamp.decision_frame,
        wal: stamp.wal_frame,
    })
}

/// A part of a directory that was checked.
#[derive(Debug)]
pub(in crate::cli) struct Part<'a> {
    /// Its name.
    pub name: &'static str,
    /// Whether what is there is genuine.
    pub integrity: &'a Integrity,
    /// Whether all is there; `None` for what cannot be there in part.
    pub completeness: Option<&'a Completeness>,
    /// What was found, when it is genuine.
    pub found: String,
}

/// The exit code of what was found: unreadable outweighs wrong, since then nothing is known.
pub(in crate::cli) fn exit_of(parts: &[Part<'_>]) -> Exit {
    let kind = |part: &Part<'_>| match part.integrity {
        Integrity::Ok => None,
        Integrity::Fault(fault) => Some(fault.kind),
    };
    let is_incomplete = |part: &Part<'_>| part.completeness.is_some_and(Completeness::is_fault);
    if parts.iter().filter_map(kind).any(|kind| kind == FaultKind::Unreadable) {
        Exit::Unreachable
    } else if parts.iter().any(|part| kind(part).is_some() || is_incomplete(part)) {
        Exit::Refused
    } else {
        Exit::Done
    }
}

/// One row per part that was checked, then file, offset and rule of what is wrong, and what is missing.
pub(in crate::cli) fn part_rows(parts: &[Part<'_>]) -> String {
    let mut rows = Rows::new(["PART", "INTEGRITY", "COMPLETENESS", "FOUND"]);
    let mut faults = String::new();
    for part in parts {
        let (integrity, found) = match part.integrity {
            Integrity::Ok => ("ok".to_owned(), &part.found[..]),
            Integrity::Fault(fault) => {
                faults += &describe(fault);
                let word = match fault.kind {
                    FaultKind::Damage => "fault",
                    FaultKind::Unreadable => "unreadable",
                };
                (format!("{word} {}", fault.rule), "-")
            }
        };
        let completeness = match part.completeness {
            None => "-".to_owned(),
            Some(Completeness::Ok) => "ok".to_owned(),
            Some(Completeness::Unknown) => "unknown".to_owned(),
            Some(Completeness::Fault(missing)) => {
                for missing in missing {
                    faults +=
                        &format!("{}: {} is INCOMPLETE: {missing}\n", missing.rule(), part.name);
                }
                missing.first().map_or_else(String::new, |first| format!("fault {}", first.rule()))
            }
        };
        rows.add([part.name.to_owned(), integrity, completeness, found.to_owned()]);
    }
    rows.render() + &faults
}

/// File, offset and rule of what is wrong, and what it is.
pub(in crate::cli) fn describe(fault: &FaultReport) -> String {
    let file = or_dash(fault.file.as_ref().map(|file| file.display()));
    let offset = or_dash(fault.offset);
    format!("{}: file {file}, offset {offset}: {}\n", fault.rule, fault.what)
}

#[cfg(test)]
mod tests {
    use aerodb_ledger::verify::Missing;

    use super::*;

    fn fault(kind: FaultKind, rule: RuleId) -> Integrity {
        let file = Some(PathBuf::from("/d/wal/1.seg"));
        let what = "torn".to_owned();
        Integrity::Fault(FaultReport { kind, rule, file, offset: Some(4096), what })
    }

    fn part<'a>(integrity: &'a Integrity, completeness: &'a Completeness) -> Part<'a> {
        let found = "3 entries".to_owned();
        Part { name: "wal", integrity, completeness: Some(completeness), found }
    }

    fn incomplete() -> Completeness {
        let rule = RuleId::Dis16;
        Completeness::Fault(vec![Missing::IdentityStamp { rule, stamped: 5, last: 3 }])
    }

    #[test]
    fn what_could_not_be_read_outweighs_what_is_wrong() {
        let damage = fault(FaultKind::Damage, RuleId::Wal8);
        let unreadable = fault(FaultKind::Unreadable, RuleId::P3D9);
        let (ok, all, lacks) = (Integrity::Ok, Completeness::Ok, incomplete());
        let unknown = Completeness::Unknown;
        assert_eq!(exit_of(&[part(&ok, &all), part(&ok, &unknown)]), Exit::Done);
        assert_eq!(exit_of(&[part(&ok, &all), part(&ok, &lacks)]), Exit::Refused);
        assert_eq!(exit_of(&[part(&damage, &unknown), part(&ok, &all)]), Exit::Refused);
        assert_eq!(exit_of(&[part(&damage, &lacks), part(&unreadable, &all)]), Exit::Unreachable);
    }

    #[test]
    fn a_fault_names_file_offset_and_rule_and_what_is_missing_is_told_apart() {
        let damage = fault(FaultKind::Damage, RuleId::Wal8);
        let lacks = incomplete();
        let parts = [part(&Integrity::Ok, &lacks), part(&damage, &Completeness::Unknown)];
        let expected = "\
PART  INTEGRITY    COMPLETENESS  FOUND
wal   ok           fault DIS-16  3 entries
wal   fault WAL-8  unknown       -
DIS-16: wal is INCOMPLETE: the log ends with append 3, the identity's stamp says that 5 was durable
WAL-8: file /d/wal/1.seg, offset 4096: torn
";
        assert_eq!(part_rows(&parts), expected);
    }

    #[test]
    fn a_directory_without_identity_is_unreadable_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let opened = Offline::open(dir.path().to_owned());
        assert!(matches!(opened, Err(Failure::Unreadable(_))));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
