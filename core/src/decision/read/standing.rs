//! What a read's admission stands on.

use serde::Serialize;

use crate::id::Epoch;
use crate::machine::RoleName;
use crate::rules::RuleId;

/// The state that an admitted read depends on. While it is the same, the gate's answer is: the acknowledged
/// bound only rises, and an open view keeps what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The node's role.
    pub role: RoleName,
    /// The current epoch by its ledger.
    pub epoch: Epoch,
    /// The rule of the halt in force, if there is one.
    pub halt: Option<RuleId>,
}
