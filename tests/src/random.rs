//! Numbers that look random and are the same each time.

/// A sequence that its seed decides (Knuth's multiplier).
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// The next number below `end`, which is not 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % end
    }

    /// The next index of a list of so many.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }
}
