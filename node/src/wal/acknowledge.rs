//! Who is waiting for which commit to be acknowledged, and how far the history is acknowledged.
//!
//! Invariant: `acknowledged <= durable`, and nothing above `acknowledged` is ever shown. The bound itself
//! is computed by `core::decision::tenure`; this is who is told of it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aerodb_core::authority::{Durability, Obligation};
use aerodb_core::decision::tenure::{Bounds, Tenure};
use aerodb_core::id::{Boundary, NodeId, Seq};
use aerodb_ledger::crash::{self, Point};
use tokio::sync::{oneshot, watch};

/// Why a write that was appended is not answered as acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unacknowledged {
    /// The obliged node stopped pulling.
    SuccessorDetached,
    /// The node gave its authority up, or lost it, in between.
    AuthorityEnded,
}

/// Sent once the awaited commit is acknowledged, with what it is durable on, or cannot be any more in this
/// tenure. The durability is that of the moment: an obligation that ended while a write waited leaves it
/// acknowledged on this node's fsync alone, whatever was in force when it was appended.
pub type Settled = Result<Durability, Unacknowledged>;

/// Someone who is answered `value` once everything through `needs` is acknowledged.
#[derive(Debug)]
pub struct Waiter<T> {
    /// The commit that the answer rests on.
    pub needs: Boundary,
    /// What to answer.
    pub value: T,
    /// Where to.
    pub reply: oneshot::Sender<(T, Settled)>,
}

impl<T> Waiter<T> {
    fn settle(self, settled: Settled) {
        // A caller that has gone away needs no answer.
        let _ = self.reply.send((self.value, settled));
    }
}

#[derive(Debug)]
struct Held {
    tenure: Tenure,
    /// Whether the obliged node is pulling.
    attached: bool,
}

#[derive(Debug)]
struct Inner<T> {
    bounds: Bounds,
    /// `None` on a node that is not the holder.
    held: Option<Held>,
    waiting: VecDeque<Waiter<T>>,
}

/// The acknowledgements of one node.
#[derive(Debug)]
pub struct Acknowledgements<T> {
    inner: Mutex<Inner<T>>,
    published: watch::Sender<Bounds>,
    attachment: watch::Sender<Option<bool>>,
}

impl<T> Acknowledgements<T> {
    /// Of a node whose recovered history ends here and which is not the holder.
    #[must_use]
    pub fn new(durable: Boundary, acknowledged: Option<Boundary>, covered: Option<Seq>) -> Self {
        let bounds = Bounds { durable, acknowledged, covered };
        let inner = Inner { bounds, held: None, waiting: VecDeque::new() };
        let (published, attachment) = (watch::Sender::new(bounds), watch::Sender::new(None));
        Self { inner: Mutex::new(inner), published, attachment }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bounds now.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        *self.published.borrow()
    }

