//! The authority ledger of one node.

use std::path::Path;
use std::sync::Arc;

use aerodb_core::authority::{Authority, EntryError, SignedEntry};
use aerodb_core::hash::{Hash, PublicKey};
use aerodb_core::position::LedgerHead;
use aerodb_core::rules::RuleId;

use crate::authority::{Rejected, admit_entry};
use crate::chronicle::{AppendError, Chronicle, Entries, Fold, LedgerPlace, Stored, collect, read};
use crate::disk::Disk;
use crate::durable::Durable;
use crate::fault::{Damage, Fault, OpenError};
use crate::log::{LogKind, Recovery, Witness};

/// The fold of the entries so far; nothing before genesis.
#[derive(Debug, Clone, Default)]
pub(crate) struct AuthorityFold(Option<Arc<Authority>>);

impl Fold for AuthorityFold {
    type Entry = SignedEntry;
    type Rejected = Rejected;
    const KIND: LogKind = LogKind::Authority;

    fn encode(entry: &SignedEntry) -> Vec<u8> {
        entry.encode()
    }

    fn decode(bytes: &[u8]) -> Result<SignedEntry, EntryError> {
        SignedEntry::decode(bytes)
    }

    fn head_of(entry: &SignedEntry) -> LedgerHead {
        entry.entry.head()
    }

    fn previous_of(entry: &SignedEntry) -> Hash {
        entry.entry.previous
    }

    fn rule_of(rejected: &Rejected) -> RuleId {
        rejected.rule()
    }

    fn admit(&mut self, entry: &SignedEntry) -> Result<(), Rejected> {
        admit_entry(&mut self.0, entry)
    }
}

/// What is new to a ledger was decided by rules that this program has.
fn check_adoptable(entries: &[SignedEntry]) -> Result<(), AppendError<Rejected>> {
    let check = |signed: &SignedEntry| signed.entry.check_adoptable();
    entries.iter().try_for_each(check).map_err(|illegal| AppendError::Rejected(illegal.into()))
}

impl AuthorityFold {
    /// The witness with what is known of every authority ledger: its genesis entry was durable before
    /// the node began to use it.
    fn with_genesis(witness: Witness) -> Witness {
        Witness { record: witness.record.max(Some(1)), ..witness }
    }

    /// What the entries say; a ledger without genesis is none.
    pub(crate) fn authority(&self, dir: &Path) -> Result<Arc<Authority>, Fault> {
        self.0.clone().ok_or_else(|| Fault::corrupt(dir, 0, Damage::NoGenesis))
    }
}

/// The authority ledger, open for appending. Every entry in it is signed, chained and legal.
#[derive(Debug)]
pub struct AuthorityLedger {
    chronicle: Chronicle<AuthorityFold>,
    authority: Arc<Authority>,
}

/// An authority ledger that was read without touching it.
#[derive(Debug)]
pub struct ReadAuthority {
    /// What its entries say.
    pub authority: Arc<Authority>,
    /// Its entries.
    pub entries: Entries<SignedEntry>,
    /// What reading found.
    pub recovery: Recovery,
}

/// The most entries in one frame of a new ledger; they fit, however large each is.
const FRAME_ENTRIES_MAX: usize = 32;

impl AuthorityLedger {
    /// Makes a ledger that starts with `entries`, genesis first: one for a founder, all that the upstream
    /// has for a node that joins.
    ///
    /// # Errors
    /// [`AppendError::Rejected`] for entries that make no ledger, checked before anything is written;
    /// [`AppendError::Fault`].
    pub fn create(
        place: &LedgerPlace<'_>,
        entries: Vec<SignedEntry>,
    ) -> Result<Self, AppendError<Rejected>> {
        check_adoptable(&entries)?;
        Self::create_again(place, entries)
    }

