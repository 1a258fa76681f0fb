//! Who may take part.

use crate::authority::{Authority, Illegal, Member, Membership, Succession};
use crate::id::NodeId;

pub(super) fn admit(
    state: &Authority,
    next: &mut Authority,
    member: &Member,
) -> Result<(), Illegal> {
    let node_id = member.node_id.clone();
    let taken = state.members.contains_key(&node_id)
        || state.members.values().any(|(known, _)| known.public_key == member.public_key);
    if taken {
        return Err(Illegal::MemberTaken { node_id });
    }
    next.members.insert(node_id, (member.clone(), Membership::Admitted));
    Ok(())
}

pub(super) fn remove(
    state: &Authority,
    next: &mut Authority,
    node_id: &NodeId,
) -> Result<(), Illegal> {
    let needed = node_id == state.holder()
        || state.succession.as_ref().map(Succession::successor) == Some(node_id);
    match next.members.get_mut(node_id) {
        Some((_, membership @ Membership::Admitted)) if !needed => {
            *membership = Membership::Removed;
            Ok(())
        }
        Some(_) | None => Err(Illegal::Member { node_id: node_id.clone(), what: "removed" }),
    }
}
