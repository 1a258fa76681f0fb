//! A whole bootstrap, from the request to the start on what was received: the power of the receiving node fails
//! before every change of its disk, with choices of what survives. It starts again by itself, its upstream down,
//! as it was or bootstrapped: never below what it has receipted, and what it shows is what was acknowledged.

use aerodb_core::id::Boundary;
use aerodb_core::machine::RoleName;
use aerodb_tests::simulation::{Action, Naming, Reading};

use crate::play::{Play, SURVIVORS};

/// So many commits that the first segment of the log goes with a checkpoint.
const COMMITS: u64 = 36;

/// n2 was the successor, has receipted two commits, and is away; the log that it would go on with is gone.
fn set() -> (Play, Boundary) {
    let mut play = Play::begin();
    play.put(0);
    play.act(Action::Designate(0, 1, Naming::Shown));
    play.carry();
    play.put(0);
    play.act(Action::Release(0, Naming::Shown));
    play.carry();
    let receipted = play.tip(1);
    assert_eq!(receipted.get(), 2);
    play.act(Action::Kill(1));
    while play.tip(0).get() < COMMITS {
        play.put(0);
    }
    play.act(Action::Checkpoint(0));
    play.carry();
    play.start(1);
    assert!(play.is_too_far_behind(1), "the log still has what n2 needs");
    (play, receipted)
}

/// The snapshot is taken over, and read meanwhile.
fn bootstrap(play: &mut Play) {
    play.act(Action::Bootstrap(1));
    let mut idle = 0;
    while idle < 2 {
        play.act(Action::Read(1, 1, Reading::Default));
        play.act(Action::Read(1, 1, Reading::Snapshot));
        idle = if play.round() { 0 } else { idle + 1 };
    }
}

#[test]
fn rs_4_rs_8_power_loss_at_every_step_of_a_bootstrap_leaves_the_replica_as_it_was_or_bootstrapped()
{
    let (mut play, _) = set();
    let before = play.changes()[1];
    bootstrap(&mut play);
    assert_eq!(play.tip(1).get(), COMMITS);
    let changes = play.changes()[1] - before;
    play.end();

    let (mut old, mut new) = (0, 0);
    for at in 0..=changes {
        for survivors in SURVIVORS {
            let (mut play, receipted) = set();
            play.lose_power_after(1, at, survivors);
            bootstrap(&mut play);
            play.lose_power(1, survivors);
            // By itself: what it shows it has not asked anybody for.
            play.act(Action::Kill(0));
            play.start(1);
            play.ask_all();
            let tip = play.tip(1);
            assert!(tip >= receipted, "{tip} is below what was receipted, change {at}");
            assert_eq!(play.role(1), RoleName::ReplicaActive, "change {at}");
            if tip == receipted {
                old += 1;
            } else {
                assert_eq!(tip.get(), COMMITS, "neither as it was nor bootstrapped, change {at}");
                new += 1;
            }
            play.start(0);
            play.act(Action::Resume(1));
            play.carry();
            if tip == receipted {
                bootstrap(&mut play);
            }
            play.put(0);
            assert_eq!(play.tip(1), play.tip(0), "change {at}, survivors {survivors}");
            play.end();
        }
    }
    println!("{changes} changes, {} power losses: {old} old, {new} new", old + new);
    assert!(old > 0 && new > 0, "{old} old, {new} new");
}
