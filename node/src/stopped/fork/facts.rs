//! What a fork is decided on: what the directory can prove, and what of it was acknowledged.

use aerodb_core::authority::{Ancestor, Authority};
use aerodb_core::decision::acknowledge::replica_bound;
use aerodb_core::decision::fork::{ForkFacts, remedies};
use aerodb_core::decision::promotion::AuthorityFacts;
use aerodb_core::explain::Explanation;
use aerodb_core::id::{Boundary, Epoch, NodeId};
use aerodb_core::machine::RoleName;
use aerodb_core::rules::RuleId;

use crate::identity::IdentityFile;
use crate::stopped::Refused;
use crate::stopped::contents::Contents;

pub(super) fn refused(facts: &ForkFacts, explanation: Explanation) -> Refused {
    let failed: Vec<RuleId> = explanation.failed().map(|rule| rule.rule).collect();
    Refused { remedies: remedies(facts, &failed), explanation }
}

pub(super) fn facts(
    contents: &Contents,
    identity: &IdentityFile,
    original: bool,
    expected_epoch: Epoch,
) -> ForkFacts {
    let (authority, node) = (&contents.authority, &identity.node_id);
    let standing = &contents.replayed.standing;
    let role = RoleName::by_ledger(authority, node);
    ForkFacts {
        cluster: *authority.cluster(),
        node: node.clone(),
        expected_epoch,
        ledger: authority.head(),
        authority: AuthorityFacts::from(&**authority),
        role,
        original,
        retired: identity.retired,
        proven: standing.tip,
        received: standing.received,
        acknowledged: acknowledged(authority, node, role, standing.tip.boundary),
        declines: original && ForkFacts::heir_of(authority) == Some(node),
    }
}

/// What is known here to have been acknowledged: of a holder under obligation nothing, its successor's receipts
/// are gone with its process.
fn acknowledged(
    authority: &Authority,
    node: &NodeId,
    role: RoleName,
    tip: Boundary,
) -> Option<Boundary> {
    match role {
        RoleName::PrimaryActive | RoleName::PrimarySealed => {
            authority.obligation().is_none().then_some(tip)
        }
        RoleName::ReplicaActive | RoleName::Uninitialized | RoleName::ReplicationHalted => {
            Some(replica_bound(authority, node, tip, None))
        }
    }
}

pub(super) fn ancestor_of(facts: &ForkFacts) -> Ancestor {
    Ancestor {
        cluster: facts.cluster,
        epoch: facts.authority.epoch,
        proven: facts.proven,
        ledger: facts.ledger,
    }
}
