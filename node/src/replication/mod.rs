//! Between nodes: the replica pulls, the upstream serves what it may and takes the receipt that every
//! pull carries.

mod barriers;
mod peers;
mod puller;
mod serve;
mod there;
mod ways;

pub use barriers::Barriers;
pub use peers::{PeerState, Peers, Regressed};
pub use puller::{Puller, PullerContext, PullerEvent, start};
pub use serve::{check_member, serve as serve_pull};
pub use there::{LedgerThere, ledger_there, no_answer};
pub use ways::unreadable_history;
