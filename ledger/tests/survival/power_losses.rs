//! Power loss at every disk operation, with every choice of what survived, and the same again in every
//! recovery.

use aerodb_ledger::log::{LogOptions, Prepare};

use crate::search::{Reach, Stamps};
use crate::subject::{Act, AuthoritySubject, DecisionSubject, WalSubject};
use crate::support::segments_of;
use crate::{FULL, LARGE, SMALL, append, assert_searched, other, search};

/// Proves: P3-G1, P3-G2, P3-T3, P3-T7, P3-PL1, P3-PL2, P3-PL3, P3-PL4, P3-PL5, P3-PL10, P3-PL11, P3-PL12,
/// P3-D3, M-W02, M-W03, M-W04, M-W05, M-W07, F-3.2, CT-2, PG-1, M-W19, P5-T2.
#[test]
fn p3_pl_a_wal_survives_every_power_loss_and_kill() {
    let subject = WalSubject::new(segments_of(2));
    let acts = [append(SMALL), append(&[10, 20]), append(SMALL), append(SMALL), append(SMALL)];
    for stamps in [Stamps::None, Stamps::Kept] {
        let reach = Reach { stamps, ..FULL };
        let what = format!("WAL, one block, stamps {stamps:?}");
        let counts = search(&what, &subject, reach, &[other(SMALL)], |search| search.run(&acts));
        assert_searched(counts, 4_900, 7_700);
        assert_eq!(counts.sampled, 0);
    }
}

/// Proves: P3-PL8, P3-W2, P3-W4, M-C11, M-C12.
#[test]
fn p3_pl_a_wal_survives_every_power_loss_and_kill_around_a_truncation() {
    let subject = WalSubject::new(segments_of(1));
    let acts = [append(SMALL), append(SMALL), append(SMALL), Act::Truncate, append(SMALL)];
    let later = [other(SMALL), Act::Truncate];
    let counts = search("WAL, truncated", &subject, FULL, &later, |search| search.run(&acts));
    assert_searched(counts, 8_500, 12_200);
    assert_eq!(counts.sampled, 0);
}

/// Proves: P3-D2, P3-D3, P3-D7, M-W03.
#[test]
fn p3_pl_a_wal_survives_every_power_loss_within_two_blocks() {
    let subject = WalSubject::new(segments_of(3));
    let acts = [append(SMALL), append(SMALL), append(LARGE)];
    let reach = Reach { kills_in_recovery: false, ..FULL };
    let counts =
        search("WAL, two blocks", &subject, reach, &[other(SMALL)], |search| search.run(&acts));
    assert_searched(counts, 65_000, 65_536);
    assert_eq!(counts.sampled, 0);
}

/// A batch of two blocks is torn at the start of a segment, one of a block that follows fits before it.
#[test]
fn p3_pl_a_wal_survives_kills_while_two_torn_blocks_are_dropped() {
    let subject = WalSubject::new(segments_of(3));
    let acts = [append(SMALL), append(SMALL), append(LARGE)];
    let reach = Reach { outcomes_max: 1 << 8, ..FULL };
    let counts = search("WAL, two blocks, kills", &subject, reach, &[other(SMALL)], |search| {
        search.run(&acts)
    });
    assert_searched(counts, 100, 100);
}

/// Proves: P6-AS2, P6-AS4, P6-B4.1, P6-B4.2, P6-F2, P6-B5.1.
#[test]
fn p3_pl_an_authority_ledger_survives_every_power_loss_and_kill() {
    let subject = AuthoritySubject(segments_of(3));
    let acts = [append(SMALL), append(SMALL)];
    let counts =
        search("authority ledger", &subject, FULL, &[other(SMALL)], |search| search.run(&acts));
    assert_searched(counts, 3_400, 5_800);
    assert_eq!(counts.sampled, 0);
}

#[test]
fn p3_pl_a_decision_ledger_survives_every_power_loss_and_kill() {
    let subject = DecisionSubject(segments_of(3));
    let acts = [append(SMALL), append(SMALL)];
    let counts =
        search("decision ledger", &subject, FULL, &[other(SMALL)], |search| search.run(&acts));
    assert_searched(counts, 1_000, 2_000);
    assert_eq!(counts.sampled, 0);
}

/// A log that goes on where a snapshot ends, as on a replica that was given one.
#[test]
fn p3_pl_a_wal_after_a_snapshot_survives_every_power_loss_and_kill() {
    let subject = WalSubject::after(segments_of(2), 3);
    let acts = [append(SMALL), append(SMALL), append(SMALL)];
    let later = [other(SMALL), Act::Truncate];
    let counts = search("WAL after a snapshot", &subject, FULL, &later, |search| search.run(&acts));
    assert_searched(counts, 1_000, 2_000);
}

/// The next segment is made by another thread while frames are written: in whatever order the disk sees the two.
#[test]
fn p3_pl_a_wal_whose_segments_are_made_ahead_survives_power_losses_and_kills() {
    let options = LogOptions::new(2 * 4096, Prepare::Ahead).unwrap();
    let subject = WalSubject::new(options);
    let acts = [append(SMALL), append(SMALL), append(SMALL), Act::Truncate, append(SMALL)];
    let reach = Reach { outcomes_max: 1 << 10, ..FULL };
    let counts = search("WAL, segments made ahead", &subject, reach, &[other(SMALL)], |search| {
        search.run(&acts)
    });
    assert_searched(counts, 500, 500);
}
