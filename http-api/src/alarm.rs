//! One clock for one connection, set anew for each of its requests.
//!
//! A timer that is made for a request and dropped with its answer goes into the runtime's wheel and out of it
//! again, under a lock each time. One that stays there is only told a later time, which takes no lock.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Instant, Sleep, sleep_until};

/// A clock that its owner's requests share, one after the other.
#[derive(Debug, Clone, Default)]
pub struct Alarm(Arc<Mutex<Option<Pin<Box<Sleep>>>>>);

impl Alarm {
    /// What the work comes to; `None`, and the work dropped, when this moment is past before it is done.
    pub async fn before<W: Future>(&self, moment: Instant, work: W) -> Option<W::Output> {
        let mut work = pin!(work);
        let mut clock = self.set(moment);
        tokio::select! {
            biased;
            done = &mut work => {
                *self.clock() = Some(clock);
                Some(done)
            }
            () = &mut clock => None,
        }
    }

    /// The clock, or another where a request beside this one has it.
    fn set(&self, moment: Instant) -> Pin<Box<Sleep>> {
        let taken = self.clock().take();
        match taken {
            Some(mut clock) => {
                clock.as_mut().reset(moment);
                clock
            }
            None => Box::pin(sleep_until(moment)),
        }
    }

    fn clock(&self) -> std::sync::MutexGuard<'_, Option<Pin<Box<Sleep>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use super::*;

    fn in_ms(ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(ms)
    }

    #[tokio::test]
    async fn a_moment_that_passes_first_ends_the_work_whatever_was_asked_before() {
        let alarm = Alarm::default();
        // Far, near, far again: the clock is moved in both directions.
        assert_eq!(alarm.before(in_ms(600_000), tokio::task::yield_now()).await, Some(()));
        assert!(alarm.clock().is_some(), "it is kept");
        assert_eq!(alarm.before(in_ms(1), pending::<()>()).await, None);
        assert_eq!(alarm.before(in_ms(600_000), tokio::task::yield_now()).await, Some(()));
        assert_eq!(alarm.before(in_ms(1), pending::<()>()).await, None);
    }

    #[tokio::test]
    async fn work_that_is_done_counts_though_the_moment_is_past() {
        let alarm = Alarm::default();
        assert_eq!(alarm.before(Instant::now(), ready(7)).await, Some(7));
    }

    #[tokio::test]
    async fn two_at_once_have_a_clock_each() {
        let alarm = Alarm::default();
        let far =
            alarm.before(in_ms(600_000), async { alarm.before(in_ms(1), pending::<()>()).await });
        assert_eq!(far.await, Some(None));
    }
}
