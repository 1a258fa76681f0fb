//! What can happen next: a node acts, an operator asks for something, the network delivers, a process dies.

use std::fmt;

/// An authority command of an operator to the holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asked {
    /// Name this node heir.
    Designate(usize),
    /// Take the title back.
    Release(usize),
    /// End the epoch in this node's favour.
    Relinquish(usize),
    /// End the obligation with what this node has declined.
    End(usize),
}

/// One step of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A client's write is admitted, appended and fsynced.
    Write(usize),
    /// A batch that was shipped before its fsync is fsynced; only a lie lets these be two steps.
    Fsync(usize),
    /// The operator commands the holder.
    Command(usize, Asked),
    /// The operator asks this node to decline the next epoch.
    Decline(usize),
    /// The operator promotes this node.
    Promote(usize),
    /// The operator promotes this node and presents what another one has declined.
    PromoteOnDecline(usize, usize),
    /// A node sends a pull; one on its way may be lost for it.
    Pull {
        /// Who.
        from: usize,
        /// From whom.
        to: usize,
        /// Which of its pulls is lost.
        lost: Option<usize>,
    },
    /// A pull is delivered, for the first time or again; whatever answer was on its way is lost if there is a
    /// newer one.
    Serve {
        /// Whose.
        from: usize,
        /// Which.
        pull: usize,
    },
    /// What the answer says of the ledger becomes durable and is followed.
    TakeEntries(usize),
    /// What the answer holds of the history becomes durable, is proven and applied.
    TakeBatches(usize),
    /// The operator lets a node that held follow another one.
    Follow(usize, usize),
    /// The process dies and starts again.
    Crash(usize),
    /// The process dies after it has adopted what the answer says of the ledger, before it has followed it.
    CrashAdopting(usize),
    /// The process dies with the answer's batches written and not fsynced; they are read back when it starts.
    CrashReceiving(usize),
    /// The answer's bytes are damaged on the way.
    Damage(usize),
    /// The process dies, and its directory is put back from a backup whose ledger ends at this entry.
    Restore(usize, u64),
    /// The operator sets aside what a halted node's log holds past its validated history.
    Discard(usize),
    /// The operator lets a replica take a snapshot of another node over.
    Bootstrap(usize, usize),
}

fn name(at: usize) -> String {
    format!("n{}", at + 1)
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(at) => write!(f, "{} writes", name(*at)),
            Self::Fsync(at) => write!(f, "{} fsyncs", name(*at)),
            Self::Command(at, Asked::Designate(heir)) => {
                write!(f, "{} designates {}", name(*at), name(*heir))
            }
            Self::Command(at, Asked::Release(heir)) => {
                write!(f, "{} releases {}", name(*at), name(*heir))
            }
            Self::Command(at, Asked::Relinquish(heir)) => {
                write!(f, "{} relinquishes to {}", name(*at), name(*heir))
            }
            Self::Command(at, Asked::End(heir)) => {
                write!(f, "{} ends its obligation on the decline of {}", name(*at), name(*heir))
            }
            Self::Decline(at) => write!(f, "{} declines", name(*at)),
            Self::Promote(at) => write!(f, "{} is promoted", name(*at)),
            Self::PromoteOnDecline(at, heir) => {
                write!(f, "{} is promoted on the decline of {}", name(*at), name(*heir))
            }
            Self::Pull { from, to, .. } => write!(f, "{} pulls from {}", name(*from), name(*to)),
            Self::Serve { from, .. } => write!(f, "a pull of {} is served", name(*from)),
            Self::TakeEntries(at) => write!(f, "{} adopts entries", name(*at)),
            Self::TakeBatches(at) => write!(f, "{} takes batches", name(*at)),
            Self::Follow(at, other) => {
                write!(f, "{} is told to follow {}", name(*at), name(*other))
            }
            Self::Crash(at) => write!(f, "{} crashes and starts", name(*at)),
            Self::CrashAdopting(at) => write!(f, "{} crashes while it adopts entries", name(*at)),
            Self::CrashReceiving(at) => write!(f, "{} crashes while it takes batches", name(*at)),
            Self::Damage(at) => write!(f, "the answer to {} is damaged", name(*at)),
            Self::Restore(at, seq) => write!(f, "{} is set back to ledger entry {seq}", name(*at)),
            Self::Discard(at) => write!(f, "{} discards its suffix", name(*at)),
            Self::Bootstrap(at, from) => {
                write!(f, "{} takes a snapshot of {} over", name(*at), name(*from))
            }
        }
    }
}
