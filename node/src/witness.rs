//! What a node knows of a log, beside the log itself, to have been durable in it (DESIGN 5): where the log ends
//! before that, it has lost something, and no tail is taken off it.
//!
//! Keeps: DIS-16, P3-D5.

use aerodb_core::authority::SignedEntry;
use aerodb_core::id::{Boundary, NodeId, Seq};
use aerodb_ledger::Entries;
use aerodb_ledger::log::Witness;

/// The last frame that a stamp names; 0 for none.
pub(crate) const fn frame(seq: u64) -> Witness {
    Witness { frame_seq: if seq > 0 { Some(seq) } else { None }, record: None }
}

/// Of the node's own record: what the stamp names, and the request that the last grant to this node is named
/// after. That one is fsynced before the grant is written, and its trailer only after it.
pub(crate) fn of_record(stamped: u64, entries: &Entries<SignedEntry>, node: &NodeId) -> Witness {
    let entries = entries.after(None, usize::MAX);
    let asked = entries.iter().filter_map(|stored| stored.entry.entry.body.asked_of(node));
    Witness { record: asked.max().map(Seq::get), ..frame(stamped) }
}

/// The highest commit that an entry of this node names: it was durable here when the node wrote that.
pub(crate) fn named_here(entries: &Entries<SignedEntry>, node: &NodeId) -> Option<u64> {
    entries
        .after(None, usize::MAX)
        .iter()
        .filter(|stored| &stored.entry.entry.author == node)
        .filter_map(|stored| stored.entry.entry.body.names())
        .filter(|boundary| *boundary > Boundary::ORIGIN)
        .max()
        .map(Boundary::get)
}
