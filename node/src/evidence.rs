//! Entries of the authority ledger that a promotion brings along (DESIGN section 8): what the node has not pulled,
//! signed by those who said it. They count as if they had been pulled just now: each passes the same gate, in its
//! place. They are adopted in the grant's own append, or not at all.

use std::sync::Arc;

use aerodb_core::authority::{Authority, EntryBody, SignedEntry};
use aerodb_core::id::{NodeId, Seq};
use aerodb_core::rules::RuleId;
use aerodb_ledger::authority::{Rejected, adopt_entry};

/// A ledger as it would be with what was brought.
#[derive(Debug, Clone)]
pub struct Extended {
    /// What it says.
    pub authority: Arc<Authority>,
    /// The entries that the node does not have, in order.
    pub fresh: Vec<SignedEntry>,
}

/// Why entries that were brought do not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The ledger has another entry there: one of the two was never the cluster's.
    #[error("the ledger here has another entry {seq}")]
    Parted {
        /// The entry.
        seq: Seq,
    },
    /// This node made it and does not know of it: its directory is a copy, or was set back.
    #[error("entry {seq} is of this node, which does not have it")]
    Own {
        /// The entry.
        seq: Seq,
    },
    /// An epoch that has begun is followed, with its history: an entry alone does not bring that.
    #[error("entry {seq} grants an epoch; have the node follow the one that holds it")]
    Grant {
        /// The entry.
        seq: Seq,
    },
    /// It may not stand there.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

impl Unfit {
    /// The rule that stands against it.
    #[must_use]
    pub const fn rule(&self) -> RuleId {
        match self {
            Self::Parted { .. } => RuleId::P6A2,
            Self::Own { .. } => RuleId::St2,
            Self::Grant { .. } => RuleId::P6A1,
            Self::Rejected(rejected) => rejected.rule(),
        }
    }
}

/// The ledger of `node` with these entries behind it; those that it has already are passed over.
///
/// # Errors
/// [`Unfit`] for the first entry that does not count: then none does.
pub fn extend(
    authority: &Arc<Authority>,
    node: &NodeId,
    entries: &[SignedEntry],
) -> Result<Extended, Unfit> {
    let (mut state, mut fresh) = (Some(Arc::clone(authority)), Vec::new());
    for signed in entries {
        let (seq, entry) = (signed.entry.seq, &signed.entry);
        match authority.hash_at(seq) {
            Some(known) if known == entry.hash() => continue,
            Some(_) => return Err(Unfit::Parted { seq }),
            None => {}
        }
        if &entry.author == node {
            return Err(Unfit::Own { seq });
        }
        if let EntryBody::AuthorityGranted(_) = &entry.body {
            return Err(Unfit::Grant { seq });
        }
        adopt_entry(&mut state, signed)?;
        fresh.push(signed.clone());
    }
    Ok(Extended { authority: state.unwrap_or_else(|| Arc::clone(authority)), fresh })
}

#[cfg(test)]
mod tests {
    use aerodb_core::authority::{Annotation, Durability, Entry, Member};
    use aerodb_core::hash::{ClusterId, Hash};
    use aerodb_core::id::{Address, ClusterName, Epoch, Reason};
    use aerodb_core::position::Position;
    use aerodb_ledger::authority::{NodeKey, admit_entry, sign_entry};

    use super::*;
    use crate::directory::{Founding, genesis};

    fn annotation() -> Annotation {
        let reason = Reason::new("test").unwrap();
        Annotation { received_at_ms: 0, operator: "local".to_owned(), reason }
    }

    fn node(name: &str) -> NodeId {
        NodeId::new(name).unwrap()
    }

    fn member(name: &str) -> Member {
        let address = Address::new("http://127.0.0.1:7401").unwrap();
        Member { node_id: node(name), public_key: key(name).public_key(), address }
    }

    fn key(name: &str) -> NodeKey {
        NodeKey::from_seed(&[name.as_bytes()[1]; 32])
    }

    /// n1 founds the cluster, admits n2, and relinquishes to it.
    fn told() -> Vec<SignedEntry> {
        let founding = Founding {
            cluster_name: ClusterName::new("c").unwrap(),
            nonce: Hash([9; 32]),
            founder: member("n1"),
            minimum_durability: Durability::Local,
            ancestor: None,
            annotation: annotation(),
        };
        let mut entries = vec![genesis(founding, &key("n1"))];
        let final_position = Position::origin(&ClusterId(entries[0].entry.hash().0));
        let epoch = Epoch::FIRST;
        for body in [
            EntryBody::MemberAdmitted { epoch, member: member("n2") },
            EntryBody::AuthorityRelinquished { epoch, successor: node("n2"), final_position },
        ] {
            let head = entries[entries.len() - 1].entry.head();
            let entry = Entry {
                format: Entry::FORMAT,
                seq: head.seq.next().unwrap(),
                previous: head.hash,
                author: node("n1"),
                body,
                annotation: annotation(),
            };
            entries.push(sign_entry(&key("n1"), entry));
        }
        entries
    }

    fn folded(entries: &[SignedEntry]) -> Arc<Authority> {
        let mut state = None;
        entries.iter().for_each(|entry| admit_entry(&mut state, entry).unwrap());
        state.unwrap()
    }

    #[test]
    fn what_was_not_pulled_is_added_and_what_is_there_is_passed_over() {
        let told = told();
        let short = folded(&told[..2]);
        for brought in [&told[..], &told[1..], &told[2..]] {
            let extended = extend(&short, &node("n2"), brought).unwrap();
            assert_eq!(extended.fresh, told[2..]);
            assert_eq!(extended.authority.head(), told[2].entry.head());
        }
        assert_eq!(short.head(), told[1].entry.head(), "the node's own stays as it is");
        assert!(extend(&short, &node("n2"), &[]).unwrap().fresh.is_empty());
    }

    #[test]
    fn nothing_counts_of_what_is_forged_out_of_place_of_this_node_or_of_another_ledger() {
        let told = told();
        let (short, n2) = (folded(&told[..2]), node("n2"));
        let refused = |brought: &[SignedEntry]| extend(&short, &n2, brought).unwrap_err().rule();
        let mut forged = told[2].clone();
        forged.signature = told[1].signature;
        assert_eq!(refused(&[forged]), RuleId::Au15);
        let mut other = told[1].clone();
        other.entry.annotation.received_at_ms = 1;
        assert_eq!(refused(&[sign_entry(&key("n1"), other.entry)]), RuleId::P6A2);
        assert_eq!(extend(&folded(&told[..1]), &n2, &told[2..]).unwrap_err().rule(), RuleId::P6A2);
        let own = extend(&short, &node("n1"), &told[2..]).unwrap_err();
        assert_eq!(own.rule(), RuleId::St2);
    }
}
