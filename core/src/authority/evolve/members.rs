//! Who may take part.

use crate::authority::evolve::change::Change;
use crate::authority::{Authority, Illegal, Member, Membership, Succession};
use crate::id::NodeId;

pub(super) fn check_admission(state: &Authority, member: &Member) -> Result<Change, Illegal> {
    let taken = state.members.contains_key(&member.node_id)
        || state.members.values().any(|(known, _)| known.public_key == member.public_key);
    if taken {
        return Err(Illegal::MemberTaken { node_id: member.node_id.clone() });
    }
    Ok(Change::Admitted(member.clone()))
}

pub(super) fn check_removal(state: &Authority, node_id: &NodeId) -> Result<Change, Illegal> {
    let needed = node_id == state.holder()
        || state.succession.as_ref().map(Succession::successor) == Some(node_id);
    match state.members.get(node_id) {
        Some((_, Membership::Admitted)) if !needed => Ok(Change::Removed(node_id.clone())),
        Some((_, Membership::Admitted | Membership::Removed)) | None => {
            Err(Illegal::Member { node_id: node_id.clone(), what: "removed" })
        }
    }
}
