//! What a log must show when it is opened.

use std::ops::RangeInclusive;
use std::rc::Rc;

use aerodb_core::hash::Hash;
use bytes::Bytes;

/// All that was acted on, and of what was being appended all or nothing.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Acknowledged, or shown by an opening that had returned.
    pub acted_on: Vec<Bytes>,
    /// Being appended when the run ended.
    pub in_flight: Vec<Bytes>,
    /// The last frame of what was acted on, which a start stamp would name; `None` while the log is being
    /// created, so that it need not be there.
    pub last_frame: Option<u64>,
    /// How many records a truncation may have removed: as many as the last one that is durable, or as one
    /// that was under way.
    pub removed: RangeInclusive<usize>,
}

impl Expected {
    /// Of a log that was never truncated.
    pub fn new(acted_on: Vec<Bytes>, in_flight: Vec<Bytes>, last_frame: Option<u64>) -> Self {
        Self { acted_on, in_flight, last_frame, removed: 0..=0 }
    }

    /// Tells apart what must be told apart.
    pub fn id(&self) -> Hash {
        let (start, end) = (*self.removed.start() as u64, *self.removed.end() as u64);
        let frame = self.last_frame.map_or(0, |frame| frame + 1);
        let numbers = [self.acted_on.len() as u64, frame, start, end];
        let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let records = self.acted_on.iter().chain(&self.in_flight).map(|record| &record[..]);
        let parts: Vec<_> = std::iter::once(&numbers[..]).chain(records).collect();
        Hash::of("aerodb test expectation", &parts)
    }

    pub fn shared(self) -> Rc<(Hash, Self)> {
        Rc::new((self.id(), self))
    }

    /// The whole history of which this was shown, `removed` records before it; stops the test if it is not
    /// one of those that may be.
    pub fn history_of(&self, removed: usize, shown: &[Bytes]) -> Vec<Bytes> {
        let may_be = removed == *self.removed.start() || removed == *self.removed.end();
        assert!(may_be, "{removed} records are removed, {:?} may be", self.removed);
        let all = [&self.acted_on[..], &self.in_flight[..]].concat();
        let whole = [&all[..removed], shown].concat();
        assert!(
            whole == self.acted_on || whole == all,
            "{} records were acted on, {} were in flight, {} are shown after {removed}",
            self.acted_on.len(),
            self.in_flight.len(),
            shown.len(),
        );
        whole
    }
}
