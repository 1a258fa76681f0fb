//! Reads of keys: one view each, through the gate, and looked at again when they are over (table 4.11).
//!
//! Keeps: MVF-5, RA-7, M-R30, M-R31, M-W23.

use std::future::ready;
use std::time::Duration;

use aerodb_core::decision::node_state::ReadAsked;
use aerodb_core::decision::read::{Consistency, ReadFacts, ReadRefusal, Standing};
use aerodb_core::hash::Hash;
use aerodb_core::id::{Boundary, Seq};
use aerodb_core::machine::{Machine as _, Read, ReadEvent};
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::envelope::{ObservedAt, Snapshot};
use aerodb_http_api::problem::Problem;
use aerodb_http_api::types::{ReadAnswer, ReadRequest, ScanAnswer, ScanItem, ScanRequest};
use aerodb_ledger::crash::Point;
use tokio::time::Instant;

use crate::http::Http;
use crate::store::{ReadView, ScanRange, ViewSource};

/// What a read asks for, apart from the keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) at: Option<Boundary>,
    pub(super) min_commit: Option<Boundary>,
    pub(super) consistency: Option<Consistency>,
    pub(super) deadline: Duration,
}

impl Wanted {
    pub(super) const fn asked(&self) -> ReadAsked {
        let Self { at, min_commit, consistency, .. } = *self;
        ReadAsked { at, min_commit, consistency }
    }
}

/// An admitted read: the boundary that it sees, and the state that admitted it.
pub(super) struct Admitted {
    pub(super) boundary: Boundary,
    pub(super) facts: ReadFacts,
    pub(super) ledger_seq: Seq,
}

/// Moves a read where the order of [`Http::in_view`] makes the step legal.
fn step(read: Read, event: ReadEvent) -> Read {
    match read.transition(&event) {
        Ok(step) => step.next,
        Err(forbidden) => panic!("{forbidden}"),
    }
}

impl Http {
    pub(super) async fn do_read(&self, read: ReadRequest) -> Result<ReadAnswer, Problem> {
        let ReadRequest { key, at, min_commit, consistency, deadline } = read;
        let wanted = Wanted { at, min_commit, consistency, deadline };
        let get = |view: ReadView| ready(view.store().get(&key, view.at()));
        let (admitted, value) = self.in_view(wanted, get).await?;
        Ok(ReadAnswer {
            value,
            boundary: admitted.boundary,
            epoch: admitted.facts.epoch,
            cluster: self.shared.identity.cluster,
            consistency: admitted.facts.consistency,
        })
    }

    pub(super) async fn do_scan(&self, scan: ScanRequest) -> Result<ScanAnswer, Problem> {
        let ScanRequest { prefix, start, end, limit, after_key, .. } = scan;
        let ScanRequest { at, min_commit, consistency, deadline, .. } = scan;
        let wanted = Wanted { at, min_commit, consistency, deadline };
        let range = ScanRange::within(&prefix, start, end, after_key);
        let page = |view: ReadView| ready(view.store().scan(&range, view.at(), limit));
        let (admitted, (items, more)) = self.in_view(wanted, page).await?;
        let next = if more { items.last().map(|item| item.key.clone()) } else { None };
        Ok(ScanAnswer {
            observed: self.observed_by(&admitted),
            items: items
                .into_iter()
                .map(|item| ScanItem {
                    key: item.key,
                    value: item.value,
                    commit_id: item.commit_id,
                })
                .collect(),
            next,
            boundary: admitted.boundary,
            epoch: admitted.facts.epoch,
            cluster: self.shared.identity.cluster,
            consistency: admitted.facts.consistency,
        })
    }

    /// The digest of the state that a read of these wishes would see, and the view that it is of. Reads all
    /// of it, on a thread of its own, one digest at a time.
    pub(super) async fn digest(&self, wanted: Wanted) -> Result<(Boundary, Hash), Problem> {
        let stopping = || Problem::new(Code::Recovering, "the node is stopping");
        let _turn = self.digests.acquire().await.map_err(|_| stopping())?;
        let hands = self.shared.world.hands;
        let digest = |view: ReadView| hands.beside(move || view.store().state_digest(view.at()));
        let (admitted, digest) = self.in_view(wanted, digest).await?;
        Ok((admitted.boundary, digest.ok_or_else(stopping)?))
    }

    /// Reads in one admitted view, and checks afterwards that what admitted it still stands (F-RS2): a
    /// change of role, epoch or halt in between means to look once more, and then to refuse.
    pub(super) async fn in_view<T, F: Future<Output = T>>(
        &self,
        wanted: Wanted,
        read: impl Fn(ReadView) -> F,
    ) -> Result<(Admitted, T), Problem> {
        let give_up = Instant::now() + wanted.deadline;
        let mut state = Read::initial();
        loop {
            let admitted = self.admit_read(wanted, give_up).await?;
            let (view, standing) = (admitted.boundary, admitted.facts.standing());
            state = step(state, ReadEvent::GateAdmitted { view, standing });
            let open = self.shared.store.view(view, ViewSource::User);
            let Some(open) = open else {
                state = step(state, ReadEvent::ViewPruned);
                self.once_more(state, admitted)?;
                continue;
            };
            self.shared.world.hands.reached(Point::ReadViewCreated);
            let value = read(open).await;
            self.shared.world.hands.reached(Point::ReadMid);
            let event = ReadEvent::Rechecked { standing: self.standing() };
            state = step(state, event);
            if let Read::Served { .. } = state {
                return Ok((admitted, value));
            }
            self.once_more(state, admitted)?;
        }
    }

    /// Ends a read that is refused after it was admitted.
    fn once_more(&self, state: Read, admitted: Admitted) -> Result<(), Problem> {
        let Read::Refused { rule } = state else { return Ok(()) };
        let mut facts = admitted.facts;
        let refusal = if rule == RuleId::Mvg2 {
            facts.oldest_retained = self.shared.store.oldest_retained();
            ReadRefusal::NotRetained
        } else {
            facts.moved_to = Some(self.standing());
            ReadRefusal::Moved
        };
        Err(self.read_refused(&facts, refusal, rule))
    }

    /// What the gate's answers stand on at this moment.
    fn standing(&self) -> Standing {
        self.shared.view.load().state(&self.shared.identity).standing()
    }

    /// What an answer of this read was taken from: its own view and nothing later.
    fn observed_by(&self, admitted: &Admitted) -> ObservedAt {
        ObservedAt {
            cluster_id: Some(self.shared.identity.cluster),
            node_id: self.shared.identity.node_id.clone(),
            epoch: Some(admitted.facts.epoch),
            commit_id: Some(admitted.boundary),
            ledger_seq: Some(admitted.ledger_seq),
            snapshot: match admitted.facts.at {
                Some(_) => Snapshot::Explicit,
                None => Snapshot::Live,
            },
        }
    }
}

#[cfg(test)]
mod tests;