    /// As [`AuthorityLedger::create`], of entries that a ledger of this node holds already.
    ///
    /// # Errors
    /// As there, but a grant of other rules is taken.
    pub fn create_again(
        place: &LedgerPlace<'_>,
        entries: Vec<SignedEntry>,
    ) -> Result<Self, AppendError<Rejected>> {
        let mut fold = AuthorityFold::default();
        for entry in &entries {
            fold.admit(entry).map_err(AppendError::Rejected)?;
        }
        let authority = fold.authority(place.dir)?;
        let mut chronicle = Chronicle::create(place, AuthorityFold::default())?;
        // A frame lies in one segment; the directory is nobody's before all of it is there.
        for frame in entries.chunks(FRAME_ENTRIES_MAX) {
            chronicle.append(frame.to_vec())?;
        }
        Ok(Self { chronicle, authority })
    }

    /// Opens the ledger: every entry passes [`admit_entry`] again. When it returns, all of it is durable.
    ///
    /// # Errors
    /// [`Fault`]; unless the disk failed during a repair, nothing was changed.
    pub fn open(
        place: &LedgerPlace<'_>,
        witness: Witness,
        quarantine: &Path,
    ) -> Result<(Self, Recovery), Fault> {
        let witness = AuthorityFold::with_genesis(witness);
        let (chronicle, recovery) =
            Chronicle::open(place, witness, quarantine, AuthorityFold::default())?;
        let authority = chronicle.fold().authority(place.dir)?;
        Ok((Self { chronicle, authority }, recovery))
    }

    /// Reads a ledger as [`AuthorityLedger::open`] does, changing nothing; also of a stopped node, or of
    /// a copy. The owner is compared when it is known.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn open_read_only(
        disk: &dyn Disk,
        dir: &Path,
        owner: Option<&PublicKey>,
        witness: Witness,
    ) -> Result<ReadAuthority, Fault> {
        let witness = AuthorityFold::with_genesis(witness);
        let fold = AuthorityFold::default();
        let (fold, entries, recovery) = collect(disk, dir, owner, witness, fold)?;
        let authority = fold.authority(dir)?;
        Ok(ReadAuthority { authority, entries, recovery })
    }

    /// As [`AuthorityLedger::open_read_only`], but each entry is shown to `visit`, in order and after it
    /// has passed [`admit_entry`], and not kept. What is kept of each is its hash, in the fold.
    ///
    /// # Errors
    /// [`OpenError::Fault`], [`OpenError::Refused`] with what `visit` gave.
    pub fn scan_read_only<E>(
        disk: &dyn Disk,
        dir: &Path,
        owner: Option<&PublicKey>,
        witness: Witness,
        visit: &mut dyn FnMut(Stored<SignedEntry>) -> Result<(), E>,
    ) -> Result<(Arc<Authority>, Recovery), OpenError<E>> {
        let witness = AuthorityFold::with_genesis(witness);
        let (fold, recovery) = read(disk, dir, owner, witness, AuthorityFold::default(), visit)?;
        Ok((fold.authority(dir)?, recovery))
    }

    /// Appends the entries, all or none, in one frame: frame and fsync, trailer and fsync. Only then
    /// [`AuthorityLedger::authority`] moves.
    ///
    /// # Errors
    /// [`AppendError::Rejected`]: nothing was written. [`AppendError::Fault`]: after a disk error it is
    /// unknown until a restart whether the entries are on the disk, and nothing more is appended.
    pub fn append(
        &mut self,
        entries: &[SignedEntry],
    ) -> Result<Durable<LedgerHead>, AppendError<Rejected>> {
        check_adoptable(entries)?;
        let head = self.chronicle.append(entries.to_vec())?;
        if let Some(authority) = &self.chronicle.fold().0 {
            self.authority = Arc::clone(authority);
        }
        Ok(head)
    }

    /// What the durable entries say; cheap to clone.
    #[must_use]
    pub const fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// A live view of the durable entries.
    #[must_use]
    pub fn entries(&self) -> Entries<SignedEntry> {
        self.chronicle.entries().clone()
    }

    /// The sequence number of the last frame, for the close stamp.
    #[must_use]
    pub const fn last_frame_seq(&self) -> u64 {
        self.chronicle.last_frame_seq()
    }
}
