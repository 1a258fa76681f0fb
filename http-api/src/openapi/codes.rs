//! Which problem codes an operation can answer with, by what it does.

use crate::code::Code;

/// What every operation refuses: a malformed or unknown parameter.
pub(super) const ALWAYS: &[Code] = &[Code::InvalidParameter];

/// Looking at what is known only once recovery is over.
pub(super) const RECOVERED: &[Code] =
    &[Code::InvalidParameter, Code::NoSuchEntry, Code::Recovering];

/// Reading a body.
const BODY: [Code; 3] = [Code::InvalidRequest, Code::TooLarge, Code::UnsupportedMediaType];

/// What stands against a write.
const WRITES: [Code; 11] = [
    Code::PreconditionFailed,
    Code::NotHolder,
    Code::Sealed,
    Code::Halted,
    Code::Recovering,
    Code::SuccessorDetached,
    Code::SuccessorRequired,
    Code::NotAcknowledged,
    Code::WalPoisoned,
    Code::NoSpace,
    Code::MemoryLimit,
];

/// What stands against a read.
const READS: [Code; 8] = [
    Code::CommitInFuture,
    Code::CommitNotRetained,
    Code::NotHolder,
    Code::Sealed,
    Code::Halted,
    Code::Recovering,
    Code::ReadUnsafe,
    Code::CommitNotReached,
];

/// What stands against a command of an operator.
const COMMANDS: [Code; 8] = [
    Code::NoSuchEntry,
    Code::CommandRefused,
    Code::RequestIdReused,
    Code::Halted,
    Code::Recovering,
    Code::ReadUnsafe,
    Code::WalPoisoned,
    Code::NoSpace,
];

/// One list of several.
fn of(lists: &[&[Code]]) -> Vec<Code> {
    let mut codes = lists.concat();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// A write.
pub(super) fn write() -> Vec<Code> {
    of(&[ALWAYS, &BODY, &WRITES])
}

/// A scan, or the digest of what reads show.
pub(super) fn scan() -> Vec<Code> {
    of(&[ALWAYS, &READS])
}

/// A read of one key.
pub(super) fn read() -> Vec<Code> {
    of(&[ALWAYS, &READS, &[Code::KeyNotFound]])
}

/// A command of an operator.
pub(super) fn command() -> Vec<Code> {
    of(&[ALWAYS, &BODY, &COMMANDS])
}

/// A command that asks another node, which may refuse too.
pub(super) fn follow() -> Vec<Code> {
    of(&[&command(), &pull()])
}

/// A promotion.
pub(super) fn promote() -> Vec<Code> {
    let own = [Code::PromotionDenied, Code::PromotionInProgress, Code::DecisionMoved];
    of(&[ALWAYS, &BODY, &COMMANDS, &own])
}

/// A pull of a replica.
pub(super) fn pull() -> Vec<Code> {
    let own = [
        Code::ForeignCluster,
        Code::ForeignMember,
        Code::CommandRefused,
        Code::NotHolder,
        Code::BootstrapRequired,
        Code::Sealed,
        Code::Halted,
        Code::Recovering,
        Code::ReadUnsafe,
    ];
    of(&[ALWAYS, &BODY, &own])
}

/// A probe: whatever stands against a write or a read.
pub(super) fn probe() -> Vec<Code> {
    of(&[&WRITES, &READS])
}
