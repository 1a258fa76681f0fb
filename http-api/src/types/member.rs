//! Members as they are listed.

use aerodb_core::authority::{Member, Membership};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A node that was ever admitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberView {
    /// Its id, key and address.
    #[serde(flatten)]
    pub member: Member,
    /// Whether it still is a member.
    pub membership: Membership,
}
