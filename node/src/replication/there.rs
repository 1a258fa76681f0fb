//! What another node's authority ledger has past this node's: how a node that holds, or held, learns of a later
//! grant. It does not pull, so nothing of what it learns here is taken before the supervisor has looked at it.

use aerodb_core::explain::Remedy;
use aerodb_core::id::{Address, Seq};
use aerodb_core::position::LedgerHead;
use aerodb_core::rules::RuleId;
use aerodb_http_api::client::ClientError;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use aerodb_http_api::stream::PullRequest;
use bytes::Bytes;

use crate::shared::Shared;
use crate::world::Link;

/// The other ledger as far as this one's owner needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerThere {
    /// The last entry that both ledgers have; this node's own head, unless the two have parted.
    pub common: LedgerHead,
    /// The first of the entries after it.
    pub entries: Vec<Bytes>,
}

/// Asks the node at `upstream`. Where the ledgers have parted, the last common entry is found by halving.
///
/// # Errors
/// A [`Problem`] when it does not answer, or refuses for another reason than that they have parted.
pub async fn ledger_there(shared: &Shared, upstream: &Address) -> Result<LedgerThere, Problem> {
    let authority = shared.view.load_full().authority.clone();
    let mut link = shared.world.dial.connect(upstream.clone()).await.map_err(problem)?;
    let mut parted = authority.head();
    if let Some(entries) = after(shared, &mut *link, parted).await? {
        return Ok(LedgerThere { common: parted, entries });
    }
    // Both have the genesis entry that the cluster is named after.
    let genesis = authority.hash_at(Seq::FIRST).map(|hash| LedgerHead { seq: Seq::FIRST, hash });
    let mut common = genesis.unwrap_or(parted);
    let mut entries = after(shared, &mut *link, common).await?.unwrap_or_default();
    while parted.seq.get() - common.seq.get() > 1 {
        let middle = common.seq.get().midpoint(parted.seq.get());
        let Some((seq, hash)) =
            Seq::new(middle).and_then(|seq| Some((seq, authority.hash_at(seq)?)))
        else {
            break;
        };
        let middle = LedgerHead { seq, hash };
        match after(shared, &mut *link, middle).await? {
            Some(more) => (common, entries) = (middle, more),
            None => parted = middle,
        }
    }
    Ok(LedgerThere { common, entries })
}

/// The entries there after this one; `None` where the ledger there does not have it.
async fn after(
    shared: &Shared,
    link: &mut dyn Link,
    head: LedgerHead,
) -> Result<Option<Vec<Bytes>>, Problem> {
    let identity = &shared.identity;
    let request = PullRequest {
        cluster: identity.cluster,
        node_id: identity.node_id.clone(),
        public_key: identity.public_key,
        session: [0; 16],
        starts: None,
        epoch: shared.view.load().authority.epoch(),
        position: None,
        ledger: Some(head),
        signature: None,
        echo: None,
        known_acknowledged: None,
        wait: false,
    };
    match link.pull(&request).await {
        Ok(answer) => Ok(Some(answer.entries)),
        Err(ClientError::Problem(refused)) if refused.body().rule == Some(RuleId::P6A2) => Ok(None),
        Err(error) => Err(problem(error)),
    }
}

fn problem(error: ClientError) -> Problem {
    match error {
        ClientError::Problem(problem) => problem,
        ClientError::Unreachable { .. }
        | ClientError::Interrupted { .. }
        | ClientError::Damaged { .. }
        | ClientError::Protocol { .. } => no_answer(&error.to_string()),
    }
}

/// A node that held has to see a later grant before it follows, and whoever has one has to be reached for that.
pub fn no_answer(detail: &str) -> Problem {
    let (rule, action) = (RuleId::P6A1, "see where the members are reached, and start the holder");
    let remedy = Remedy::look(rule, action, None, "/v1/members");
    Problem::new(Code::CommandRefused, detail).rule(rule, vec![remedy])
}
