//! Concurrent HTTP clients of a cluster that is killed, frozen, cut and failed over, and a judge of what they
//! saw: is there one order of all operations, in which each takes its effect at one moment between its call
//! and its answer, that explains every answer? (Linearizability, Herlihy and Wing 1990.)
//!
//! The judge is not ours: `todc-utils` has the Wing-Gong-Lowe search with remembered states, which is what
//! porcupine (Go) and knossos (Clojure) do. An operation without an answer, or one answered `NOT_ACKNOWLEDGED`,
//! may take its effect at any later moment or never: its answer stands at the end of the history and says
//! nothing.
//!
//! - [`History`]: what was called and answered, in one order
//! - [`judge`]: whether there is such an order, key by key
//! - [`run`]: a cluster, its clients, and what happens to them

mod client;
mod history;
mod judge;
mod register;
mod round;
mod run;
mod site;

pub use history::{Call, Event, History, Operation, Seen, Value};
pub use judge::{Verdict, Violation, judge};
pub use round::Round;
pub use run::{Options, Report, run};
