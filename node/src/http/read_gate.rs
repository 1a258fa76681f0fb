//! The way of a read through the gate: what it may wait for, and until when.

use aerodb_core::decision::node_state::Readable;
use aerodb_core::decision::read::{ReadFacts, ReadRefusal};
use aerodb_core::id::Boundary;
use aerodb_http_api::problem::Problem;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::http::Http;
use crate::http::read::{Admitted, Wanted};
use crate::view::View;

/// What a refused read may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    /// The obliged node's echo of this barrier.
    Echo(u64),
    /// The acknowledgement of this commit.
    Commit(Boundary),
}

impl Http {
    /// Passes the gate, waiting for the barrier's echo or the least commit within the caller's deadline. The
    /// gate is asked again whenever the state moves, so that a node that halts refuses at once.
    pub(super) async fn admit_read(
        &self,
        wanted: Wanted,
        give_up: Instant,
    ) -> Result<Admitted, Problem> {
        let (mut barrier, mut moved) = (None, None);
        loop {
            let view = self.shared.view.load_full();
            // Drawn after the read began: an echo of it shows that the obliged node was not granted before.
            if barrier.is_none() && self.needs_echo(&view, wanted) {
                barrier = Some(self.shared.barriers.draw());
            }
            let echoed = barrier.map(|barrier| self.shared.barriers.is_echoed(barrier));
            let facts = self.read_facts(&view, wanted, echoed);
            let (refusal, rule) = match facts.admit() {
                Ok(boundary) => {
                    let ledger_seq = view.authority.head().seq;
                    return Ok(Admitted { boundary, facts, ledger_seq });
                }
                Err(refused) => refused,
            };
            let refused = || self.read_refused(&facts, refusal, rule);
            let awaited = self.awaited(refusal, barrier, wanted).ok_or_else(refused)?;
            match &mut moved {
                // From here on no change of the state is missed; what changed before is looked at first.
                None => moved = Some(self.shared.view_changed.subscribe()),
                Some(moved) => {
                    let news = self.news_of(awaited, moved);
                    timeout_at(give_up, news).await.map_err(|_| refused())?;
                }
            }
        }
    }

    /// What could still let the read through; `None` when nothing could.
    fn awaited(
        &self,
        refusal: ReadRefusal,
        barrier: Option<u64>,
        wanted: Wanted,
    ) -> Option<Awaited> {
        if *self.shared.stopping.borrow() {
            return None;
        }
        match refusal {
            // An obligation without a barrier began just now: the next look draws one.
            ReadRefusal::Unconfirmed => (self.shared.acks.successor_attached() == Some(true))
                .then(|| Awaited::Echo(barrier.unwrap_or_default())),
            ReadRefusal::NotReached => wanted.min_commit.map(Awaited::Commit),
            ReadRefusal::Halted
            | ReadRefusal::Recovering
            | ReadRefusal::Unsafe
            | ReadRefusal::NotHolder
            | ReadRefusal::Sealed
            | ReadRefusal::InFuture
            | ReadRefusal::NotRetained
            | ReadRefusal::Moved => None,
        }
    }

    /// Ends when there is a reason to ask the gate again. How it ends says nothing; what is there then does.
    async fn news_of(&self, awaited: Awaited, moved: &mut watch::Receiver<()>) {
        let awaited = async {
            match awaited {
                Awaited::Echo(barrier) => tokio::select! {
                    () = self.shared.barriers.echoed(barrier) => {}
                    () = self.successor_detached() => {}
                },
                Awaited::Commit(least) => {
                    let mut bounds = self.shared.acks.subscribe();
                    // The sender lives as long as the node.
                    let _ = bounds
                        .wait_for(|bounds| bounds.acknowledged.is_some_and(|bound| bound >= least))
                        .await;
                }
            }
        };
        tokio::select! {
            () = awaited => {}
            _ = moved.changed() => {}
            () = self.shared.stopped() => {}
        }
    }

    /// Completes when the obliged node is not pulling: then no echo can come.
    async fn successor_detached(&self) {
        let mut changed = self.shared.acks.subscribe_attached();
        let _ = changed.wait_for(|attached| *attached != Some(true)).await;
    }

    fn needs_echo(&self, view: &View, wanted: Wanted) -> bool {
        view.state(&self.shared.identity).needs_echo(&wanted.asked())
    }

    /// The gate's facts at this moment.
    pub(super) fn read_facts(
        &self,
        view: &View,
        wanted: Wanted,
        echoed: Option<bool>,
    ) -> ReadFacts {
        let readable = Readable {
            acknowledged: self.shared.acks.bounds().acknowledged,
            oldest_retained: self.shared.store.oldest_retained(),
            echoed,
        };
        view.state(&self.shared.identity).of_read(wanted.asked(), readable)
    }
}
