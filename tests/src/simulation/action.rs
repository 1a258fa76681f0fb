//! What can happen next to a cluster.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DiskFault {
    /// `EIO`, once.
    Io,
    /// `ENOSPC`, once.
    NoSpace,
    /// A write that stops in the middle.
    ShortWrite,
    /// An fsync that fails once, after which the cache shows what the device does not hold.
    LyingSync,
    /// The power fails before the call.
    PowerBefore,
    /// The power fails with the call done in the cache.
    PowerDuring,
    /// The process dies before the call; what the cache holds stays.
    KillBefore,
    /// The process dies with the call done in the cache, which stays.
    KillDuring,
}

/// One thing that happens. Nodes are named by their place, from 0; what a number picks from is taken modulo what
/// there is, so that a list of actions stays one when some are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// The WAL's owner does one job.
    Wal(usize),
    /// The supervisor takes one message.
    Supervisor(usize),
    /// The tasks that can go on do: requests, pulls, transfers.
    Tasks(usize),
    /// A checkpoint that was asked for is taken.
    Checkpoints(usize),
    /// Versions are pruned.
    Prune(usize),
    /// A message arrives, or an end of a connection is noticed.
    Net(u64),
    /// Time passes for a node.
    Tick(usize, u64),

    /// The process is killed; what the cache holds stays.
    Kill(usize),
    /// The power fails; of the unsynced nothing survives for 0, all for 1, and else what is drawn from the number.
    PowerLoss(usize, u64),
    /// The process is told to stop.
    Stop(usize),
    /// The process is started.
    Start(usize),
    /// The disk fails at the change that comes after so many others; the number draws what survives, if it is
    /// the power.
    Fault(usize, DiskFault, u64, u64),
    /// A connection breaks; neither end knows yet.
    Cut(u64),
    /// A question arrives a second time.
    Duplicate(u64),
    /// A question stays on its way, however long, until it is let go.
    Hold(u64),
    /// A question that was held is on its way again.
    LetGo(u64),
    /// An answer changes on its way.
    Damage(u64),
    /// Nothing gets from one node to the other any more, that way.
    Block(usize, usize),
    /// Everything gets everywhere again.
    Heal,

    /// A client writes a key, on a condition or without one.
    Put(usize, u8, Condition),
    /// A client deletes a key.
    Delete(usize, u8),
    /// A client writes two keys at once.
    Txn(usize, u8, u8),
    /// A client reads a key.
    Read(usize, u8, Reading),

    /// Designate a successor.
    Designate(usize, usize, Naming),
    /// Release the successor.
    Release(usize, Naming),
    /// Relinquish to a node.
    Relinquish(usize, usize, Naming),
    /// Decline the next epoch.
    Decline(usize, Naming),
    /// Present the last decline of a node to another, to end the obligation.
    EndObligation(usize, usize),
    /// Promote the node.
    Promote(usize, Naming),
    /// Promote the node on another's last decline.
    PromoteOnDecline(usize, usize),
    /// Ask what a promotion would come to.
    DryRun(usize),
    /// Let the node pull from another.
    Follow(usize, usize),
    /// Let the node pull again.
    Resume(usize),
    /// Name the failure that halts the node.
    ClearFailure(usize),
    /// Set the suffix aside.
    Discard(usize),
    /// Take the holder's snapshot over.
    Bootstrap(usize),
    /// Take a checkpoint.
    Checkpoint(usize),
    /// Remove a member.
    Remove(usize, usize),
    /// Relinquish on a stopped node's disk.
    OfflineRelinquish(usize, usize),
    /// Decline on a stopped node's disk.
    OfflineDecline(usize),
    /// Set the suffix aside on a stopped node's disk.
    OfflineDiscard(usize),
}

/// What a write rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// Nothing.
    None,
    /// The key is absent.
    Absent,
    /// The version that a client last saw acknowledged.
    LastSeen,
}

/// Which read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reading {
    /// What the node gives by itself.
    Default,
    /// Linearizable.
    Linearizable,
    /// A snapshot.
    Snapshot,
    /// At the commit that many below the newest that a client has seen.
    At(u8),
}

/// Which epoch an operator names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Naming {
    /// The one that the node shows.
    Shown,
    /// The one before it.
    Stale,
    /// The one after it.
    Ahead,
}

