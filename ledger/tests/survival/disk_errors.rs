//! Every error at every disk operation: of creating, opening, repairing, appending, rolling and truncating.
//! It is told, nothing is acknowledged after it, and after a restart, with the cache kept or lost, everything
//! is there that was acknowledged before.

use aerodb_ledger::disk::simulated::{At, Failure, SimulatedDisk, Times};

use crate::expected::Expected;
use crate::failing::{Planned, Start};
use crate::search::{Reach, Search};
use crate::subject::{Act, AuthoritySubject, Log, Subject, WalSubject};
use crate::support::{new_disk, segments_of};
use crate::{FULL, SMALL, append, assert_searched, other, search};

/// What may befall a call that changes or syncs something.
const FAILURES: [Failure; 16] = [
    Failure::Io,
    Failure::NoSpace,
    Failure::Access,
    Failure::ShortWrite { bytes: 0 },
    Failure::ShortWrite { bytes: 1 },
    Failure::ShortWrite { bytes: 512 },
    Failure::ShortWrite { bytes: 700 },
    Failure::ShortWrite { bytes: 2_048 },
    Failure::ShortWrite { bytes: 4_000 },
    Failure::ShortWrite { bytes: usize::MAX },
    Failure::LyingSync { reached: 0 },
    Failure::LyingSync { reached: 1 },
    Failure::LyingSync { reached: 0b1010_1010 },
    Failure::LyingSync { reached: !1 },
    Failure::LyingSync { reached: u64::MAX },
    Failure::LyingSync { reached: u64::MAX >> 57 },
];

/// More than any process here makes.
const CALLS_MAX: u64 = 500;

/// A write cut within a sector is taken back with one more write and fsync. On a disk that fails these too,
/// the next opening refuses: it cannot tell such a sector from a damaged one.
const fn can_go_on(failure: Failure) -> bool {
    match failure {
        Failure::ShortWrite { bytes } => bytes == usize::MAX || bytes % 512 == 0,
        Failure::Io | Failure::NoSpace | Failure::Access | Failure::LyingSync { .. } => true,
        Failure::PowerLossBefore | Failure::PowerLossDuring => false,
    }
}

/// Every failure at every call; how many there were.
fn fail_everywhere<S: Subject>(search: &mut Search<'_, S>, start: &Start, acts: &[Act<'_>]) -> u64 {
    let changes = FAILURES.iter().map(|failure| (At::Change as fn(u64) -> At, *failure));
    let reads = [Failure::Io, Failure::Access].map(|failure| (At::Read as fn(u64) -> At, failure));
    let mut struck = 0;
    for (at, failure) in changes.chain(reads) {
        for times in [Times::Once, Times::Always] {
            if times == Times::Once || can_go_on(failure) {
                let planned = |number| Planned { at: at(number), failure, times };
                let fails = |number: &u64| search.run_failing(start, acts, planned(*number));
                struck += (0..CALLS_MAX).take_while(fails).count() as u64;
            }
        }
    }
    struck
}

fn nothing() -> Start {
    Start { disk: new_disk(), expected: Expected::new(Vec::new(), Vec::new(), None) }
}

/// A log with these appends, the last of them cut off before its `cut`-th call with the given outcome.
fn torn<S: Subject>(
    subject: &S,
    appends: usize,
    cut: usize,
    outcome: impl Fn(&SimulatedDisk) -> SimulatedDisk,
) -> Start {
    let disk = new_disk();
    let mut log = subject.create(&disk).unwrap();
    let mut expected = Expected::new(subject.first(), Vec::new(), Some(log.last_frame_seq()));
    for number in 0..appends {
        disk.record_moments();
        let next = subject.next(&expected.acted_on, SMALL, b'v');
        let before = log.last_frame_seq();
        log.append(&next).unwrap();
        if number + 1 == appends {
            expected.in_flight = next;
            expected.last_frame = Some(before);
        } else {
            expected.acted_on.extend(next);
        }
    }
    let disk = outcome(&disk.moments()[cut].disk);
    Start { disk, expected }
}

fn half_lost(disk: &SimulatedDisk) -> SimulatedDisk {
    let mut number = 0;
    disk.after_power_loss(|part| {
        number += 1;
        usize::from(number % 2 == 0) * (part.versions - 1)
    })
}

const REACH: Reach = Reach { outcomes_max: 1 << 10, ..FULL };

/// Proves: P3-D1, P3-D10, P3-FS8, P3-FS9, M-W08, CT-2.
#[test]
fn p3_d8_every_error_at_every_operation_of_a_wal() {
    let subject = WalSubject::new(segments_of(1));
    let acts = [append(SMALL), append(SMALL), append(SMALL), Act::Truncate, append(SMALL)];
    let mut struck = 0;
    let counts = search("WAL, errors", &subject, REACH, &[other(SMALL)], |search| {
        struck = fail_everywhere(search, &nothing(), &acts);
    });
    println!("WAL: {struck} errors");
    assert!(struck >= 1_000, "{struck}");
    assert_searched(counts, 100, 100);
}

/// Proves: M-C19.
#[test]
fn p3_d8_every_error_at_every_operation_of_the_recovery_of_a_wal() {
    let subject = WalSubject::new(segments_of(2));
    let acts = [append(SMALL), append(SMALL)];
    let mut struck = 0;
    let counts = search("WAL, errors in recovery", &subject, REACH, &[other(SMALL)], |search| {
        let torn_after_a_batch = torn(&subject, 2, 1, half_lost);
        let torn_in_a_segment_of_its_own = torn(&subject, 3, 7, half_lost);
        let unsynced = torn(&subject, 2, 1, SimulatedDisk::after_kill);
        for start in [torn_after_a_batch, torn_in_a_segment_of_its_own, unsynced] {
            struck += fail_everywhere(search, &start, &acts);
        }
    });
    println!("WAL: {struck} errors in recovery");
    assert!(struck >= 1_000, "{struck}");
    assert_searched(counts, 100, 100);
}

#[test]
fn p3_d8_every_error_at_every_operation_of_a_ledger_and_its_recovery() {
    let subject = AuthoritySubject(segments_of(3));
    let acts = [append(SMALL), append(SMALL)];
    let mut struck = 0;
    let counts = search("authority ledger, errors", &subject, REACH, &[other(SMALL)], |search| {
        for cut in [1, 3] {
            struck += fail_everywhere(search, &torn(&subject, 1, cut, half_lost), &acts);
        }
    });
    println!("authority ledger: {struck} errors");
    assert!(struck >= 500, "{struck}");
    assert_searched(counts, 100, 100);
}
