//! What an entry changes: decided in full before the state is touched.

use crate::authority::{Authority, EpochStart, Member, Membership, Succession, Tenure};
use crate::id::NodeId;
use crate::position::{LedgerHead, Position};

/// The effect of one legal entry on the state that it lands on.
#[derive(Debug)]
pub(super) enum Change {
    /// A node may take part.
    Admitted(Member),
    /// A node may not take part any more.
    Removed(NodeId),
    /// There is an heir.
    Designated { successor: NodeId, at: Position, entry: LedgerHead },
    /// The heir shall be heir no more.
    Releasing(Succession),
    /// There is no obligation any more; the node has declined, if that is why.
    ObligationEnded { declined: Option<NodeId> },
    /// The holder has written its last entry.
    Relinquished { successor: NodeId, final_position: Position, entry: LedgerHead },
    /// An epoch begins.
    Granted(EpochStart),
}

impl Authority {
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Admitted(member) => {
                self.members.insert(member.node_id.clone(), (member, Membership::Admitted));
            }
            Change::Removed(node_id) => {
                if let Some((_, membership)) = self.members.get_mut(&node_id) {
                    *membership = Membership::Removed;
                }
            }
            Change::Designated { successor, at, entry } => {
                self.reached = at;
                self.namings.push((successor.clone(), entry));
                self.succession = Some(Succession::Designated { successor, at, entry });
            }
            Change::Releasing(succession) => self.succession = Some(succession),
            Change::ObligationEnded { declined } => {
                self.succession = None;
                self.declined.extend(declined);
            }
            Change::Relinquished { successor, final_position, entry } => {
                self.reached = final_position;
                self.namings.push((successor.clone(), entry));
                self.tenure = Tenure::Relinquished { successor, final_position, entry };
            }
            Change::Granted(start) => {
                self.reached = start.start;
                self.epochs.push(start.clone());
                self.current = start;
                self.tenure = Tenure::Held;
                self.succession = None;
                self.namings.clear();
                self.declined.clear();
            }
        }
    }
}
