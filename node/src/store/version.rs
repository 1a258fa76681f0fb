//! What a key has at a commit.

use aerodb_core::id::CommitId;
use bytes::Bytes;

/// What one commit made of one key. It never changes (MVI-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// The key has this value.
    Value(Bytes),
    /// The key is absent.
    Tombstone,
}

impl Version {
    /// The version that gives the key this value, or none.
    pub(super) fn of(value: Option<Bytes>) -> Self {
        value.map_or(Self::Tombstone, |value| Self::Value(alone(value)))
    }

    /// The value; `None` for a tombstone.
    #[must_use]
    pub const fn value(&self) -> Option<&Bytes> {
        match self {
            Self::Value(value) => Some(value),
            Self::Tombstone => None,
        }
    }

    /// Length of the value in bytes; 0 for a tombstone.
    pub(super) fn bytes(&self) -> usize {
        self.value().map_or(0, Bytes::len)
    }
}

impl From<Version> for Option<Bytes> {
    fn from(version: Version) -> Self {
        match version {
            Version::Value(value) => Some(value),
            Version::Tombstone => None,
        }
    }
}

/// The value in a buffer that is its own and no larger: it may be a slice of a request body or of a 4 MiB pull buffer,
/// which would stay in memory whole and uncounted. Nothing is copied where it is alone in its buffer already.
fn alone(value: Bytes) -> Bytes {
    Bytes::from(Vec::from(value).into_boxed_slice())
}

/// One version as the read explanation shows it: that it exists, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionInfo {
    /// The commit that made it.
    pub commit_id: CommitId,
    /// Whether it says that the key is absent.
    pub tombstone: bool,
    /// Length of the value in bytes; 0 for a tombstone.
    pub bytes: usize,
}

impl VersionInfo {
    /// What is told about this version.
    pub(super) fn new(commit_id: CommitId, version: &Version) -> Self {
        let tombstone = version.value().is_none();
        Self { commit_id, tombstone, bytes: version.bytes() }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;

    #[test]
    fn a_value_is_moved_if_its_buffer_is_its_own_and_no_larger_and_copied_otherwise() {
        let whole = Bytes::copy_from_slice(b"value");
        let at = whole.as_ptr();
        assert_eq!(alone(whole).as_ptr(), at);

        let body = Bytes::from(vec![b'x'; 4096]);
        let (shared, tail) = (body.slice(..5), Bytes::from(vec![b'x'; 4096]).slice(4091..));
        let mut roomy = BytesMut::with_capacity(4096);
        roomy.extend_from_slice(b"xxxxx");
        for value in [shared, tail, roomy.freeze()] {
            let kept = Vec::from(alone(value));
            assert_eq!((&kept[..], kept.capacity()), (&b"xxxxx"[..], 5));
        }
        assert!(body.is_unique());
    }
}
