//! What one key does when it is asked one thing after the other: the specification for the checker.

use todc_utils::linearizability::WGLChecker;
use todc_utils::specifications::Specification;

use super::history::{Operation, Seen, Value};

/// One key.
pub(super) struct Register;

/// The checker of one key's history.
pub(super) type Checker = WGLChecker<Register>;

/// An operation and what is known of its answer; `None` says nothing.
pub(super) type Step = (Operation, Option<Seen>);

impl Specification for Register {
    type State = Option<Value>;
    type Operation = Step;

    fn init() -> Option<Value> {
        None
    }

    /// Whether the answer is the one that this state gives, and the state after.
    fn apply((operation, seen): &Step, state: &Option<Value>) -> (bool, Option<Value>) {
        let becomes = match operation {
            Operation::Get => *state,
            Operation::Put(value) => Some(*value),
            Operation::Delete => None,
            Operation::Swap { expected, new } if expected == state => Some(*new),
            Operation::Swap { .. } => *state,
        };
        let Some(seen) = seen else { return (true, becomes) };
        let fits = match (operation, seen) {
            (Operation::Get, Seen::Value(value, _)) => *state == Some(*value),
            // A delete of an absent key is answered so, and writes nothing.
            (Operation::Get | Operation::Delete, Seen::Absent) => state.is_none(),
            (Operation::Put(_), Seen::Done(_)) => true,
            (Operation::Delete, Seen::Done(_)) => state.is_some(),
            (Operation::Swap { expected, .. }, Seen::Done(_)) => expected == state,
            (Operation::Swap { expected, .. }, Seen::Unmet) => expected != state,
            // An answer that no such operation has fits no state.
            (_, Seen::Value(..) | Seen::Absent | Seen::Done(_) | Seen::Unmet | Seen::Refused) => {
                false
            }
        };
        (fits, if fits { becomes } else { *state })
    }
}
