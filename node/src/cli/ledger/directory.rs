//! A data directory as the read-only commands see it.

use std::path::PathBuf;

use aerodb_core::hash::PublicKey;
use aerodb_core::id::NodeId;
use aerodb_core::rules::RuleId;
use aerodb_ledger::disk::RealDisk;
use aerodb_ledger::verify::{FaultReport, Integrity};

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
    /// Whether the identity is genuine.
    pub identity: Integrity,
    /// What a reader must know to read the answer rightly.
    pub notes: Vec<String>,
}

impl Offline {
    /// Looks at a directory. A damaged identity is reported and does not end the check.
    pub(in crate::cli) fn open(path: PathBuf) -> Result<Self, Failure> {
        let dir = DataDir::new(path);
        let (node, identity) = match IdentityFile::read(&RealDisk, dir.path()) {
            Ok(file) => (Some((file.node_id.clone(), file.key().public_key())), Integrity::Ok),
            Err(IdentityError::Damaged { path, what }) => {
                let rule = RuleId::FRc2;
                let fault = FaultReport { rule, file: Some(path.into()), offset: None, what };
                (None, Integrity::Fault(fault))
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
        Ok(Self { dir, node, identity, notes })
    }

    /// The key that the files must belong to.
    pub(in crate::cli) fn owner(&self) -> Option<&PublicKey> {
        self.node.as_ref().map(|(_, key)| key)
    }

    /// Whose directory it is.
    pub(in crate::cli) fn node_id(&self) -> Option<&NodeId> {
        self.node.as_ref().map(|(node, _)| node)
    }
}

/// The exit code of what was found: unreadable outweighs wrong, since then nothing is known.
pub(in crate::cli) fn exit_of<'a>(found: impl IntoIterator<Item = &'a Integrity>) -> Exit {
    let mut exit = Exit::Done;
    for integrity in found {
        match integrity {
            Integrity::Ok => {}
            // Disk errors, as opposed to bytes that were read and are wrong.
            Integrity::Fault(fault) if fault.rule == RuleId::P3D9 => return Exit::Unreachable,
            Integrity::Fault(_) => exit = Exit::Refused,
        }
    }
    exit
}

/// One row per part that was checked, naming file, offset and rule of what is wrong.
pub(in crate::cli) fn integrity_rows<'a>(
    parts: impl IntoIterator<Item = (&'a str, &'a Integrity, String)>,
) -> String {
    let mut rows = Rows::new(["PART", "INTEGRITY", "FOUND"]);
    let mut faults = String::new();
    for (part, integrity, found) in parts {
        match integrity {
            Integrity::Ok => rows.add([part.to_owned(), "ok".to_owned(), found]),
            Integrity::Fault(fault) => {
                rows.add([part.to_owned(), format!("fault {}", fault.rule), "-".to_owned()]);
                faults += &describe(fault);
            }
        }
    }
    rows.render() + &faults
}

fn describe(fault: &FaultReport) -> String {
    let file = or_dash(fault.file.as_ref().map(|file| file.display()));
    let offset = or_dash(fault.offset);
    format!("{}: file {file}, offset {offset}: {}\n", fault.rule, fault.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(rule: RuleId) -> Integrity {
        let file = Some(PathBuf::from("/d/wal/1.seg"));
        Integrity::Fault(FaultReport { rule, file, offset: Some(4096), what: "torn".to_owned() })
    }

    #[test]
    fn what_could_not_be_read_outweighs_what_is_wrong() {
        assert_eq!(exit_of([&Integrity::Ok, &Integrity::Ok]), Exit::Done);
        assert_eq!(exit_of([&Integrity::Ok, &fault(RuleId::Wal8)]), Exit::Refused);
        assert_eq!(exit_of([&fault(RuleId::Wal8), &fault(RuleId::P3D9)]), Exit::Unreachable);
    }

    #[test]
    fn a_fault_names_file_offset_and_rule() {
        let text = integrity_rows([
            ("authority ledger", &Integrity::Ok, "3 entries".to_owned()),
            ("wal", &fault(RuleId::Wal8), String::new()),
        ]);
        let expected = "\
PART              INTEGRITY    FOUND
authority ledger  ok           3 entries
wal               fault WAL-8  -
WAL-8: file /d/wal/1.seg, offset 4096: torn
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_directory_without_identity_is_unreadable_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let opened = Offline::open(dir.path().to_owned());
        assert!(matches!(opened, Err(Failure::Unreadable(_))));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
