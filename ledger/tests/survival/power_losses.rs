//! Power loss at every disk operation, with every choice of what survived, and the same again in every
//! recovery: what was acknowledged is there, what was not is there whole or not at all, and no log refuses.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)] // helpers stand outside of the test functions

mod expected;
mod search;
mod subject;
#[path = "../support/mod.rs"]
mod support;
mod transcript;

use search::{Counts, Reach, Search, Stamps};
use subject::{Act, AuthoritySubject, Subject, WalSubject};
use support::segments_of;

/// What the processes of the run append.
const fn append(value_bytes: &[usize]) -> Act<'_> {
    Act::Append { value_bytes, fill: b'v' }
}

/// What is appended after a recovery: other bytes than those that may have been lost.
const fn other(value_bytes: &[usize]) -> Act<'_> {
    Act::Append { value_bytes, fill: b'w' }
}

/// One block: 8 sectors, 256 outcomes.
const SMALL: &[usize] = &[10];
/// Two blocks: 16 sectors, 65,536 outcomes.
const LARGE: &[usize] = &[5_000];

const FULL: Reach =
    Reach { stamps: Stamps::None, depth: 1, outcomes_max: 1 << 17, kills_in_recovery: true };

/// Searches in a thread with room for recoveries within recoveries, and prints the totals.
fn search<S: Subject + Sync>(
    what: &str,
    subject: &S,
    reach: Reach,
    acts: &[Act<'_>],
    later: &[Act<'_>],
) -> Counts {
    let counts = std::thread::scope(|scope| {
        let searching = std::thread::Builder::new().stack_size(256 << 20);
        let searching = searching.spawn_scoped(scope, || {
            let mut search = Search::new(subject, reach, later);
            search.run(acts);
            search.counts
        });
        searching.unwrap().join()
    });
    let counts = counts.unwrap_or_else(|_| panic!("{what}: see the transcript above"));
    println!(
        "{what}: {} different moments, {} outcomes of power losses, {} different disks opened, \
         {} power losses within another, {} sampled",
        counts.moments, counts.outcomes, counts.disks, counts.covered, counts.sampled
    );
    counts
}

/// A search that shrinks shows nothing: what it went through is at least this.
fn assert_searched(counts: Counts, moments: u64, disks: u64) {
    assert!(counts.moments >= moments && counts.disks >= disks, "{counts:?}");
}

#[test]
fn p3_pl_a_wal_survives_every_power_loss_and_kill() {
    let subject = WalSubject::new(segments_of(2));
    let acts = [append(SMALL), append(&[10, 20]), append(SMALL), append(SMALL), append(SMALL)];
    for stamps in [Stamps::None, Stamps::Kept] {
        let reach = Reach { stamps, ..FULL };
        let what = format!("WAL, one block, stamps {stamps:?}");
        let counts = search(&what, &subject, reach, &acts, &[other(SMALL)]);
        assert_searched(counts, 4_900, 7_700);
        assert_eq!(counts.sampled, 0);
    }
}

#[test]
fn p3_pl_a_wal_survives_every_power_loss_and_kill_around_a_truncation() {
    let subject = WalSubject::new(segments_of(1));
    let acts = [append(SMALL), append(SMALL), append(SMALL), Act::Truncate, append(SMALL)];
    let later = [other(SMALL), Act::Truncate];
    let counts = search("WAL, truncated", &subject, FULL, &acts, &later);
    assert_searched(counts, 8_500, 12_200);
    assert_eq!(counts.sampled, 0);
}

#[test]
fn p3_pl_a_wal_survives_every_power_loss_within_two_blocks() {
    let subject = WalSubject::new(segments_of(3));
    let acts = [append(SMALL), append(SMALL), append(LARGE)];
    let reach = Reach { kills_in_recovery: false, ..FULL };
    let counts = search("WAL, two blocks", &subject, reach, &acts, &[other(SMALL)]);
    assert_searched(counts, 65_000, 65_536);
    assert_eq!(counts.sampled, 0);
}

/// A batch of two blocks is torn at the start of a segment, one of a block that follows fits before it.
#[test]
fn p3_pl_a_wal_survives_kills_while_two_torn_blocks_are_dropped() {
    let subject = WalSubject::new(segments_of(3));
    let acts = [append(SMALL), append(SMALL), append(LARGE)];
    let reach = Reach { outcomes_max: 1 << 8, ..FULL };
    let counts = search("WAL, two blocks, kills", &subject, reach, &acts, &[other(SMALL)]);
    assert_searched(counts, 100, 100);
}

#[test]
fn p3_pl_an_authority_ledger_survives_every_power_loss_and_kill() {
    let subject = AuthoritySubject(segments_of(3));
    let acts = [append(SMALL), append(SMALL)];
    let counts = search("authority ledger", &subject, FULL, &acts, &[other(SMALL)]);
    assert_searched(counts, 3_400, 5_800);
    assert_eq!(counts.sampled, 0);
}
