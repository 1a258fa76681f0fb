//! M-P08, M-P09, M-P17 under power loss: authority moves on a disk in memory, by the supervisor that production
//! runs, and the power fails before every call to that disk, with every choice of what survives that is tried
//! here: all, nothing, each unsynced part alone lost, alone kept, and mixtures. Each outcome is opened as a start
//! opens it.

use std::sync::Arc;

use aerodb_core::authority::SignedEntry;
use aerodb_core::decision::command::Command;
use aerodb_core::id::Epoch;
use aerodb_core::machine::RoleName;
use aerodb_http_api::problem::Problem;
use aerodb_ledger::disk::Operation;
use aerodb_ledger::disk::simulated::{Moment, SimulatedDisk, Unsynced};
use tokio::sync::watch;

use crate::checkpoint::tests::losses;
use crate::open::{Opened, open};
use crate::scene::{self, annotation, dir, entries, node};
use crate::serve::assemble::assemble;
use crate::supervisor::{
    CommandRequest, Outcome, PromotionAnswer, PromotionRequest, SupervisorHandle,
};
use crate::world::World;

/// Commits that both nodes have.
const COMMITS: u64 = 3;

/// The directory of a stopped node that has this ledger, and the history.
fn stopped(name: &str, entries: Vec<SignedEntry>) -> SimulatedDisk {
    let stamp = entries[2].entry.head();
    scene::stopped(&dir(), name, entries, &[stamp; COMMITS as usize])
}

/// Runs the node of this disk, and asks its supervisor.
pub(super) fn ask<T, F: Future<Output = T>>(
    disk: &SimulatedDisk,
    request: impl FnOnce(SupervisorHandle) -> F,
) -> T {
    let workers =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    workers.unwrap().block_on(async {
        let (shared, (fatal, failed)) = (disk.shared(), watch::channel(None));
        let world = World { disk: Arc::clone(&shared), ..World::real() };
        let (node, crew) = assemble(open(dir(), &shared).unwrap(), world, fatal).unwrap();
        crew.start().unwrap();
        disk.record_moments();
        let answer = request(node.supervisor.clone()).await;
        // What follows an answer is done before the next message is taken up; this one changes nothing.
        let _ = node.supervisor.discard_suffix(true, None, annotation()).await;
        assert_eq!(*failed.borrow(), None);
        answer
    })
}

async fn promote(supervisor: SupervisorHandle) -> Result<PromotionAnswer, Problem> {
    let request = PromotionRequest {
        expected_epoch: Epoch::FIRST,
        replica_id: None,
        request: None,
        decline: None,
        entries: Vec::new(),
        expected_digest: None,
        dry_run: false,
        annotation: annotation(),
    };
    supervisor.promote(request).await
}

async fn relinquish(supervisor: SupervisorHandle) -> Result<Outcome, Problem> {
    let request = CommandRequest {
        command: Command::Relinquish(node("n2")),
        expected_epoch: Some(Epoch::FIRST),
        request: None,
        annotation: annotation(),
    };
    supervisor.command(request).await
}

/// More of one kind of part than this are taken as all alike: the zeros of a segment that is being made.
const ALONE_MAX: usize = 64;

/// What a power loss can leave here: see the head of this file.
fn outcomes(disk: &SimulatedDisk) -> Vec<SimulatedDisk> {
    let mut outcomes = losses(disk);
    let unsynced = disk.unsynced();
    for odd in unsynced.iter().take(ALONE_MAX) {
        let alone = |inside, outside| {
            let pick = move |part: &Unsynced| if part == odd { inside } else { outside };
            disk.after_power_loss(pick)
        };
        outcomes.extend([alone(0, usize::MAX), alone(usize::MAX, 0)]);
    }
    outcomes
}

/// What a start makes of a disk. Nothing acknowledged is lost, and no failure is latched.
fn recovered(disk: &SimulatedDisk, what: &dyn std::fmt::Display) -> Opened {
    let opened = open(dir(), &disk.shared());
    let opened = opened.unwrap_or_else(|error| panic!("{error} before {what}"));
    assert!(opened.failures.is_empty(), "{:?} before {what}", opened.failures);
    let (standing, unvalidated) = (&opened.replayed.standing, &opened.replayed.unvalidated);
    assert_eq!(standing.received.get(), COMMITS, "before {what}");
    assert!(standing.tip.boundary.get() == COMMITS || !unvalidated.is_empty(), "before {what}");
    opened
}

/// Whether the node acknowledges writes with nobody else alive: it holds, and owes nobody a receipt. The
/// deposed holder owes one to its successor, which gives none of the old epoch once it was granted the next.
fn acknowledges_alone(opened: &Opened) -> bool {
    opened.role == RoleName::PrimaryActive && opened.ledger.authority().obligation().is_none()
}

struct Counted {
    moments: usize,
    disks: usize,
    old: usize,
    new: usize,
}

