//! Authority ledgers, each with what the fold makes of it.

use aerodb_core::authority::{
    Annotation, Authority, Basis, Durability, Entry, EntryBody, Genesis, Illegal, Member, evolve,
};
use aerodb_core::hash::{Hash, PublicKey};
use aerodb_core::id::{Address, ClusterName, InvalidId, NodeId, Reason, Seq};
use aerodb_core::position::LedgerHead;
use aerodb_core::rules::RULESET;

use crate::world::Table;

/// A ledger's number.
pub type LedgerId = u16;

/// Which bases its grants stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bases {
    /// A planned failover.
    pub relinquishment: bool,
    /// An unplanned one.
    pub designation: bool,
    /// The relinquisher's own, on its heir's decline.
    pub decline: bool,
}

/// One ledger: its last entry and what it leads to.
#[derive(Debug)]
pub struct Ledger {
    /// The fold.
    pub authority: Authority,
    /// The last entry.
    pub entry: Entry,
    /// Every shorter prefix, by length.
    pub shorter: Vec<LedgerId>,
    /// The bases of its grants.
    pub bases: Bases,
}

impl Ledger {
    /// How many entries it has.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.entry.seq.get()
    }
}

/// All ledgers of one cluster.
#[derive(Debug)]
pub struct Ledgers {
    table: Table<[u8; 32], Ledger>,
}

impl Ledgers {
    /// The ledger of a cluster that the first node founds, local writes allowed. It has number 0.
    ///
    /// # Errors
    /// [`InvalidId`] where a name is none.
    ///
    /// # Panics
    /// When the fold refuses a genesis.
    pub fn founded(founder: &NodeId) -> Result<Self, InvalidId> {
        let body = EntryBody::Genesis(Genesis {
            cluster_name: ClusterName::new("explored")?,
            nonce: Hash([1; 32]),
            founder: member(founder)?,
            minimum_durability: Durability::Local,
            ruleset: RULESET,
            ancestor: None,
        });
        let entry = written(Seq::FIRST, Hash::NONE_BEFORE, founder, body)?;
        let authority = evolve(None, &entry).unwrap_or_else(|illegal| panic!("genesis: {illegal}"));
        let ledgers = Self { table: Table::default() };
        ledgers.insert(Ledger { authority, entry, shorter: Vec::new(), bases: Bases::default() });
        Ok(ledgers)
    }

    fn insert(&self, ledger: Ledger) -> LedgerId {
        let head = ledger.authority.head();
        self.table.number(head.hash.as_bytes(), || ledger)
    }

    /// The ledger of this number.
    #[must_use]
    pub fn get(&self, id: LedgerId) -> &Ledger {
        self.table.get(id)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.table.len()
    }

    /// The entry with which `author` goes on.
    ///
    /// # Panics
    /// When the ledger's numbers are exhausted.
    #[must_use]
    pub fn next_entry(&self, before: LedgerId, author: &NodeId, body: EntryBody) -> Entry {
        let LedgerHead { seq, hash } = self.get(before).authority.head();
        let entry = seq.next().map(|seq| written(seq, hash, author, body));
        match entry {
            Some(Ok(entry)) => entry,
            Some(Err(error)) => panic!("the annotation is not valid: {error}"),
            None => panic!("no ledger of a scope is that long"),
        }
    }

    /// The ledger with one more entry.
    ///
    /// # Errors
    /// [`Illegal`] when the fold refuses it.
    pub fn append(&self, before: LedgerId, entry: &Entry) -> Result<LedgerId, Illegal> {
        let tip = self.get(before);
        let authority = evolve(Some(&tip.authority), entry)?;
        let mut shorter = tip.shorter.clone();
        shorter.push(before);
        let mut bases = tip.bases;
        if let EntryBody::AuthorityGranted(grant) = &entry.body {
            match grant.basis {
                Basis::Relinquishment { .. } => bases.relinquishment = true,
                Basis::Designation { .. } => bases.designation = true,
                Basis::Decline { .. } => bases.decline = true,
            }
        }
        Ok(self.insert(Ledger { authority, entry: entry.clone(), shorter, bases }))
    }

    /// Admits a node at the end of a ledger.
    ///
    /// # Errors
    /// [`InvalidId`] where a name is none.
    ///
    /// # Panics
    /// When the fold refuses a new member.
    pub fn admit(&self, before: LedgerId, node: &NodeId) -> Result<LedgerId, InvalidId> {
        let authority = &self.get(before).authority;
        let body = EntryBody::MemberAdmitted { epoch: authority.epoch(), member: member(node)? };
        let entry = self.next_entry(before, &authority.holder().clone(), body);
        let admitted = self.append(before, &entry);
        Ok(admitted.unwrap_or_else(|illegal| panic!("admission: {illegal}")))
    }

    /// The prefix that ends with this entry; `None` past its end.
    #[must_use]
    pub fn prefix(&self, id: LedgerId, last: Seq) -> Option<LedgerId> {
        let ledger = self.get(id);
        let index = usize::try_from(last.get() - 1).ok()?;
        if ledger.entry.seq == last { Some(id) } else { ledger.shorter.get(index).copied() }
    }

    /// Whether `id` begins with `prefix`.
    #[must_use]
    pub fn extends(&self, id: LedgerId, prefix: LedgerId) -> bool {
        self.prefix(id, self.get(prefix).entry.seq) == Some(prefix)
    }

    /// The entries of `id` past its first `after` ones, oldest first.
    pub fn entries_after(&self, id: LedgerId, after: Seq) -> impl Iterator<Item = &Entry> {
        let ledger = self.get(id);
        let from = usize::try_from(after.get()).unwrap_or(usize::MAX).min(ledger.shorter.len() + 1);
        let middle = ledger.shorter.get(from..).unwrap_or(&[]);
        let last = (from <= ledger.shorter.len()).then_some(&ledger.entry);
        middle.iter().map(|id| &self.get(*id).entry).chain(last)
    }
}

fn member(node: &NodeId) -> Result<Member, InvalidId> {
    let key = Hash::of("aerodb explored key", &[node.as_str().as_bytes()]);
    let address = Address::new("http://127.0.0.1:7400")?;
    Ok(Member { node_id: node.clone(), public_key: PublicKey(key.0), address })
}

fn written(seq: Seq, previous: Hash, author: &NodeId, body: EntryBody) -> Result<Entry, InvalidId> {
    let annotation = Annotation {
        received_at_ms: 0,
        operator: "local".to_owned(),
        reason: Reason::new("explored")?,
    };
    Ok(Entry { format: Entry::FORMAT, seq, previous, author: author.clone(), body, annotation })
}
