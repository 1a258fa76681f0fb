//! What a node's own record says it has declined (DESIGN 3.3): asked before a promotion is decided, and before
//! another decline is made.

use aerodb_core::authority::SignedDecline;
use aerodb_core::decision::record::{Lasting, SignedDecision};
use aerodb_core::id::{Epoch, Seq};
use aerodb_ledger::Entries;

/// The decline of this epoch, with the number of its entry.
#[must_use]
pub fn decline_of(entries: &Entries<SignedDecision>, epoch: Epoch) -> Option<(Seq, SignedDecline)> {
    let all = entries.after(None, usize::MAX);
    all.iter().find_map(|stored| match stored.entry.entry.body.lasting() {
        Some(Lasting::Declined(certificate)) if certificate.claim.epoch == epoch => {
            Some((stored.entry.entry.seq, certificate.clone()))
        }
        Some(Lasting::Declined(_) | Lasting::Relocated(_) | Lasting::Forked(..)) | None => None,
    })
}

/// Whether the record holds a decline of the epoch after this one.
#[must_use]
pub fn has_declined_after(entries: &Entries<SignedDecision>, current: Epoch) -> bool {
    current.next().is_some_and(|next| decline_of(entries, next).is_some())
}
