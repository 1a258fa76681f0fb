//! The state machines: typed enums moved only by pure functions (DESIGN section 4).
//!
//! Each accepted arm has a short stable id, its row, which the journal, the charts and the tests show.
//! Every pair of state and event without a row is [`Forbidden`].
//!
//! Keeps: P5-I3, P6-SM2.

mod bootstrap;
mod checkpoint;
mod latch;
mod lifecycle;
mod pipeline;
mod promotion;
mod read;
mod role;
mod segment;
mod table;
mod version;
mod wal_writer;

pub use bootstrap::{Bootstrap, BootstrapEvent, BootstrapProgress};
pub use checkpoint::{Checkpoint, CheckpointEvent};
pub use latch::{Failure, Latch, LatchEvent, WayBack};
pub use lifecycle::{Lifecycle, LifecycleEvent};
pub use pipeline::{Gate, Pipeline, PipelineEvent};
pub use promotion::{Promotion, PromotionEvent};
pub use read::{Read, ReadEvent};
pub use role::{Role, RoleEvent, RoleName, Surrendered, WriteAuthority};
pub use segment::{Segment, SegmentEvent};
pub use table::{Forbidden, Machine, MachineName, Row, Step, TableRow, table};
pub use version::{Version, VersionEvent};
pub use wal_writer::{WalWriter, WalWriterEvent};