/// Every outcome at every moment; `is_new` says of a start which authority stands. Once the decision ledger is
/// written to after the step, its trailer has been fsynced, and no outcome takes it back.
fn search(moments: &[Moment], end: &SimulatedDisk, is_new: impl Fn(&Opened) -> bool) -> Counted {
    let of_ledger = |moment: &Moment| moment.before.path.starts_with(dir().authority_ledger());
    let last_sync = moments
        .iter()
        .rposition(|it| of_ledger(it) && it.before.operation == Operation::Sync)
        .expect("the trailer is fsynced");
    let mut counted = Counted { moments: moments.len(), disks: 0, old: 0, new: 0 };
    for (at, Moment { before, disk }) in moments.iter().enumerate() {
        for lost in outcomes(disk) {
            let is_new = is_new(&recovered(&lost, before));
            assert!(is_new || at <= last_sync, "taken back before {before}");
            counted.disks += 1;
            if is_new { counted.new += 1 } else { counted.old += 1 }
        }
    }
    for lost in outcomes(end) {
        assert!(is_new(&recovered(&lost, &"the end")), "it was answered, and is taken back");
        counted.disks += 1;
    }
    assert!(counted.old > 0 && counted.new > 0, "{} old, {} new", counted.old, counted.new);
    counted
}

#[test]
fn m_p08_m_p09_power_loss_at_every_step_of_a_promotion_leaves_one_authority_and_loses_nothing() {
    let old_holder = recovered(&stopped("n1", entries()), &"anything");
    assert_eq!(old_holder.role, RoleName::PrimaryActive);
    assert!(!acknowledges_alone(&old_holder), "it owes its successor a receipt");

    let disk = stopped("n2", entries());
    let granted = ask(&disk, promote).unwrap();
    assert_eq!((granted.epoch.get(), granted.start.boundary.get()), (2, COMMITS));
    let (moments, end) = (disk.moments(), disk.after_kill());
    let counted = search(&moments, &end, |opened| {
        let authority = opened.ledger.authority();
        match opened.role {
            RoleName::ReplicaActive => assert_eq!(authority.epoch(), Epoch::FIRST),
            RoleName::PrimaryActive => assert_eq!(authority.epoch(), granted.epoch),
            other => panic!("{other:?}"),
        }
        acknowledges_alone(opened)
    });
    println!(
        "a promotion: {} moments, {} disks: {} old, {} new",
        counted.moments, counted.disks, counted.old, counted.new
    );
}

/// Whatever a power loss has left of a promotion: asked for again, it is granted, once.
#[test]
fn m_p09_a_promotion_that_lost_power_is_asked_for_again_and_granted_once() {
    let disk = stopped("n2", entries());
    let _ = ask(&disk, promote).unwrap();
    for Moment { before, disk } in disk.moments() {
        for left in [disk.after_power_loss(|_| 0), disk.after_power_loss(|_| usize::MAX)] {
            let granted = recovered(&left.after_kill(), &before).role == RoleName::PrimaryActive;
            let again = ask(&left, promote);
            assert_eq!(again.is_err(), granted, "before {before}: {again:?}");
            let opened = recovered(&left.after_power_loss(|_| 0), &before);
            assert!(acknowledges_alone(&opened), "before {before}");
            let epochs = opened.ledger.authority().epochs().len();
            assert_eq!(epochs, 2, "before {before}: one grant after genesis");
        }
    }
}

#[test]
fn m_p17_power_loss_at_every_step_of_a_relinquishment_leaves_a_holder_or_a_sealed_node() {
    let disk = stopped("n1", entries());
    let done = ask(&disk, relinquish).unwrap();
    let (moments, end) = (disk.moments(), disk.after_kill());
    let counted = search(&moments, &end, |opened| match opened.role {
        RoleName::PrimaryActive => false,
        RoleName::PrimarySealed => true,
        other => panic!("{other:?}"),
    });
    println!(
        "a relinquishment: {} moments, {} disks: {} old, {} new",
        counted.moments, counted.disks, counted.old, counted.new
    );

    // What has left the node is what was answered: with it the heir is promoted, at whatever step the power
    // fails there, and at no time do both acknowledge.
    let sealed = recovered(&end, &"the end");
    assert!(!acknowledges_alone(&sealed));
    let entries = sealed.ledger.entries().after(None, usize::MAX);
    let entries: Vec<_> = entries.iter().map(|stored| (*stored.entry).clone()).collect();
    assert_eq!(entries.last().unwrap().entry.seq, done.seq);
    let heir = stopped("n2", entries);
    let granted = ask(&heir, promote).unwrap();
    assert_eq!(granted.start.boundary.get(), COMMITS);
    let counted = search(&heir.moments(), &heir.after_kill(), acknowledges_alone);
    println!(
        "a promotion on it: {} moments, {} disks: {} old, {} new",
        counted.moments, counted.disks, counted.old, counted.new
    );
}
