//! The start of the file, 64 bytes.
//!
//! ```text
//! offset  size  field             (little endian)
//!      0     8  magic, "AERODBSN"
//!      8     2  format version, 1
//!     10     2  zero
//!     12     4  CRC-32 of these 64 bytes, this field taken as zero
//!     16    32  cluster id
//!     48     8  commit id of the cut
//!     56     8  zero
//! ```
//!
//! Bytes 0 to 16 keep their places in every version.

use aerodb_core::hash::{ClusterId, Hash};
use aerodb_core::id::Boundary;

use super::{CHECKSUM_AT, FORMAT, checksum};
use crate::fault::Damage;
use crate::log::{field, is_zero};

/// Bytes of the header.
pub const HEADER_BYTES: usize = 64;

const MAGIC: &[u8; 8] = b"AERODBSN";

/// Which snapshot the file is: enough to refuse another one at its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) cluster: ClusterId,
    pub(super) cut: Boundary,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[16..48].copy_from_slice(self.cluster.as_bytes());
        bytes[48..56].copy_from_slice(&self.cut.get().to_le_bytes());
        let checksum = checksum(&bytes);
        bytes[CHECKSUM_AT..16].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, Damage> {
        if &bytes[..8] != MAGIC {
            return Err(Damage::Snapshot { what: "the header's magic" });
        }
        if u32::from_le_bytes(field(bytes, CHECKSUM_AT)) != checksum(bytes) {
            return Err(Damage::Snapshot { what: "the header's checksum" });
        }
        let found = u16::from_le_bytes(field(bytes, 8));
        if found != FORMAT {
            return Err(Damage::Version { found });
        }
        if !is_zero(&bytes[10..12]) || !is_zero(&bytes[56..]) {
            return Err(Damage::Snapshot { what: "the header's reserved bytes" });
        }
        let cut = Boundary::new(u64::from_le_bytes(field(bytes, 48)));
        Ok(Self { cluster: ClusterId(field(bytes, 16)), cut })
    }

    /// What stands in place of the hash of the block before the first one.
    pub(super) fn hash(bytes: &[u8; HEADER_BYTES]) -> Hash {
        Hash::of("aerodb 2026 snapshot header", &[bytes])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_bytes_are_zero_even_under_a_good_checksum() {
        let header = Header { cluster: ClusterId([1; 32]), cut: Boundary::new(9) };
        let good = header.encode();
        assert_eq!(Header::decode(&good).map(|found| found.encode()), Ok(good));
        for at in [10, 11, 56, HEADER_BYTES - 1] {
            let mut bytes = good;
            bytes[at] = 1;
            let sum = checksum(&bytes);
            bytes[CHECKSUM_AT..16].copy_from_slice(&sum.to_le_bytes());
            let expected = Damage::Snapshot { what: "the header's reserved bytes" };
            assert_eq!(Header::decode(&bytes).map(|found| found.encode()), Err(expected), "{at}");
        }
    }
}
