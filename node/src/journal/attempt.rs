//! What observers are told of promotion attempts beside their steps: what was asked, how often, and how long it
//! took. Nothing that decides reads any of it (P6-AR8), and nothing of it is there outside of an attempt.

use std::sync::Arc;
use std::time::Instant;

use aerodb_core::id::{NodeId, Reason};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use serde::Serialize;

/// What was asked, as it was when it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// The holder of the epoch that the request would end.
    pub current_primary: NodeId,
    /// The operator's reason.
    pub reason: Reason,
}

/// Attempts of this process, by how far they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PromotionCounts {
    /// Accepted for processing.
    pub requested: u64,
    /// Granted.
    pub succeeded: u64,
    /// Denied.
    pub denied: u64,
    /// Found at the start, cut short by a crash.
    pub cut_short: u64,
}

/// Durations of this process's attempts, in milliseconds.
#[derive(Debug, Clone)]
pub struct PromotionDurations {
    /// From taking the request up to the verdict.
    pub validation: Histogram,
    /// From the first byte of the grant to a node that writes.
    pub transition: Histogram,
}

/// 0.25 ms to 8.2 s, each bucket twice as wide as the one before.
fn milliseconds() -> Histogram {
    Histogram::new(exponential_buckets(0.25, 2.0, 16))
}

impl Default for PromotionDurations {
    fn default() -> Self {
        Self { validation: milliseconds(), transition: milliseconds() }
    }
}

fn observe(histogram: &Histogram, since: Option<Instant>) {
    if let Some(since) = since {
        histogram.observe(since.elapsed().as_secs_f64() * 1_000.0);
    }
}

/// All of it, kept by the journal.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    pub(super) counts: PromotionCounts,
    pub(super) durations: PromotionDurations,
    current: Option<Arc<Attempt>>,
    since: Option<Instant>,
}

impl Attempts {
    pub(super) fn begin(&mut self, attempt: Attempt, since: Instant) {
        self.current = Some(Arc::new(attempt));
        self.since = Some(since);
    }

    /// Takes note of a step, and says to which attempt it belongs.
    pub(super) fn step(&mut self, row: &str) -> Option<Arc<Attempt>> {
        match row {
            "PR1" => self.counts.requested += 1,
            "PR4" => observe(&self.durations.validation, self.since.take()),
            "PR5" => {
                self.counts.denied += 1;
                observe(&self.durations.validation, self.since.take());
            }
            "PR6" => self.since = Some(Instant::now()),
            "PR7" => {
                self.counts.succeeded += 1;
                observe(&self.durations.transition, self.since.take());
            }
            "PR10" => self.counts.cut_short += 1,
            "PR3" | "PR8" | "PR9" => return self.current.take(),
            // PR2 comes between, and PR1r belongs to no attempt.
            _ => {}
        }
        self.current.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(histogram: &Histogram) -> String {
        let mut registry = prometheus_client::registry::Registry::default();
        registry.register("d", "d", histogram.clone());
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text.lines().find_map(|line| line.strip_prefix("d_count ")).unwrap().to_owned()
    }

    #[test]
    fn an_attempt_is_told_from_its_request_to_its_return_and_timed_once() {
        let mut attempts = Attempts::default();
        assert_eq!(attempts.step("PR10"), None);
        let (current_primary, reason) =
            (NodeId::new("n1").unwrap(), Reason::new("it is gone").unwrap());
        attempts.begin(Attempt { current_primary, reason }, Instant::now());
        for row in ["PR1", "PR2", "PR4", "PR6", "PR7", "PR8"] {
            assert!(attempts.step(row).is_some_and(|told| told.reason.as_str() == "it is gone"));
        }
        assert_eq!(attempts.step("PR1r"), None);
        let PromotionDurations { validation, transition } = &attempts.durations;
        assert_eq!((count(validation), count(transition)), ("1".to_owned(), "1".to_owned()));
        let counted = PromotionCounts { requested: 1, succeeded: 1, denied: 0, cut_short: 1 };
        assert_eq!(attempts.counts, counted);
    }
}
