//! The decision ledger of one node.

use std::collections::BTreeMap;
use std::path::Path;

use aerodb_core::authority::{Annotation, EntryError};
use aerodb_core::decision::record::{DecisionBody, DecisionEntry, SignedDecision};
use aerodb_core::hash::{Hash, PublicKey};
use aerodb_core::id::{NodeId, Seq};
use aerodb_core::position::LedgerHead;
use aerodb_core::rules::RuleId;

use crate::authority::{NodeKey, verify_signature};
use crate::chronicle::{AppendError, Chronicle, Entries, Fold, LedgerPlace, Stored, collect, read};
use crate::disk::Disk;
use crate::durable::Durable;
use crate::fault::{Fault, OpenError};
use crate::log::{LogKind, Recovery, Witness};

/// Why an entry may not be in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecisionRejected {
    /// The number is not the next one.
    #[error("entry {found} stands where {expected} must")]
    Number {
        /// The next number.
        expected: u64,
        /// The entry's.
        found: Seq,
    },
    /// The entry continues another ledger.
    #[error("entry {seq} continues {found}, the ledger ends with {expected}")]
    Previous {
        /// The entry.
        seq: Seq,
        /// The hash of the ledger's last entry.
        expected: Hash,
        /// What the entry says is before it.
        found: Hash,
    },
    /// It is of another node than the ledger.
    #[error("the ledger is of {expected}, entry {seq} is of {found}")]
    Author {
        /// The entry.
        seq: Seq,
        /// The node whose ledger it is.
        expected: NodeId,
        /// The author.
        found: NodeId,
    },
    /// No key of its author is known.
    #[error("no key of {author} is known, entry {seq} cannot be checked")]
    UnknownKey {
        /// The entry.
        seq: Seq,
        /// The author.
        author: NodeId,
    },
    /// The signature is not of its author's key.
    #[error("the signature of entry {seq} is not of {author}")]
    Signature {
        /// The entry.
        seq: Seq,
        /// The author.
        author: NodeId,
    },
}

impl DecisionRejected {
    /// The rule that the entry breaks.
    #[must_use]
    pub const fn rule(&self) -> RuleId {
        match self {
            Self::Number { .. } | Self::Previous { .. } => RuleId::Dis18,
            Self::Author { .. } => RuleId::St2,
            Self::UnknownKey { .. } | Self::Signature { .. } => RuleId::Au15,
        }
    }
}

/// Where the chain ends, and whose entries may continue it.
#[derive(Debug, Clone, Default)]
pub(crate) struct DecisionFold {
    /// The node whose ledger it is; learnt from the first entry when it is not known before.
    author: Option<NodeId>,
    /// Its key, when it is known apart from the members.
    owner: Option<PublicKey>,
    /// The keys that the authority ledger holds, for a reader without the identity.
    members: BTreeMap<NodeId, PublicKey>,
    head: Option<LedgerHead>,
}

impl DecisionFold {
    /// The ledger of a node whose key is known.
    pub(crate) fn of(author: NodeId, key: PublicKey) -> Self {
        Self { author: Some(author), owner: Some(key), ..Self::default() }
    }

    /// The ledger of a node not known before: its key is `owner`, or else that of the member that the
    /// entries name.
    pub(crate) fn of_any(owner: Option<PublicKey>, members: BTreeMap<NodeId, PublicKey>) -> Self {
        Self { owner, members, ..Self::default() }
    }

    pub(crate) const fn head(&self) -> Option<LedgerHead> {
        self.head
    }

    fn next_seq(&self) -> Option<Seq> {
        self.head.map_or(Some(Seq::FIRST), |head| head.seq.next())
    }

    fn last_hash(&self) -> Hash {
        self.head.map_or(Hash::NONE_BEFORE, |head| head.hash)
    }