    /// Told of every change of the bounds.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Bounds> {
        self.published.subscribe()
    }

    /// Whether the obliged node is pulling; `None` without an obligation.
    #[must_use]
    pub fn successor_attached(&self) -> Option<bool> {
        *self.attachment.borrow()
    }

    /// Told when the obliged node begins or ceases to pull.
    #[must_use]
    pub fn subscribe_attached(&self) -> watch::Receiver<Option<bool>> {
        self.attachment.subscribe()
    }

    fn publish_attachment(&self, inner: &Inner<T>) {
        let attached =
            inner.held.as_ref().and_then(|held| held.tenure.obligation().map(|_| held.attached));
        self.attachment.send_if_modified(|published| {
            let moved = *published != attached;
            *published = attached;
            moved
        });
    }

    /// The last ledger entry that a receipt of the obliged node has shown; `None` without one.
    #[must_use]
    pub fn ledger_receipt(&self) -> Option<Seq> {
        self.lock().held.as_ref().and_then(|held| held.tenure.ledger_receipt())
    }

    /// This node holds from here on.
    pub fn hold(&self, tenure: Tenure) {
        let mut inner = self.lock();
        inner.held = Some(Held { tenure, attached: false });
        self.publish_attachment(&inner);
        self.publish(&mut inner);
    }

    /// The ledger has grown while this node holds: its head and the obligation may have changed. What
    /// was acknowledged and covered before stays so. `is_attached` is asked as in
    /// [`Acknowledgements::look_again`].
    pub fn ledger_grown(
        &self,
        obligation: Option<Obligation>,
        ledger_head: Seq,
        is_attached: impl Fn(&NodeId) -> bool,
    ) {
        let mut inner = self.lock();
        let now = inner.bounds;
        if let Some(held) = inner.held.as_mut()
            && held.tenure.ledger_grown(&now, obligation, ledger_head)
        {
            let owed = held.tenure.obligation();
            held.attached = owed.is_some_and(|owed| is_attached(&owed.node_id));
        }
        self.publish_attachment(&inner);
        self.publish(&mut inner);
    }

    /// The holder has relinquished: whoever waits is told that its write is not acknowledged. Receipts of
    /// the heir still count, for what may be shown and served here.
    pub fn seal(&self, ledger_head: Seq) {
        let mut inner = self.lock();
        Self::fail(&mut inner, Unacknowledged::AuthorityEnded);
        if let Some(held) = inner.held.as_mut() {
            held.tenure.sealed(ledger_head);
        }
        self.publish(&mut inner);
    }

    /// The process stops: whoever waits is told so.
    pub fn abandon(&self) {
        Self::fail(&mut self.lock(), Unacknowledged::AuthorityEnded);
    }

    /// This node does not hold any more. Whoever waits is told that its write is not acknowledged.
    /// `acknowledged` is what may be shown from here on.
    pub fn stop_holding(&self, acknowledged: Option<Boundary>, covered: Option<Seq>) {
        let mut inner = self.lock();
        inner.held = None;
        self.publish_attachment(&inner);
        Self::fail(&mut inner, Unacknowledged::AuthorityEnded);
        inner.bounds.acknowledged = acknowledged;
        inner.bounds.covered = covered;
        self.published.send_replace(inner.bounds);
    }

    /// A replica's bounds, as the pipeline and what it is told give them.
    pub fn follow(&self, bounds: Bounds) {
        let mut inner = self.lock();
        if inner.held.is_none() && inner.bounds != bounds {
            inner.bounds = bounds;
            self.published.send_replace(bounds);
        }
    }

    /// A batch of the holder is durable and applied; `waiting` are those who want to know.
    pub fn durable(&self, durable: Boundary, waiting: impl IntoIterator<Item = Waiter<T>>) {
        let mut inner = self.lock();
        inner.bounds.durable = durable;
        inner.waiting.extend(waiting);
        self.publish(&mut inner);
        let owed = |held: &Held| held.tenure.obligation().is_some();
        let detached = inner.held.as_ref().is_some_and(|held| owed(held) && !held.attached);
        if detached {
            Self::fail(&mut inner, Unacknowledged::SuccessorDetached);
        }
    }

    /// A checked receipt of the obliged node has arrived.
    pub fn receipt(&self, obligation: &Obligation, position: Boundary, ledger: Option<Seq>) {
        let mut inner = self.lock();
        let Some(held) = inner.held.as_mut() else { return };
        if held.tenure.receipt(obligation, position, ledger) {
            self.publish(&mut inner);
        }
    }

    /// The node began or ceased to pull. Whether it pulls now is asked here, under the lock, and each
    /// change of it is followed by such a look: so the last look sees the last change, in whatever order
    /// the end of one connection and the first pull over the next are noticed.
    pub fn look_again(&self, node: &NodeId, is_attached: impl Fn(&NodeId) -> bool) {
        let mut inner = self.lock();
        let Some(held) = inner.held.as_mut() else { return };
        if held.tenure.obligation().is_none_or(|owed| &owed.node_id != node) {
            return;
        }
        let attached = is_attached(node);
        held.attached = attached;
        self.publish_attachment(&inner);
        if !attached {
            Self::fail(&mut inner, Unacknowledged::SuccessorDetached);
        }
    }

    fn fail(inner: &mut Inner<T>, why: Unacknowledged) {
        inner.waiting.drain(..).for_each(|waiter| waiter.settle(Err(why)));
    }

    fn publish(&self, inner: &mut Inner<T>) {
        let Some(held) = inner.held.as_mut() else { return };
        let durability = held.tenure.durability();
        let bounds = held.tenure.bounds(inner.bounds.durable);
        // Published before anyone is told: whoever is answered sees at least what it was answered.
        if bounds != inner.bounds || bounds != *self.published.borrow() {
            inner.bounds = bounds;
            self.published.send_replace(bounds);
        }
        let Some(acknowledged) = bounds.acknowledged else { return };
        // Waiters are in the order of their commits.
        while inner.waiting.front().is_some_and(|waiter| waiter.needs <= acknowledged) {
            if let Some(waiter) = inner.waiting.pop_front() {
                waiter.settle(Ok(durability));
                crash::reached(Point::GroupAck);
            }
        }
    }
}

#[cfg(test)]
mod tests;
