//! The keys that a scan covers.

use std::ops::Bound;

use bytes::Bytes;

/// A range of keys in byte order. One whose start lies past its end is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanRange {
    /// Where it begins.
    pub start: Bound<Bytes>,
    /// Where it ends.
    pub end: Bound<Bytes>,
}

impl ScanRange {
    /// Every key.
    pub const ALL: Self = Self { start: Bound::Unbounded, end: Bound::Unbounded };

    /// Every key that begins with `prefix`; every key at all when it is empty.
    #[must_use]
    pub fn prefix(prefix: &[u8]) -> Self {
        Self {
            start: Bound::Included(Bytes::copy_from_slice(prefix)),
            end: after_prefix(prefix).map_or(Bound::Unbounded, Bound::Excluded),
        }
    }

    /// The keys that begin with `prefix`, within `start` (inside) and `end` (outside) where they are given,
    /// and after `after`, the last key of the page before.
    #[must_use]
    pub fn within(
        prefix: &[u8],
        start: Option<Bytes>,
        end: Option<Bytes>,
        after: Option<Bytes>,
    ) -> Self {
        let Self { start: Bound::Included(first), end: last } = Self::prefix(prefix) else {
            return Self::prefix(prefix);
        };
        let first = start.map_or(first.clone(), |start| start.max(first));
        let start = match after {
            Some(after) if after >= first => Bound::Excluded(after),
            Some(_) | None => Bound::Included(first),
        };
        let end = match (last, end) {
            (Bound::Excluded(last), Some(end)) => Bound::Excluded(last.min(end)),
            (_, Some(end)) => Bound::Excluded(end),
            (last, None) => last,
        };
        Self { start, end }
    }
}

/// The least key above every key with the prefix; `None` when there is none (it is all 0xff).
fn after_prefix(prefix: &[u8]) -> Option<Bytes> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut after = prefix[..=last].to_vec();
    after[last] += 1;
    Some(after.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_end_and_the_page_before_narrow_a_prefix_and_never_widen_it() {
        let key = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
        let range = |start, end, after| {
            let ScanRange { start, end } = ScanRange::within(b"k", start, end, after);
            (start, end)
        };
        let (included, excluded) = (Bound::Included::<Bytes>, Bound::Excluded::<Bytes>);
        let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
        assert_eq!(range(None, None, None), (included(bytes("k")), excluded(bytes("l"))));
        assert_eq!(range(key("a"), key("z"), None), (included(bytes("k")), excluded(bytes("l"))));
        assert_eq!(
            range(key("k5"), key("k7"), None),
            (included(bytes("k5")), excluded(bytes("k7")))
        );
        assert_eq!(
            range(key("k5"), None, key("k6")),
            (excluded(bytes("k6")), excluded(bytes("l")))
        );
        assert_eq!(
            range(key("k5"), None, key("k1")),
            (included(bytes("k5")), excluded(bytes("l")))
        );
    }

    #[test]
    fn a_prefix_ends_before_the_next_key_that_lacks_it() {
        for (prefix, end) in [
            (&b"ab"[..], Bound::Excluded(Bytes::from_static(b"ac"))),
            (b"a\xff\xff", Bound::Excluded(Bytes::from_static(b"b"))),
            (b"\xff", Bound::Unbounded),
            (b"", Bound::Unbounded),
        ] {
            let range = ScanRange::prefix(prefix);
            assert_eq!(range.start, Bound::Included(Bytes::copy_from_slice(prefix)));
            assert_eq!(range.end, end, "{prefix:?}");
        }
    }
}