    fn check_place(&self, entry: &DecisionEntry) -> Result<(), DecisionRejected> {
        let seq = entry.seq;
        if self.next_seq() != Some(seq) {
            let expected = self.next_seq().map_or(0, Seq::get);
            return Err(DecisionRejected::Number { expected, found: seq });
        }
        let (expected, found) = (self.last_hash(), entry.previous);
        if found != expected {
            return Err(DecisionRejected::Previous { seq, expected, found });
        }
        match &self.author {
            Some(expected) if *expected != entry.author => {
                let (expected, found) = (expected.clone(), entry.author.clone());
                Err(DecisionRejected::Author { seq, expected, found })
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Fold for DecisionFold {
    type Entry = SignedDecision;
    type Rejected = DecisionRejected;
    const KIND: LogKind = LogKind::Decision;

    fn encode(entry: &SignedDecision) -> Vec<u8> {
        entry.encode()
    }

    fn decode(bytes: &[u8]) -> Result<SignedDecision, EntryError> {
        SignedDecision::decode(bytes)
    }

    fn head_of(entry: &SignedDecision) -> LedgerHead {
        entry.entry.head()
    }

    fn previous_of(entry: &SignedDecision) -> Hash {
        entry.entry.previous
    }

    fn rule_of(rejected: &DecisionRejected) -> RuleId {
        rejected.rule()
    }

    fn admit(&mut self, signed: &SignedDecision) -> Result<(), DecisionRejected> {
        let entry = &signed.entry;
        self.check_place(entry)?;
        let (seq, author) = (entry.seq, entry.author.clone());
        let key = self.owner.or_else(|| self.members.get(&author).copied());
        let head = entry.head();
        match key {
            Some(key) if verify_signature(&key, &head.hash, &signed.signature) => {}
            Some(_) => return Err(DecisionRejected::Signature { seq, author }),
            None => return Err(DecisionRejected::UnknownKey { seq, author }),
        }
        self.author = Some(author);
        self.head = Some(head);
        Ok(())
    }
}

/// The decision ledger, open for appending.
#[derive(Debug)]
pub struct DecisionLedger {
    chronicle: Chronicle<DecisionFold>,
    author: NodeId,
}

/// A decision ledger that was read without touching it.
#[derive(Debug)]
pub struct ReadDecisions {
    /// Its last entry.
    pub head: Option<LedgerHead>,
    /// Its entries.
    pub entries: Entries<SignedDecision>,
    /// What reading found.
    pub recovery: Recovery,
}

impl DecisionLedger {
    /// Makes an empty ledger of node `author`, whose key is the place's owner.
    ///
    /// # Errors
    /// [`Fault::Exists`] where there is one, [`Fault::Disk`].
    pub fn create(place: &LedgerPlace<'_>, author: NodeId) -> Result<Self, Fault> {
        let fold = DecisionFold::of(author.clone(), place.owner);
        Ok(Self { chronicle: Chronicle::create(place, fold)?, author })
    }

    /// Opens the ledger: chain, author and signature of every entry are checked. When it returns, all of
    /// it is durable.
    ///
    /// # Errors
    /// [`Fault`]; unless the disk failed during a repair, nothing was changed.
    pub fn open(
        place: &LedgerPlace<'_>,
        author: NodeId,
        witness: Witness,
        quarantine: &Path,
    ) -> Result<(Self, Recovery), Fault> {
        let fold = DecisionFold::of(author.clone(), place.owner);
        let (chronicle, recovery) = Chronicle::open(place, witness, quarantine, fold)?;
        Ok((Self { chronicle, author }, recovery))
    }

    /// Reads a ledger, changing nothing. Signatures are checked with `owner`, or else with the key of the
    /// member that the entries name.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn open_read_only(
        disk: &dyn Disk,
        dir: &Path,
        owner: Option<&PublicKey>,
        members: BTreeMap<NodeId, PublicKey>,
        witness: Witness,
    ) -> Result<ReadDecisions, Fault> {
        let fold = DecisionFold::of_any(owner.copied(), members);
        let (fold, entries, recovery) = collect(disk, dir, owner, witness, fold)?;
        Ok(ReadDecisions { head: fold.head(), entries, recovery })
    }

    /// As [`DecisionLedger::open_read_only`], but each entry is shown to `visit`, in order and after it was
    /// checked, and not kept. Gives the last entry's place.
    ///
    /// # Errors
    /// [`OpenError::Fault`], [`OpenError::Refused`] with what `visit` gave.
    pub fn scan_read_only<E>(
        disk: &dyn Disk,
        dir: &Path,
        owner: Option<&PublicKey>,
        members: BTreeMap<NodeId, PublicKey>,
        witness: Witness,
        visit: &mut dyn FnMut(Stored<SignedDecision>) -> Result<(), E>,
    ) -> Result<(Option<LedgerHead>, Recovery), OpenError<E>> {
        let fold = DecisionFold::of_any(owner.copied(), members);
        let (fold, recovery) = read(disk, dir, owner, witness, fold, visit)?;
        Ok((fold.head(), recovery))
    }

    /// The number that the next entry will have; a promotion id is made of it before it is written.
    #[must_use]
    pub fn next_seq(&self) -> Option<Seq> {
        self.chronicle.fold().next_seq()
    }

    /// Signs and appends one entry: frame and fsync, trailer and fsync.
    ///
    /// # Errors
    /// [`AppendError::Rejected`] when the key is not this node's; [`AppendError::Fault`].
    pub fn append(
        &mut self,
        body: DecisionBody,
        annotation: Annotation,
        key: &NodeKey,
    ) -> Result<Durable<LedgerHead>, AppendError<DecisionRejected>> {
        let signed = self.signed(body, annotation, key);
        self.chronicle.append(vec![signed])
    }

    /// The same with the frame alone, fsynced. The trailer is owed: the entry is shown to nobody before
    /// [`DecisionLedger::settle`] or the next append has written it. For an entry that another, in the authority
    /// ledger, is about to prove durable: where that one names it, a start takes it for no tail.
    ///
    /// # Errors
    /// As [`DecisionLedger::append`].
    pub fn note(
        &mut self,
        body: DecisionBody,
        annotation: Annotation,
        key: &NodeKey,
    ) -> Result<LedgerHead, AppendError<DecisionRejected>> {
        let signed = self.signed(body, annotation, key);
        self.chronicle.note(vec![signed])
    }

    /// Writes and syncs the trailer that is owed, if one is.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn settle(&mut self) -> Result<(), Fault> {
        self.chronicle.settle()
    }

    fn signed(&self, body: DecisionBody, annotation: Annotation, key: &NodeKey) -> SignedDecision {
        let fold = self.chronicle.fold();
        let entry = DecisionEntry {
            format: DecisionEntry::FORMAT,
            // The numbers of entries are not exhausted in the life of a disk; the fold refuses it if so.
            seq: fold.next_seq().unwrap_or(Seq::FIRST),
            previous: fold.last_hash(),
            author: self.author.clone(),
            body,
            annotation,
        };
        let signature = key.sign(&entry.hash());
        SignedDecision { entry, signature }
    }

    /// The last entry.
    #[must_use]
    pub const fn head(&self) -> Option<LedgerHead> {
        self.chronicle.fold().head()
    }

    /// A live view of the durable entries.
    #[must_use]
    pub fn entries(&self) -> Entries<SignedDecision> {
        self.chronicle.entries().clone()
    }

    /// The sequence number of the last frame, for the close stamp.
    #[must_use]
    pub const fn last_frame_seq(&self) -> u64 {
        self.chronicle.last_frame_seq()
    }
}
