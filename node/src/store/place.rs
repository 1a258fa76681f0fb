//! Where a key was found, before the write that changes it is applied.

use std::sync::Arc;

use super::history::History;
use super::reader::Store;

/// Where a key was found, or that it was not. Whoever asks for a write looks for its key on a thread of its own, so that
/// the one writer, for which all writes wait, need not. It is a hint and binds nobody: meanwhile the key may have come
/// or gone.
#[derive(Debug, Clone, Default)]
pub struct Place(pub(super) Option<Arc<History>>);

impl Store {
    /// Where the key is.
    #[must_use]
    pub fn place(&self, key: &[u8]) -> Place {
        Place(self.shared.keys.find(key))
    }
}
