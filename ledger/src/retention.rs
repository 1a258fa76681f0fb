//! `retention`: the commit below which nothing is retained, durable before anything below it is pruned (MVG-3).
//!
//! Pruned versions live in memory only, so without it a restart would bring them back from the WAL. What a crash
//! leaves:
//!
//! 1. before it is durable: the old one, and every version that it promises
//! 2. after: the new one; what of the versions below it is still replayed is removed again, and not shown before

use std::path::Path;

use aerodb_core::hash::{ClusterId, PublicKey};
use aerodb_core::id::Boundary;
use serde::{Deserialize, Serialize};

use crate::disk::{Disk, DiskError};
use crate::durable::Durable;
use crate::sealed::{Sealed, SealedError, read_sealed, write_sealed};

/// The content of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node: what it retains is its own affair.
    pub owner: PublicKey,
    /// The lowest commit that can be read; it was acknowledged when this was written.
    pub oldest_retained: Boundary,
}

impl Sealed for Retention {
    const FORMAT: &'static str = "aerodb retention 1";
    const NAME: &'static str = "retention";
}

impl Retention {
    /// Puts the file in the place of the one before it, if there is one.
    ///
    /// # Errors
    /// [`DiskError`]; whether the old or the new one is in force is known after a restart.
    pub fn write(self, disk: &dyn Disk, data: &Path) -> Result<Durable<Self>, DiskError> {
        write_sealed(disk, data, self)
    }

    /// The file in a data directory; `None` where nothing was ever pruned.
    ///
    /// # Errors
    /// [`SealedError`]; a damaged file is never taken for none.
    pub fn read(disk: &dyn Disk, data: &Path) -> Result<Option<Self>, SealedError> {
        match read_sealed(disk, data) {
            Err(SealedError::Missing { .. }) => Ok(None),
            read => read.map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::unseal;

    const FILE: &str = r#"{
  "format": "aerodb retention 1",
  "content": {
    "cluster": "0101010101010101010101010101010101010101010101010101010101010101",
    "owner": "0202020202020202020202020202020202020202020202020202020202020202",
    "oldest_retained": 7
  },
  "digest": "fde70971794d14976949019764b14be209570dbcc6d67c5b7248bbaff37186b3"
}
"#;

    #[test]
    fn the_file_is_these_bytes() {
        let content = Retention {
            cluster: ClusterId([1; 32]),
            owner: PublicKey([2; 32]),
            oldest_retained: Boundary::new(7),
        };
        assert_eq!(unseal::<Retention>(FILE.as_bytes()), Ok(content));
    }
}
