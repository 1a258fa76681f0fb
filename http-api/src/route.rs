//! The one table of routes. The router is built from it, so a route cannot be in one and not in the other.
//!
//! Keeps: P6-RY1, OAPI-6.

use axum::routing::MethodFilter;

/// The methods that routes use; HEAD comes with GET.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `GET`, and `HEAD` with it.
    Get,
    /// `PUT`.
    Put,
    /// `POST`.
    Post,
    /// `DELETE`.
    Delete,
    /// `OPTIONS`.
    Options,
}

impl Verb {
    /// The method's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    pub(crate) const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Put => MethodFilter::PUT,
            Self::Post => MethodFilter::POST,
            Self::Delete => MethodFilter::DELETE,
            Self::Options => MethodFilter::OPTIONS,
        }
    }
}

/// One route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// What it does.
    pub operation: Operation,
    /// Its method.
    pub verb: Verb,
    /// Its path, with `{names}` for what varies. A key may span segments.
    pub path: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
}

impl Operation {
    /// Whether it is part of promotion: absent where failover is disabled by configuration.
    #[must_use]
    pub const fn promotes(self) -> bool {
        matches!(self, Self::Promote | Self::Promotions | Self::Promotion | Self::ExplainPromotion)
    }
}

macro_rules! routes {
    ($($operation:ident, $verb:ident, $path:literal, $summary:literal;)*) => {
        /// What can be asked for; the router answers each, which the compiler checks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Operation {
            $(#[doc = $summary] $operation,)*
        }

        /// Every route (DESIGN section 8).
        pub const ROUTES: &[Route] = &[$(
            Route {
                operation: Operation::$operation,
                verb: Verb::$verb,
                path: $path,
                summary: $summary,
            },
        )*];
    };
}

routes! {
    PutKey, Put, "/v1/kv/{key}", "Writes a value.";
    GetKey, Get, "/v1/kv/{key}", "Reads a value.";
    DeleteKey, Delete, "/v1/kv/{key}", "Makes a key absent.";
    Scan, Get, "/v1/kv", "Reads a range of keys in one read view.";
    Txn, Post, "/v1/txn", "Writes several keys under one commit id, or nothing.";
    Status, Get, "/v1/status", "The node at a glance.";
    Authority, Get, "/v1/authority", "Who may write, and whether this node does.";
    Members, Get, "/v1/members", "Every node that was ever admitted.";
    Admit, Post, "/v1/members", "Lets a node take part.";
    Remove, Delete, "/v1/members/{id}", "Lets a node take part no more.";
    Designate, Post, "/v1/authority/designate", "Names the successor of the current epoch.";
    Release, Post, "/v1/authority/release", "Takes the successor's title back.";
    Relinquish, Post, "/v1/authority/relinquish", "Ends the epoch in a node's favour.";
    Decline, Post, "/v1/authority/decline", "Gives up the next epoch, which this node could be granted, for good.";
    Promote, Post, "/v1/promotions", "Promotes this node, if that is proven safe.";
    Promotions, Get, "/v1/promotions", "Promotion attempts and their outcomes.";
    Promotion, Get, "/v1/promotions/{id}", "One promotion attempt.";
    Follow, Post, "/v1/replication/follow", "Gives the replica another node to pull from.";
    Resume, Post, "/v1/replication/resume", "Lets the replica pull again.";
    Bootstrap, Post, "/v1/replication/bootstrap", "Lets the replica take a snapshot over.";
    DiscardSuffix, Post, "/v1/replication/discard-suffix", "Sets aside what a halted node's log holds past its validated history.";
    Replication, Get, "/v1/replication", "The state of replication.";
    Wal, Get, "/v1/wal", "The state of the log on disk.";
    Mvcc, Get, "/v1/mvcc", "Versions and read views.";
    Checkpoints, Get, "/v1/checkpoints", "From where this node recovers.";
    TakeCheckpoint, Post, "/v1/checkpoints", "Takes a checkpoint of what is acknowledged.";
    Snapshots, Get, "/v1/snapshots", "Open read views, and the snapshot on the disk.";
    Machines, Get, "/v1/state", "The state of every machine.";
    Machine, Get, "/v1/state/{machine}", "The state of one machine.";
    Transitions, Get, "/v1/transitions", "The journal of transitions.";
    Statecharts, Get, "/v1/statecharts", "The state machines, and where they are.";
    Statechart, Get, "/v1/statecharts/{machine}", "The chart of one state machine.";
    Events, Get, "/v1/events", "What happens here, as server-sent events.";
    Metrics, Get, "/metrics", "Metrics for Prometheus.";
    Ledger, Get, "/v1/ledger", "Entries of a ledger.";
    LedgerEntry, Get, "/v1/ledger/{log}/{seq}", "One entry of a ledger.";
    ExplainPromotion, Get, "/v1/explain/promotion/{id}", "Why a promotion was approved or denied.";
    ExplainReplication, Get, "/v1/explain/replication", "Whether reads are safe here, and why.";
    ExplainRead, Get, "/v1/explain/read", "What a read would show, and why.";
    ExplainWrite, Get, "/v1/explain/write", "Whether a write would be admitted, and why.";
    ExplainRecovery, Get, "/v1/explain/recovery", "What recovery found and did.";
    ExplainBootstrap, Get, "/v1/explain/bootstrap", "Whether the last snapshot received was taken over, and why.";
    ExplainSegment, Get, "/v1/explain/segment", "Whether a batch of the log continues the history, and why.";
    ExplainCheckpoint, Get, "/v1/explain/checkpoint", "Whether the checkpoint can be relied on, and why.";
    Rules, Get, "/v1/rules", "The catalogue of rules.";
    Rule, Get, "/v1/rules/{id}", "One rule.";
    Livez, Get, "/livez", "200 while the process works.";
    LivezOptions, Options, "/livez", "The same, without a body.";
    Readyz, Get, "/readyz", "200 once recovery is over.";
    ReadyzOptions, Options, "/readyz", "The same, without a body.";
    Primary, Get, "/primary", "200 only while writes are admitted.";
    PrimaryOptions, Options, "/primary", "The same, without a body.";
    Replica, Get, "/replica", "200 only on a replica whose reads are safe.";
    ReplicaOptions, Options, "/replica", "The same, without a body.";
    ReadOnly, Get, "/read-only", "200 while reads are safe, in any role.";
    ReadOnlyOptions, Options, "/read-only", "The same, without a body.";
    Sync, Get, "/sync", "200 on the effective successor.";
    SyncOptions, Options, "/sync", "The same, without a body.";
    History, Get, "/history", "The epochs as a list.";
    OpenApi, Get, "/openapi.json", "This description.";
    Pull, Post, "/v1/replication/stream/pull", "What replicas pull: ledger and WAL.";
    Snapshot, Post, "/v1/replication/stream/snapshot", "What replicas pull: a chunk of a snapshot.";
}
