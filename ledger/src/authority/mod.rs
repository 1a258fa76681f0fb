//! The authority ledger: keys and signatures, the one gate that every entry passes, and the ledger.

mod admit;
mod key;
mod ledger;

pub use admit::{
    Rejected, SignatureError, admit_entry, adopt_entry, check_signatures, present_decline,
    sign_decline, sign_entry,
};
pub use key::{NodeKey, RandomnessError, verify_signature};
pub use ledger::{AuthorityLedger, ReadAuthority};