impl Action {
    /// Whether it is only a node or a message going on, and not something that happens to the cluster.
    #[must_use]
    pub const fn is_inner(self) -> bool {
        matches!(
            self,
            Self::Wal(_)
                | Self::Supervisor(_)
                | Self::Tasks(_)
                | Self::Checkpoints(_)
                | Self::Prune(_)
                | Self::Net(_)
        )
    }
}

fn name(node: usize) -> String {
    format!("n{}", node + 1)
}

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shown => "",
            Self::Stale => ", naming the epoch before",
            Self::Ahead => ", naming the epoch after",
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Wal(n) => write!(f, "{} log", name(n)),
            Self::Supervisor(n) => write!(f, "{} supervisor", name(n)),
            Self::Tasks(n) => write!(f, "{} requests", name(n)),
            Self::Checkpoints(n) => write!(f, "{} checkpoints", name(n)),
            Self::Prune(n) => write!(f, "{} prune", name(n)),
            Self::Net(_) => write!(f, "network"),
            Self::Tick(n, ms) => write!(f, "{} {ms} ms pass", name(n)),
            Self::Kill(n) => write!(f, "{} KILLED", name(n)),
            Self::PowerLoss(n, _) => write!(f, "{} POWER LOST", name(n)),
            Self::Stop(n) => write!(f, "{} told to stop", name(n)),
            Self::Start(n) => write!(f, "{} start", name(n)),
            Self::Fault(n, fault, after, _) => {
                write!(f, "{} disk: {fault:?} after {after} changes", name(n))
            }
            Self::Cut(_) => write!(f, "a connection breaks"),
            Self::Duplicate(_) => write!(f, "a question arrives twice"),
            Self::Hold(_) => write!(f, "a question stays on its way"),
            Self::LetGo(_) => write!(f, "a question that stayed on its way goes on"),
            Self::Damage(_) => write!(f, "an answer is damaged"),
            Self::Block(a, b) => write!(f, "nothing gets from {} to {}", name(a), name(b)),
            Self::Heal => write!(f, "the network heals"),
            Self::Put(n, key, condition) => write!(f, "{} put k{key} ({condition:?})", name(n)),
            Self::Delete(n, key) => write!(f, "{} delete k{key}", name(n)),
            Self::Txn(n, a, b) => write!(f, "{} put k{a} and k{b}", name(n)),
            Self::Read(n, key, reading) => write!(f, "{} get k{key} ({reading:?})", name(n)),
            Self::Designate(n, to, e) => write!(f, "{} designate {}{e}", name(n), name(to)),
            Self::Release(n, e) => write!(f, "{} release{e}", name(n)),
            Self::Relinquish(n, to, e) => write!(f, "{} relinquish to {}{e}", name(n), name(to)),
            Self::Decline(n, e) => write!(f, "{} decline{e}", name(n)),
            Self::EndObligation(n, of) => {
                write!(f, "{} release, on the decline of {}", name(n), name(of))
            }
            Self::Promote(n, e) => write!(f, "{} PROMOTE{e}", name(n)),
            Self::PromoteOnDecline(n, of) => {
                write!(f, "{} PROMOTE on the decline of {}", name(n), name(of))
            }
            Self::DryRun(n) => write!(f, "{} promote, dry run", name(n)),
            Self::Follow(n, to) => write!(f, "{} follow {}", name(n), name(to)),
            Self::Resume(n) => write!(f, "{} resume", name(n)),
            Self::ClearFailure(n) => write!(f, "{} resume, naming the failure", name(n)),
            Self::Discard(n) => write!(f, "{} discard-suffix", name(n)),
            Self::Bootstrap(n) => write!(f, "{} bootstrap", name(n)),
            Self::Checkpoint(n) => write!(f, "{} checkpoint", name(n)),
            Self::Remove(n, whom) => write!(f, "{} remove {}", name(n), name(whom)),
            Self::OfflineRelinquish(n, to) => {
                write!(f, "{} relinquish to {}, offline", name(n), name(to))
            }
            Self::OfflineDecline(n) => write!(f, "{} decline, offline", name(n)),
            Self::OfflineDiscard(n) => write!(f, "{} discard-suffix, offline", name(n)),
        }
    }
}
