//! Who may write: the entries of the authority ledger, the fold over them, and the certificates
//! that they embed.

mod certificate;
mod comparison;
mod decline;
mod entry;
mod evolve;
mod illegal;
mod member;
mod state;
#[cfg(test)]
pub(crate) mod tests_support;

pub use certificate::{Certificate, DeclineClaim, ReceiptClaim, SignedDecline, SignedReceipt};
pub use comparison::{Comparison, Relation, Side, compare};
pub use decline::PresentedDecline;
pub(crate) use entry::check_format;
pub use entry::{
    Ancestor, Annotation, Basis, ENTRY_BYTES_MAX, Entry, EntryBody, EntryError, Genesis, Grant,
    SignedEntry,
};
pub use evolve::evolve;
pub use illegal::Illegal;
pub use member::{Durability, Member, Membership};
pub use state::{Authority, EpochStart, Obligation, Succession, Tenure};
