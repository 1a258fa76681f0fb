//! The proof that something is on the disk.

use std::ops::Deref;

/// A value that an fsync covers. Only this crate makes one, after the fsync has returned (P3-FS5), so
/// a function that takes a `Durable<T>` cannot be called too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durable<T>(T);

impl<T> Durable<T> {
    /// To be called only after the fsync that covers `value` has returned.
    pub(crate) const fn proven(value: T) -> Self {
        Self(value)
    }

    /// The value, the proof given up.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Durable<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
