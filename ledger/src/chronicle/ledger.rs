//! A ledger over a log: nothing is in it that its fold does not admit.
//!
//! Keeps: P6-AS2, P6-AS4, P6-B4.1, P6-B4.2, P6-B5.1, P6-F2, M-P22.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aerodb_core::authority::ENTRY_BYTES_MAX;
use aerodb_core::hash::{Hash, PublicKey};
use aerodb_core::position::LedgerHead;
use aerodb_core::rules::RuleId;

use crate::chronicle::read::{header_of, never_refused, take};
use crate::chronicle::{Entries, Stored};
use crate::disk::Disk;
use crate::durable::Durable;
use crate::fault::Fault;
use crate::log::{Location, Log, LogKind, LogOptions, LogStart, Recovery, Witness};

/// Where a ledger of a node lives.
#[derive(Debug, Clone)]
pub struct LedgerPlace<'a> {
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The directory of the segments.
    pub dir: &'a Path,
    /// How segments are made.
    pub options: LogOptions,
    /// The node's public key; a segment with another one is refused (ST-2).
    pub owner: PublicKey,
}

/// Why entries were not appended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError<R> {
    /// An entry may not stand there. Nothing was written.
    #[error("{0}")]
    Rejected(R),
    /// The log or the disk.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What a ledger's entries are, and which one may follow.
pub(crate) trait Fold: Clone {
    type Entry: Clone;
    type Rejected: fmt::Display;
    const KIND: LogKind;

    fn encode(entry: &Self::Entry) -> Vec<u8>;
    fn decode(bytes: &[u8]) -> Result<Self::Entry, aerodb_core::authority::EntryError>;
    fn head_of(entry: &Self::Entry) -> LedgerHead;
    fn previous_of(entry: &Self::Entry) -> Hash;
    fn rule_of(rejected: &Self::Rejected) -> RuleId;

    /// Takes the entry as the next one.
    fn admit(&mut self, entry: &Self::Entry) -> Result<(), Self::Rejected>;
}

/// A ledger open for appending.
#[derive(Debug)]
pub(crate) struct Chronicle<F: Fold> {
    log: Log,
    fold: F,
    entries: Entries<F::Entry>,
    /// Entries whose frame is durable and whose trailer is owed: nobody is shown them.
    noted: Vec<Stored<F::Entry>>,
}

impl LedgerPlace<'_> {
    fn location(&self, kind: LogKind) -> Location<'_> {
        Location {
            disk: Arc::clone(&self.disk),
            dir: self.dir,
            kind,
            options: self.options,
            owner: self.owner,
        }
    }
}

impl<F: Fold> Chronicle<F> {
    pub(crate) fn create(place: &LedgerPlace<'_>, fold: F) -> Result<Self, Fault> {
        let log = Log::create(&place.location(F::KIND), LogStart::ORIGIN)?;
        Ok(Self { log, fold, entries: Entries::new(), noted: Vec::new() })
    }

    pub(crate) fn open(
        place: &LedgerPlace<'_>,
        witness: Witness,
        quarantine: &Path,
        mut fold: F,
    ) -> Result<(Self, Recovery), Fault> {
        let entries = Entries::new();
        let opened = Log::open(
            &place.location(F::KIND),
            LogStart::ORIGIN,
            witness,
            quarantine,
            &mut |at, frame| {
                entries.extend(take(&mut fold, place.dir, at, frame)?);
                Ok(())
            },
        );
        let (log, recovery) = opened.map_err(never_refused)?;
        Ok((Self { log, fold, entries, noted: Vec::new() }, recovery))
    }

    /// Appends all the entries in one frame. The fold moves when they are durable, trailer included.
    pub(crate) fn append(
        &mut self,
        entries: Vec<F::Entry>,
    ) -> Result<Durable<LedgerHead>, AppendError<F::Rejected>> {
        let head = self.note(entries)?;
        self.settle()?;
        Ok(Durable::proven(head))
    }

    /// Writes all the entries in one frame and makes that durable. The fold moves; the entries are shown when
    /// their trailer is durable too: after [`Chronicle::settle`], or the next append.
    pub(crate) fn note(
        &mut self,
        entries: Vec<F::Entry>,
    ) -> Result<LedgerHead, AppendError<F::Rejected>> {
        self.settle()?;
        let mut fold = self.fold.clone();
        for entry in &entries {
            fold.admit(entry).map_err(AppendError::Rejected)?;
        }
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            let expected = self.log.last_record().map_or(1, |last| last + 1);
            return Err(Fault::NotNext { expected, found: None }.into());
        };
        let (head, about) = (F::head_of(last), header_of::<F>(first, last));
        let stored: Vec<_> = entries.into_iter().map(Self::stored).collect();
        // What no reader would take is not written.
        if let Some(large) = stored.iter().find(|stored| stored.bytes.len() > ENTRY_BYTES_MAX) {
            let (bytes, max) = (large.bytes.len() as u64, ENTRY_BYTES_MAX as u64);
            return Err(Fault::TooLarge { bytes, max }.into());
        }
        self.log.append_frame(&about, stored.iter().map(|stored| &stored.bytes[..]))?;
        self.fold = fold;
        self.noted = stored;
        Ok(head)
    }

    /// Writes the trailer of what was noted, if it is owed, and shows the entries.
    pub(crate) fn settle(&mut self) -> Result<(), Fault> {
        self.log.settle()?;
        self.entries.extend(std::mem::take(&mut self.noted));
        Ok(())
    }

    fn stored(entry: F::Entry) -> Stored<F::Entry> {
        Stored { bytes: F::encode(&entry).into(), entry: Arc::new(entry) }
    }

    pub(crate) const fn fold(&self) -> &F {
        &self.fold
    }

    pub(crate) const fn entries(&self) -> &Entries<F::Entry> {
        &self.entries
    }

    pub(crate) const fn last_frame_seq(&self) -> u64 {
        self.log.last_frame_seq()
    }
}
