//! Answers with another content: what a network, or a node that is wrong, makes of them.

use std::fmt;

use aerodb_core::hash::ClusterId;
use aerodb_core::wal::RawBatch;
use aerodb_http_api::stream::{PullAnswer, decode, encode};
use bytes::Bytes;

/// A change of what an answer says. The answer's own checksum is right again afterwards: what is wrong with
/// it is for the stages behind to find.
pub struct Change(Box<dyn FnOnce(&mut PullAnswer) + Send>);

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Change")
    }
}

/// The batches of an answer.
fn split(batches: &Bytes) -> Vec<RawBatch> {
    let (mut rest, mut found) = (batches.clone(), Vec::new());
    while let Ok(raw) = RawBatch::split_first(&mut rest) {
        found.push(raw);
    }
    found
}

fn joined<'b>(batches: impl Iterator<Item = &'b RawBatch>) -> Bytes {
    batches.flat_map(|raw| raw.bytes().to_vec()).collect()
}

impl Change {
    /// Any change.
    #[must_use]
    pub fn of(change: impl FnOnce(&mut PullAnswer) + Send + 'static) -> Self {
        Self(Box::new(change))
    }

    /// The first batch comes twice.
    #[must_use]
    pub fn duplicated() -> Self {
        Self::of(|answer| {
            let batches = split(&answer.batches);
            answer.batches = joined(batches.first().into_iter().chain(&batches));
        })
    }

    /// The last batch comes first.
    #[must_use]
    pub fn reordered() -> Self {
        Self::of(|answer| answer.batches = joined(split(&answer.batches).iter().rev()))
    }

    /// The first batch is left out.
    #[must_use]
    pub fn with_a_gap() -> Self {
        Self::of(|answer| answer.batches = joined(split(&answer.batches).iter().skip(1)))
    }

    /// A bit of the batches, counted in bytes from their start, is another one.
    #[must_use]
    pub fn corrupted(at: usize) -> Self {
        Self::of(move |answer| {
            let mut bytes = answer.batches.to_vec();
            let at = at.min(bytes.len() - 1);
            bytes[at] ^= 0x20;
            answer.batches = bytes.into();
        })
    }

    /// The batches end after so many bytes, as if that were all.
    #[must_use]
    pub fn shortened(bytes: usize) -> Self {
        Self::of(move |answer| answer.batches.truncate(bytes))
    }

    /// It comes from another cluster.
    #[must_use]
    pub fn foreign() -> Self {
        Self::of(|answer| answer.cluster = ClusterId([9; 32]))
    }

    /// Other batches are in their place.
    #[must_use]
    pub fn replaced(batches: Bytes) -> Self {
        Self::of(move |answer| answer.batches = batches)
    }

    pub(super) fn applied(self, body: &[u8]) -> Vec<u8> {
        let mut answer = decode::<PullAnswer>(body).expect("a pull's answer");
        (self.0)(&mut answer);
        encode(&answer)
    }
}
