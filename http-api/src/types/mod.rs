//! What is said on the wire, one noun per file. Field names are the contract of DESIGN section 8;
//! unknown is `null`, and what is read from a request refuses unknown fields.

mod authority;
mod checkpoint;
mod command;
mod decline;
mod discard;
mod event;
mod health;
mod history;
mod intervention;
mod kv;
mod ledger;
mod machine;
mod member;
mod mvcc;
mod promotion;
mod refusal;
mod remedy;
mod replication;
mod rule;
mod scan;
mod snapshot;
mod statechart;
mod status;
mod txn;
mod wal;

pub use aerodb_core::decision::read::Consistency;
pub use aerodb_core::wal::{Condition, Expect};
pub use authority::{AuthorityData, AuthorityStatus, SuccessorData, SuccessorState};
pub use checkpoint::{
    CheckpointRequest, CheckpointTaken, CheckpointView, CheckpointsData, CommitRange,
};
pub use command::{AdmitRequest, AuthorityAction, AuthorityCommand, CommandBody, CommandDone};
pub use decline::{Brought, DeclineRequest, Declined, EVIDENCE_ENTRIES_MAX, Evidence};
pub use discard::{DiscardRequest, Discarded, SetAside};
pub use event::EventView;
pub use health::{Gate, Health, Obstacle};
pub use history::HistoryEntry;
pub use intervention::{BootstrapRequest, FollowRequest, Intervened, ResumeRequest};
pub use kv::{FailedCondition, ReadAnswer, ReadRequest, Write, WriteKind, WriteReceipt, Written};
pub use ledger::{LedgerEntryView, LogName};
pub use machine::{MachineState, TransitionView};
pub use member::MemberView;
pub use mvcc::{ActiveSnapshots, MvccData};
pub use promotion::{Outcome, PromoteRequest, Promoted, PromotionView};
pub use refusal::Refusal;
pub use remedy::RemedyView;
pub use replication::{
    BootstrapData, BootstrapState, PeerData, ReadSafety, ReplicationData, ReplicationRole,
};
pub use rule::{RuleView, SourcePlace};
pub use scan::{Encoding, PageToken, ScanAnswer, ScanData, ScanItem, ScanItemView, ScanRequest};
pub use snapshot::{ActiveSnapshot, SnapshotFile, SnapshotSource, SnapshotsData};
pub use statechart::{ChartData, ChartSummary};
pub use status::{
    DigestRequest, EnabledData, HaltData, Lifecycle, ReadSafetyData, StateDigest, StatusData,
    StoreData, Tips,
};
pub use txn::{TxnCondition, TxnOp, TxnRequest};
pub use wal::{WalData, WalFile};
