//! The fold, entry kind by entry kind: what is accepted with the exact next state, and every reason to
//! refuse, each from the shortest story that leads to it.

mod grants;
mod members;
mod place;
mod stories;
mod succession;

use crate::authority::Illegal;
use crate::rules::RuleId;

/// Asserts that exactly this was found wrong, and under which rule.
#[track_caller]
fn assert_illegal(found: Illegal, expected: Illegal, rule: RuleId) {
    assert_eq!(found, expected);
    assert_eq!(found.rule(), rule);
}
