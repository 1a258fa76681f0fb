//! Known ways to get it wrong. A mutant lies to production rules about an input, or does not do what one of them
//! concluded; the rules themselves are the same functions. Each mutant must be caught.
//!
//! Some rules stand behind others: with one of them gone, another still stops what follows. Such a rule is shown
//! to matter in pairs: what it stands behind is broken first, which alone must be stopped in every state of its
//! scope; broken with it, it must be caught.

use crate::scope::Scope;

/// One lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// The holder's bound is computed as if nothing were owed.
    NothingOwed,
    /// As if nothing were owed before the successor is known to know of its designation.
    NothingOwedBeforeKnown,
    /// As if nothing were owed once the successor is released.
    NothingOwedOnceReleased,
    /// A receipt says that everything is durable there.
    ReceiptOfAll,
    /// A receipt says that the release is durable there.
    ReceiptOfRelease,
    /// A receipt of the released successor is invented when another heir is to be named.
    ReceiptInvented,
    /// Whatever was recovered was acknowledged.
    RecoveredAcknowledged,
    /// Every peer is the obliged one, as far as the history goes.
    EveryoneObligedHistory,
    /// Every peer is the obliged one, as far as the ledger goes.
    EveryoneObligedLedger,
    /// A replica was told that all it has is acknowledged.
    ToldAll,
    /// A replica shows nothing.
    ShowsNothing,
    /// The history ends at the relinquished final commit.
    EndsAtFinal,
    /// The chain here is the one that is asked for, in whatever is compared by a node or with a peer.
    ChainAsAsked,
    /// Each batch is of the epoch of its place.
    EpochAsAsked,
    /// A peer's history is not ahead of the holder's.
    NeverAhead,
    /// The history agrees with every later grant.
    HistoriesAgree,
    /// The node has declined nothing.
    NothingDeclined,
    /// A decline does not survive a crash.
    DeclineNotDurable,
    /// The relinquisher is presented a decline that nobody made.
    ForgedForPromotion,
    /// The holder is presented a decline that nobody made.
    ForgedForEnd,
    /// The holder's last batch is lost in a crash, acknowledged or not.
    HolderUnsynced,
    /// The holder's last batch is shipped before it is durable, and lost in a crash before that; nothing is
    /// acknowledged before.
    ShippedUnsynced,
    /// The replica's last batch is lost in a crash, receipted or not.
    ReplicaUnsynced,
    /// Batches that were read back at start are lost in the next crash, receipted or not.
    ReadBackUnsynced,
    /// A grant is lost in a crash, acted on or not.
    GrantUnsynced,
    /// A directory is put back from a backup.
    Backup,
    /// The holder that has relinquished still holds, for who admits writes.
    StillHeld,
    /// The same after a start.
    HeldAtStart,
    /// The node is not halted, when it is asked to promote itself.
    NotHaltedForPromotion,
    /// The node is not halted, when a peer pulls.
    NotHaltedForPeers,
    /// The decision is not made again once the receiver has stopped.
    DecidedBefore,
    /// The history ends at the epoch's start when authority is relinquished.
    RelinquishAtStart,
    /// The history ends at the epoch's start when a successor is designated.
    DesignateAtStart,
    /// A bootstrap is not told what the node has, nor that receipts of it are owed.
    BootstrapUntold,
}

/// What must become of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A property is broken.
    Caught,
    /// No property is broken in any state of the scope: another rule stops it.
    Stopped,
}

/// One way to get it wrong.
#[derive(Debug, Clone, Copy)]
pub struct Mutant {
    /// Its name, as the command takes it.
    pub name: &'static str,
    /// What goes wrong.
    pub text: &'static str,
    /// The lies.
    pub lies: &'static [Lie],
    /// The cluster that it is looked for in.
    pub scope: Scope,
    /// What must become of it.
    pub fate: Fate,
}

const fn caught(
    name: &'static str,
    text: &'static str,
    lies: &'static [Lie],
    scope: Scope,
) -> Mutant {
    Mutant { name, text, lies, scope, fate: Fate::Caught }
}

/// Two nodes are enough for most.
const TWO: Scope = Scope { commits: 2, epochs: 2, entries: 6, pulls: 1, ..Scope::TWO };
/// What only crashes and receipts decide.
const SMALL: Scope = Scope { commits: 1, declines: false, bootstraps: false, ..TWO };
/// The founding, an admission and a designation; grants come on top.
const ONE_HEIR: Scope = Scope { entries: 3, ..SMALL };
/// Written, read back, and lost: two crashes.
const TWICE: Scope = Scope { faults: 2, ..SMALL };
/// A deposed holder comes back and is granted a third epoch.
const BACK: Scope = Scope { epochs: 3, faults: 0, ..SMALL };
/// A mistake about a third node needs one.
const THREE: Scope = Scope { faults: 0, declines: false, bootstraps: false, ..Scope::THREE };

const LET_IN: &[Lie] =
    &[Lie::HistoriesAgree, Lie::ShowsNothing, Lie::NeverAhead, Lie::ChainAsAsked];
const LET_IN_ANY_EPOCH: &[Lie] = &[
    Lie::HistoriesAgree,
    Lie::ShowsNothing,
    Lie::NeverAhead,
    Lie::ChainAsAsked,
    Lie::EpochAsAsked,
];

