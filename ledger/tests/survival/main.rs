//! What a log survives: every power loss, every kill, every error. What was acknowledged is there, what was
//! not is there whole or not at all, and no log refuses.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)] // helpers stand outside of the test functions

mod disk_errors;
mod expected;
mod failing;
mod power_losses;
mod search;
mod subject;
#[path = "../support/mod.rs"]
mod support;
mod transcript;

use search::{Counts, Reach, Search, Stamps};
use subject::{Act, Subject};

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

/// All outcomes, and a kill at every moment.
const FULL: Reach =
    Reach { stamps: Stamps::None, depth: 1, outcomes_max: 1 << 17, kills_in_recovery: true };

/// Searches in a thread with room for recoveries within recoveries, and prints the totals.
fn search<'s, S: Subject + Sync>(
    what: &str,
    subject: &'s S,
    reach: Reach,
    later: &'s [Act<'s>],
    run: impl FnOnce(&mut Search<'s, S>) + Send,
) -> Counts {
    let counts = std::thread::scope(|scope| {
        let searching = std::thread::Builder::new().stack_size(256 << 20);
        let searching = searching.spawn_scoped(scope, || {
            let mut search = Search::new(subject, reach, later);
            run(&mut search);
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
