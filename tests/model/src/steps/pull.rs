//! A replica's pull. A receipt rides on each.

use aerodb_core::authority::ReceiptClaim;
use aerodb_core::decision::acknowledge::{claim, signs};
use aerodb_core::hash::Chain;
use aerodb_core::id::Boundary;

use crate::cluster::Cluster;
use crate::state::{Pull, State};
use crate::world::HistoryId;

impl Cluster {
    pub(crate) fn pull(
        &self,
        state: &mut State,
        from: usize,
        to: usize,
        lost: Option<usize>,
    ) -> Option<()> {
        let node = state.node(from);
        if !node.is_replica() {
            return None;
        }
        let pull = Pull { to: u8::try_from(to).ok()?, ledger: node.ledger, history: node.history };
        let sent = &mut state.pulls[from];
        if sent.contains(&Some(pull)) {
            return None;
        }
        let place = lost.or_else(|| sent.iter().position(Option::is_none))?;
        *sent.get_mut(place)? = Some(pull);
        Some(())
    }

    /// What the pull says of its node.
    pub(crate) fn claim(&self, from: usize, pull: &Pull) -> ReceiptClaim {
        let authority = &self.world.ledgers.get(pull.ledger).authority;
        claim(authority, &self.names[from], self.world.histories.get(pull.history).end)
    }

    /// Whether its node signed it.
    pub(crate) fn is_signed(&self, from: usize, pull: &Pull) -> bool {
        signs(&self.world.ledgers.get(pull.ledger).authority, &self.names[from])
    }

    /// The chain of a history at a place; `None` past its end.
    pub(crate) fn chain_at(&self, history: HistoryId, boundary: Boundary) -> Option<Chain> {
        let prefix = self.world.histories.prefix(history, boundary)?;
        Some(self.world.histories.get(prefix).end.chain)
    }
}
