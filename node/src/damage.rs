//! What a start that damage refuses says of it (F-RC2): the file, the checksum that is stored and the one that the
//! bytes give, and the rules, as an explanation.
//!
//! Keeps: F-RC2.E.

use std::path::Path;

use aerodb_core::decision::damage::{DamageFacts, Mismatch};
use aerodb_core::explain::{Explanation, explain};
use aerodb_core::rules::RuleId;
use aerodb_ledger::{Damage, Fault, SealedError, Unsealed};

use crate::identity::IdentityError;
use crate::open::StartError;
use crate::recovery::CheckpointRefused;
use crate::retention::RetentionRefused;

/// The explanation of a start that is refused because bytes are not what was written; `None` where it is refused
/// for another reason.
#[must_use]
pub fn explained(error: &StartError, dir: &Path) -> Option<Explanation> {
    let (path, offset, checksum, rule) = match error {
        StartError::Identity(IdentityError::Damaged { path, what }) => {
            (Path::new(path), None, of_file(what), RuleId::FRc2)
        }
        StartError::Retention(RetentionRefused::File(SealedError::Damaged { path, what })) => {
            (path.as_path(), None, of_file(what), RuleId::FRc2)
        }
        StartError::Checkpoint(CheckpointRefused::Marker(SealedError::Damaged { path, what })) => {
            (path.as_path(), None, of_file(what), RuleId::Dis20)
        }
        StartError::Fault(Fault::Corrupt { file, offset, rule, what })
        | StartError::Checkpoint(CheckpointRefused::Snapshot {
            fault: Fault::Corrupt { file, offset, rule, what },
            ..
        }) => (file.as_path(), Some(*offset), of_log(what), *rule),
        StartError::Config(_)
        | StartError::Directory(_)
        | StartError::Identity(_)
        | StartError::Retired(_)
        | StartError::Fault(_)
        | StartError::Replay(_)
        | StartError::Checkpoint(_)
        | StartError::Retention(_)
        | StartError::Foreign { .. }
        | StartError::OwnHistory { .. }
        | StartError::Disk(_) => return None,
    };
    // No name of a host or of a place on it: the same damage is explained in the same bytes anywhere.
    let file = path.strip_prefix(dir).unwrap_or(path).display().to_string();
    Some(explain(&DamageFacts { file, offset, checksum, rule }))
}

fn of_file(what: &Unsealed) -> Option<Mismatch> {
    match what {
        Unsealed::Digest { stored, computed } => {
            Some(Mismatch { stored: stored.to_string(), computed: computed.to_string() })
        }
        Unsealed::Shape(_) => None,
    }
}

fn of_log(what: &Damage) -> Option<Mismatch> {
    let (stored, computed) = what.checksums()?;
    Some(Mismatch { stored: format!("{stored:08x}"), computed: format!("{computed:08x}") })
}
