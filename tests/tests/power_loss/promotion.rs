//! M-P08, M-P09, M-P17, both nodes at once: authority moves from n1 to n2 while a client writes, and the power of
//! each fails before any change of its disk, all points of the one with all of the other. Both start again, either
//! one first, and the promotion is asked for again. Never do two acknowledge, and nothing acknowledged is lost.

use aerodb_core::machine::RoleName;
use aerodb_tests::simulation::{Action, Condition, Naming};

use crate::play::Play;

/// How authority moves.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// n1 relinquishes, n2 is promoted on it.
    Planned,
    /// n2 is promoted on its designation, n1 goes on as if nothing was.
    Unplanned,
}

/// n2 is the successor, and has receipted what was written.
fn set() -> Play {
    let mut play = Play::begin();
    play.put(0);
    play.act(Action::Designate(0, 1, Naming::Shown));
    play.carry();
    play.put(0);
    assert_eq!(play.acknowledged(), [2, 0]);
    play
}

/// What goes on while the power fails.
fn move_authority(play: &mut Play, way: Way) {
    play.act(Action::Put(0, 1, Condition::None));
    play.act(Action::Put(0, 3, Condition::None));
    match way {
        Way::Planned => {
            play.round();
            play.act(Action::Relinquish(0, 1, Naming::Shown));
            play.carry();
            play.promote(1);
        }
        Way::Unplanned => {
            play.round();
            play.act(Action::Promote(1, Naming::Shown));
            play.round();
            play.act(Action::Put(0, 2, Condition::None));
            play.carry();
        }
    }
    if play.is_up(1) {
        play.put(1);
    }
}

/// How many changes each disk sees meanwhile.
fn changes(way: Way) -> [u64; 2] {
    let mut play = set();
    let before = play.changes();
    move_authority(&mut play, way);
    assert_eq!((play.role(1), play.epoch(1)), (RoleName::PrimaryActive, 2), "{way:?}");
    let after = play.changes();
    [after[0] - before[0], after[1] - before[1]]
}

/// The power of both fails there; `first` starts first.
fn both_fail(way: Way, at: [u64; 2], survivors: [u64; 2], first: usize) -> bool {
    let mut play = set();
    for place in [0, 1] {
        play.lose_power_after(place, at[place], survivors[place]);
    }
    move_authority(&mut play, way);
    for place in [0, 1] {
        play.lose_power(place, survivors[place]);
    }
    play.start(first);
    play.ask_all();
    play.start(1 - first);
    play.ask_all();
    let moved = play.epoch(1) == 2;
    if !moved {
        // Whatever was left of it: it is asked for again, and granted once.
        if play.role(0) == RoleName::PrimaryActive && matches!(way, Way::Planned) {
            play.act(Action::Relinquish(0, 1, Naming::Shown));
            play.carry();
        }
        play.promote(1);
    }
    assert_eq!((play.role(1), play.epoch(1)), (RoleName::PrimaryActive, 2), "{at:?}");
    let _ = play.acknowledged();
    play.ask_all();
    let [n1, n2] = play.acknowledged();
    let case = format!("{way:?} {at:?} {survivors:?}, n{} first", first + 1);
    assert!(n2 > 0 && n1 == 0, "n1 acknowledges {n1} writes and n2 {n2}: {case}");
    play.act(Action::Follow(0, 1));
    play.carry();
    play.end();
    moved
}

fn search(way: Way, survivors: &[[u64; 2]]) {
    let changes = changes(way);
    let (mut runs, mut old, mut new) = (0, 0, 0);
    for n1 in 0..=changes[0] {
        for n2 in 0..=changes[1] {
            for survivors in survivors {
                for first in [0, 1] {
                    let moved = both_fail(way, [n1, n2], *survivors, first);
                    (runs, old, new) = (runs + 1, old + u32::from(!moved), new + u32::from(moved));
                }
            }
        }
    }
    println!("{way:?}: {changes:?} changes, {runs} pairs of power losses: {old} old, {new} new");
    assert!(old > 0 && new > 0, "{old} old, {new} new");
}

/// Nothing of either survives, all of one, all of both, and a mixture.
const SURVIVORS: [[u64; 2]; 4] = [[0, 0], [0, 1], [1, 0], [2, 3]];

#[test]
fn m_p08_m_p17_power_loss_of_both_nodes_in_a_planned_failover_leaves_one_authority() {
    search(Way::Planned, &SURVIVORS);
}

#[test]
fn m_p09_power_loss_of_both_nodes_in_an_unplanned_failover_leaves_one_authority() {
    search(Way::Unplanned, &SURVIVORS);
}
