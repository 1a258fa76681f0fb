//! Barriers of linearizable reads under obligation (DESIGN section 6): the obliged node echoes a number
//! that was drawn after the read began, and so shows that it had not been granted the next epoch when
//! the read began.

use tokio::sync::watch;

/// The numbers drawn and the numbers echoed. Numbers rise, so an echo confirms every read before it.
#[derive(Debug)]
pub struct Barriers {
    drawn: watch::Sender<u64>,
    echoed: watch::Sender<u64>,
}

impl Barriers {
    /// Starts at a random place, so that an echo from an earlier process confirms nothing.
    #[must_use]
    pub fn starting_at(random: u64) -> Self {
        // Room to rise without wrapping.
        let start = random >> 1;
        Self { drawn: watch::Sender::new(start), echoed: watch::Sender::new(start) }
    }

    /// Draws a fresh barrier.
    pub fn draw(&self) -> u64 {
        let mut fresh = 0;
        self.drawn.send_modify(|drawn| {
            *drawn += 1;
            fresh = *drawn;
        });
        fresh
    }

    /// The newest barrier drawn, if it has not been echoed yet.
    #[must_use]
    pub fn pending(&self) -> Option<u64> {
        let drawn = *self.drawn.borrow();
        (drawn > *self.echoed.borrow()).then_some(drawn)
    }

    /// Told when a barrier is drawn.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.drawn.subscribe()
    }

    /// Takes an echo of the obliged node; one that was never drawn counts for nothing.
    pub fn echo(&self, barrier: u64) {
        if barrier <= *self.drawn.borrow() {
            self.echoed.send_if_modified(|echoed| {
                let newer = barrier > *echoed;
                *echoed = barrier.max(*echoed);
                newer
            });
        }
    }

    /// Whether the barrier is echoed.
    #[must_use]
    pub fn is_echoed(&self, barrier: u64) -> bool {
        *self.echoed.borrow() >= barrier
    }

    /// Completes once the barrier is echoed.
    pub async fn echoed(&self, barrier: u64) {
        // The sender lives as long as `self`.
        let _ = self.echoed.subscribe().wait_for(|echoed| *echoed >= barrier).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_echo_confirms_what_was_drawn_before_it_and_nothing_after() {
        let barriers = Barriers::starting_at(u64::MAX);
        let (first, second) = (barriers.draw(), barriers.draw());
        barriers.echo(second + 1);
        assert_eq!(barriers.pending(), Some(second), "an echo of what was never drawn");
        barriers.echo(first);
        barriers.echoed(first).await;
        assert_eq!(barriers.pending(), Some(second));
        barriers.echo(second);
        assert_eq!(barriers.pending(), None);
    }
}
