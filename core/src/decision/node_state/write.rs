//! What a write is admitted on.

use super::NodeState;
use crate::decision::promotion::AuthorityFacts;
use crate::decision::write::{WriteFacts, WriteLive};

/// What can be written to on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writer {
    /// Whether an append or fsync has failed in this process.
    pub poisoned: bool,
    /// The configured bound on the store, in bytes.
    pub store_bytes_max: u64,
}

impl NodeState<'_> {
    /// What a write is admitted on. The durability that it must have is the cluster's, by the ledger (AU-9).
    #[must_use]
    pub fn of_write(&self, writer: Writer, live: WriteLive) -> WriteFacts {
        let Self { node, authority, halt, .. } = *self;
        WriteFacts {
            cluster: *authority.cluster(),
            node: node.clone(),
            ledger: authority.head(),
            authority: AuthorityFacts::from(authority),
            role: self.role(),
            halt,
            writer_poisoned: writer.poisoned,
            minimum_durability: authority.minimum_durability(),
            store_bytes_max: writer.store_bytes_max,
            live,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::Story;
    use crate::decision::node_state::tests::holder;
    use crate::decision::write::WriteRefusal;
    use crate::rules::RuleId;

    const WRITER: Writer = Writer { poisoned: false, store_bytes_max: 100 };
    const LIVE: WriteLive =
        WriteLive { successor_attached: None, acknowledged: None, store_bytes: 99 };

    #[test]
    fn a_write_is_admitted_on_the_ledger_the_writer_and_what_moves() {
        let story = Story::founded().admit("n2").designate("n2", 5);
        let state = holder(&story);
        let (writer, live) = (Writer { poisoned: true, ..WRITER }, LIVE);
        let facts = state.of_write(writer, live);
        let authority = story.authority();
        assert_eq!((facts.cluster, facts.ledger), (*authority.cluster(), authority.head()));
        assert_eq!(facts.authority, AuthorityFacts::from(authority));
        assert_eq!(facts.minimum_durability, authority.minimum_durability());
        assert_eq!((&facts.node, facts.store_bytes_max), (authority.holder(), 100));
        assert_eq!((facts.writer_poisoned, facts.live), (true, live));
    }

    #[test]
    fn rm_5_a_halted_holder_is_refused_a_write_for_its_halt() {
        let story = Story::founded().admit("n2");
        let mut state = holder(&story);
        assert_eq!(state.of_write(WRITER, LIVE).admit(&LIVE), Ok(()));
        state.halt = Some(RuleId::FV1);
        let refused = state.of_write(WRITER, LIVE).admit(&LIVE);
        assert_eq!(refused, Err((WriteRefusal::Halted, RuleId::Rm5)));
    }
}
