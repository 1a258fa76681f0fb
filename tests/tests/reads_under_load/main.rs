//! Reads on every node under load, while batches are applied, a node takes a snapshot over, another halts and
//! authority moves twice: each answer equals a small reference model at the commit that the answer names.

mod late;
mod load;
mod model;
mod reader;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use aerodb_tests::{Cluster, Node};
use serde_json::json;

use late::Late;
use load::Attempt;
use model::Model;
use reader::Observation;

/// What the threads of one run share. Nodes are met by their URLs, so that the test can kill them.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) nodes: Vec<String>,
    pub(crate) holder: AtomicUsize,
    pub(crate) stop: AtomicBool,
    /// The highest commit that a client saw acknowledged.
    pub(crate) acknowledged: AtomicU64,
    pub(crate) caught: AtomicUsize,
    pub(crate) attempts: Mutex<Vec<Attempt>>,
    pub(crate) seen: Mutex<Vec<Observation>>,
    pub(crate) refusals: Mutex<std::collections::BTreeMap<(usize, String), usize>>,
}

impl Run {
    fn over(cluster: &Cluster, late: &Late) -> Self {
        Self {
            nodes: [&cluster.n1, &cluster.n2, &cluster.n3, &late.node].map(Node::url).to_vec(),
            holder: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            acknowledged: AtomicU64::new(0),
            caught: AtomicUsize::new(0),
            attempts: Mutex::new(late.written()),
            seen: Mutex::default(),
            refusals: Mutex::default(),
        }
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Waits until so many more reads were answered by each of these nodes in this epoch.
    #[track_caller]
    fn wait_for_reads(&self, cluster: &Cluster, nodes: &[usize], epoch: u64, more: usize) {
        let count = |node: usize| {
            let seen = self.seen.lock().expect("no panic");
            seen.iter().filter(|read| read.node == node && read.epoch == epoch).count()
        };
        for node in nodes {
            let before = count(*node);
            cluster.n3.wait("has readers", || (count(*node) >= before + more).then_some(()));
        }
    }

    /// The newest commit that this node has shown anything of; `None` where it has answered no read.
    pub(crate) fn newest_of(&self, node: usize) -> Option<u64> {
        let seen = self.seen.lock().expect("no panic");
        seen.iter().filter(|read| read.node == node).map(|read| read.view).max()
    }

    #[track_caller]
    pub(crate) fn refused(&self, node: usize, code: &str) -> usize {
        let refusals = self.refusals.lock().expect("no panic");
        refusals.get(&(node, code.to_owned())).copied().unwrap_or_default()
    }
}

const MORE: usize = 60;

/// Proves: RD-1, MVI-3, MVV-4, F-RS2, MVI-5, M-W15, M-W13, PG-2.
#[test]
fn every_read_equals_the_reference_model_at_the_commit_that_it_names() {
    let mut cluster = Cluster::start();
    let mut late = Late::behind(&cluster);
    cluster.n1.designate("n2");
    let run = Run::over(&cluster, &late);
    std::thread::scope(|scope| {
        for writer in 0..3 {
            scope.spawn({
                let run = &run;
                move || load::write(run, writer)
            });
        }
        for reader in 0..4 {
            scope.spawn({
                let run = &run;
                move || reader::read(run, reader)
            });
        }
        let _stop = StopAtTheEnd(&run);
        story(&mut cluster, &mut late, &run);
    });

    let tip = cluster.n3.data("/v1/status")["tips"]["acknowledged"].as_u64().expect("a tip");
    let attempts = run.attempts.into_inner().expect("no panic");
    let model = Model::new(&cluster.n3, tip, &attempts);
    let seen = run.seen.into_inner().expect("no panic");
    for observation in &seen {
        observation.check(&model);
    }
    let refusals = run.refusals.into_inner().expect("no panic");
    println!("{tip} commits, {} reads equal the model; refused: {refusals:?}", seen.len());
}

/// Ends the threads also when an expectation fails: the scope waits for them.
struct StopAtTheEnd<'r>(&'r Run);

impl Drop for StopAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

fn story(cluster: &mut Cluster, late: &mut Late, run: &Run) {
    // Apply: the holder acknowledges through its successor, two replicas follow.
    run.wait_for_reads(cluster, &[0, 1, 2], 1, MORE);

    // A replica whose next commit is in nobody's log any more: before its bootstrap, during and after.
    late.bootstraps(cluster, run);
    run.wait_for_reads(cluster, &[0, 1, 2, 3], 1, MORE);

    // The holder is left with what its successor never got, and dies.
    cluster.n2.freeze();
    cluster.n1.wait("has caught writes", || (run.caught.load(Ordering::Relaxed) > 0).then_some(()));
    cluster.n1.kill();
    cluster.n2.restart();

    // Promotion on the designation; then the deposed holder halts on its suffix, and goes on refusing.
    let _ = cluster.n2.promote(1).expect(200);
    run.holder.store(1, Ordering::Relaxed);
    let _ = cluster.n3.follow(&cluster.n2).expect(200);
    let _ = late.node.follow(&cluster.n2).expect(200);
    cluster.n1.start();
    cluster.n1.follow(&cluster.n2).refused(503, "HALTED");
    run.wait_for_reads(cluster, &[1, 2, 3], 2, MORE);
    assert!(run.refused(0, "HALTED") > 0, "a halted node refuses");

    // Promotion on a relinquishment, with the load running.
    cluster.n2.designate("n3");
    run.wait_for_reads(cluster, &[1, 2], 2, MORE);
    let body = json!({ "successor": "n3", "expected_epoch": 2, "reason": "test" });
    let _ = cluster.n2.post("/v1/authority/relinquish", &body).expect(200);
    cluster.n3.wait("is granted", || {
        let granted = cluster.n3.try_send(
            "POST",
            "/v1/promotions",
            &[("content-type", "application/json")],
            Some(br#"{"expected_epoch":2,"reason":"test"}"#),
        )?;
        (granted.status == 200).then_some(())
    });
    run.holder.store(2, Ordering::Relaxed);
    let _ = cluster.n2.follow(&cluster.n3).expect(200);
    let _ = late.node.follow(&cluster.n3).expect(200);
    run.wait_for_reads(cluster, &[1, 2, 3], 3, MORE);
}