/// Every mutant: first those that DESIGN 3.3 names, in its order.
pub const ALL: &[Mutant] = &[
    caught("no-receipt", "acknowledge without the receipt", &[Lie::NothingOwed], TWO),
    caught(
        "uncovered-release",
        "end an obligation without the covered release",
        &[Lie::ReceiptOfRelease],
        TWO,
    ),
    caught(
        "ship-before-fsync",
        "ship a batch before the holder's fsync",
        &[Lie::ShippedUnsynced],
        TWO,
    ),
    Mutant {
        fate: Fate::Stopped,
        ..caught(
            "ship-before-fsync-one-heir",
            "ship a batch before the holder's fsync, where no heir is ever released",
            &[Lie::ShippedUnsynced],
            ONE_HEIR,
        )
    },
    caught(
        "length-for-chain",
        "the same, and compare histories by length instead of chain",
        &[Lie::ShippedUnsynced, Lie::ChainAsAsked],
        ONE_HEIR,
    ),
    Mutant {
        fate: Fate::Stopped,
        ..caught(
            "let-in",
            "let a deposed holder in with its suffix, compare by length, and show nothing of it",
            LET_IN,
            BACK,
        )
    },
    caught(
        "no-epoch-by-position",
        "the same, and drop the epoch-by-position check",
        LET_IN_ANY_EPOCH,
        BACK,
    ),
    caught(
        "inexact-end",
        "drop exactness at the relinquished final commit",
        &[Lie::EndsAtFinal],
        TWO,
    ),
    caught(
        "heir-during-release",
        "designate or relinquish to another during an uncovered release",
        &[Lie::ReceiptInvented],
        THREE,
    ),
    caught("below-receipts", "let a successor go below its receipts", &[Lie::BootstrapUntold], TWO),
    caught("older-ledger", "restore an older ledger", &[Lie::Backup], TWO),
    caught(
        "owed-once-known",
        "owe receipts only once the successor is known to know of its designation",
        &[Lie::NothingOwedBeforeKnown],
        TWO,
    ),
    caught(
        "owed-until-release",
        "owe receipts only until the release is appended",
        &[Lie::NothingOwedOnceReleased],
        TWO,
    ),
    caught(
        "receipt-of-all",
        "take a receipt for everything that the holder has",
        &[Lie::ReceiptOfAll],
        TWO,
    ),
    caught(
        "recovered-acknowledged",
        "take what a start recovers under an obligation for acknowledged",
        &[Lie::RecoveredAcknowledged],
        TWO,
    ),
    caught(
        "history-for-all",
        "serve every replica everything durable",
        &[Lie::EveryoneObligedHistory],
        THREE,
    ),
    caught(
        "ledger-for-all",
        "serve every replica entries that are not covered",
        &[Lie::EveryoneObligedLedger],
        THREE,
    ),
    caught(
        "shown-when-applied",
        "show on the successor what is applied, acknowledged or not",
        &[Lie::ToldAll],
        TWO,
    ),
    caught(
        "own-decline-forgotten",
        "do not ask a node's own record what it has declined",
        &[Lie::NothingDeclined],
        TWO,
    ),
    caught(
        "decline-not-durable",
        "hand a decline out before it is durable",
        &[Lie::DeclineNotDurable],
        TWO,
    ),
    caught(
        "forged-promotion",
        "promote the relinquisher on a decline that its heir did not sign",
        &[Lie::ForgedForPromotion],
        TWO,
    ),
    caught(
        "forged-end",
        "end an obligation on a decline that the successor did not sign",
        &[Lie::ForgedForEnd],
        TWO,
    ),
    caught(
        "acknowledge-before-fsync",
        "acknowledge before the holder's fsync",
        &[Lie::HolderUnsynced],
        SMALL,
    ),
    caught(
        "receipt-before-fsync",
        "send a receipt before the replica's fsync",
        &[Lie::ReplicaUnsynced],
        SMALL,
    ),
    caught(
        "reading-is-durability",
        "receipt what a start has read back and not made durable",
        &[Lie::ReadBackUnsynced],
        TWICE,
    ),
    caught("grant-before-fsync", "act on a grant before it is durable", &[Lie::GrantUnsynced], TWO),
    caught("not-sealed", "go on writing after relinquishing", &[Lie::StillHeld], TWO),
    caught(
        "sealed-starts-as-holder",
        "start as the holder after relinquishing",
        &[Lie::HeldAtStart],
        TWO,
    ),
    caught("halted-promoted", "promote a halted node", &[Lie::NotHaltedForPromotion], SMALL),
    caught(
        "halted-serves",
        "serve peers while halted",
        &[Lie::NotHaltedForPeers],
        Scope { faults: 1, commits: 1, ..THREE },
    ),
    caught(
        "suffix-let-in",
        "let a deposed holder in whose history runs past the grant's start",
        &[Lie::HistoriesAgree],
        TWO,
    ),
    caught(
        "decided-before",
        "carry out what was approved before the receiver had stopped",
        &[Lie::DecidedBefore],
        SMALL,
    ),
    caught(
        "relinquish-behind-tip",
        "relinquish at the epoch's start, the history being longer",
        &[Lie::RelinquishAtStart],
        TWO,
    ),
    caught(
        "designate-behind-tip",
        "designate at the epoch's start, the history being longer",
        &[Lie::DesignateAtStart],
        TWO,
    ),
];
