//! The one owner of everything that changes rarely and must change in order: role, ledgers, latch,
//! promotion. It runs on its own thread, takes one message after the other, and publishes an immutable
//! view; no write and no read passes through it.
//!
//! Each message is handled the same way: gather the facts, decide (pure), append and fsync, publish,
//! answer. An error of the disk ends the process (WAL-13): nothing more is said for any epoch until a
//! restart has read the ledger again.
//!
//! Keeps: RA-2, A-1, P6-SC8, P6-AR2.

mod bootstrap;
mod checkpoint;
mod command;
mod decline;
mod discard;
mod halt;
mod message;
mod outcome;
mod parted;
mod promotion;
mod replica;
mod requests;
mod span;
mod state;

pub use bootstrap::progress_of;
pub use decline::DeclineAsked;
pub(crate) use halt::ways_back;
pub use message::{
    CommandRequest, Inbox, Intervention, Outcome, Receipt, SupervisorHandle, channel,
};
pub use promotion::{PromotionAnswer, PromotionRequest};
pub use requests::Requests;
pub(crate) use state::after_a_failure;
pub use state::{Fatal, Parts, Supervisor};
