//! Without the feature: nothing, at no cost.

use std::path::Path;
use std::sync::Arc;

use super::{FileStep, Point};
use crate::disk::{DiskError, DiskFile};

/// The process has come to this place.
#[inline(always)]
#[allow(clippy::inline_always)] // It is nothing, and must cost nothing.
pub const fn reached(_: Point) {}

/// Whether the process stands there when it comes there: never.
#[inline(always)]
#[must_use]
#[allow(clippy::inline_always)] // As above.
pub const fn stands_at(_: Point) -> bool {
    false
}

/// The process has come to this place, for the time that has this number.
#[inline(always)]
#[allow(clippy::inline_always)] // As above.
pub const fn reached_at(_: Point, _: u64) {}

/// Writes the bytes.
///
/// # Errors
/// [`DiskError`].
#[inline(always)]
#[allow(clippy::inline_always)] // As above.
pub fn write_at(_: Point, file: &dyn DiskFile, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
    file.write_at(offset, bytes)
}

/// Makes the bytes durable.
///
/// # Errors
/// [`DiskError`].
#[inline(always)]
#[allow(clippy::inline_always)] // As above.
pub fn sync_data(_: Point, file: &Arc<dyn DiskFile>) -> Result<(), DiskError> {
    file.sync_data()
}

#[inline(always)]
#[allow(clippy::inline_always)] // As above.
pub(crate) const fn came_to(_: FileStep, _: &Path) {}

#[inline(always)]
#[allow(clippy::inline_always)] // As above.
pub(crate) fn write_file(_: &Path, file: &dyn DiskFile, bytes: &[u8]) -> Result<(), DiskError> {
    file.write_at(0, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_the_feature_stands_nowhere() {
        assert!(Point::ALL.iter().all(|point| !stands_at(*point)));
    }
}
