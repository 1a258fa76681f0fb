//! The basis of a relinquishment, made by a holder that runs or on the directory of one that is stopped; and what
//! follows when the heir declines.

use aerodb_tests::Node;
use serde_json::json;

use crate::decline;
use crate::scene::{Scene, discard, offline, promote_with, put, wait_authority, wait_halted};
use crate::table::Table;
use crate::unreachable::{self, ALONE, EPOCHS, VISIBLE};

/// How the holder ends its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// While it runs.
    Online,
    /// On its disk, with `--data-dir`; it is started again, sealed.
    Offline,
}

impl Way {
    fn table(self) -> Table {
        match self {
            Self::Online => Table::new("Relinquishment by a holder that runs", "relinquished"),
            Self::Offline => {
                Table::new("Relinquishment on a stopped holder's disk", "relinquished_offline")
            }
        }
    }

    /// The holder relinquishes in the heir's favour, and serves it sealed from then on.
    #[track_caller]
    fn relinquish(self, holder: &mut Node, heir: &str, epoch: u64) {
        match self {
            Self::Online => {
                let body = json!({ "successor": heir, "expected_epoch": epoch, "reason": "test" });
                let done = holder.post("/v1/authority/relinquish", &body).expect(200);
                assert_eq!(done.body["data"]["entry"], "authority_relinquished");
            }
            Self::Offline => {
                holder.kill();
                let done = offline(holder, &["relinquish", heir], epoch);
                assert_eq!(done.code, Some(0), "{done:?}");
                holder.start();
            }
        }
    }
}

/// n1 relinquishes to n2, which is promoted; n2 relinquishes to n3, which declines; n2 is granted its epoch back.
pub(crate) fn story(way: Way) -> Vec<Table> {
    let mut table = way.table();
    let mut scene = Scene::set();
    scene.cluster.n2.kill();
    put(&scene.cluster.n1, 4..=5);
    scene.cluster.n3.wait_applied(5);
    way.relinquish(&mut scene.cluster.n1, "n2", 1);

    scene.damaged_batch();
    let gate = scene.ledger_without_history();
    scene.cluster.n2.start();
    wait_halted(&scene.cluster.n2, "F-V1");
    table.denied(
        &["P6-V29", "RM-5", "P5-I5"],
        "the heir received a batch with a flipped byte and halted over it",
        &scene.cluster.n2.promote(1),
    );
    discard(&scene.cluster.n2);
    gate.reached();
    table.denied(
        &["P6-S2", "P6-S1"],
        "the heir has the relinquishment in its ledger, and not the last two commits before it",
        &scene.cluster.n2.promote(1),
    );
    gate.open();
    scene.cluster.n2.wait_applied(5);
    requests(&mut table, &scene);
    table.approved("the heir has everything", scene.cluster.n2.promote(1));
    put(&scene.cluster.n2, 6..=6);
    unreachable::add(&mut table, &[ALONE, VISIBLE, EPOCHS]);

    let second = second_half(way, &mut table, &mut scene);
    std::iter::once(table).chain(second).collect()
}

/// What depends on the request alone, and on whom it is put to.
fn requests(table: &mut Table, scene: &Scene) {
    let (n2, n3) = (&scene.cluster.n2, &scene.cluster.n3);
    table.denied(&["P6-A3"], "the request names epoch 7", &n2.promote(7));
    let misdirected = promote_with(n2, 1, "replica_id", &json!("n3"));
    table.denied(&["P6-SC1"], "the request was meant for another node", &misdirected);
    // Where the holder was stopped, it has to be told to pull again.
    n3.resume();
    wait_authority(n3, "/status", "relinquished");
    table.denied(&["P6-A1"], "another replica, with everything, is asked", &n3.promote(1));
}

/// n2 hands over to n3 in epoch 2, and n3 declines.
fn second_half(way: Way, table: &mut Table, scene: &mut Scene) -> Option<Table> {
    let cluster = &mut scene.cluster;
    let _ = cluster.n3.follow(&cluster.n2).expect(200);
    let _ = cluster.n1.follow(&cluster.n2).expect(200);
    put(&cluster.n2, 7..=7);
    cluster.n3.wait_applied(7);
    cluster.n1.wait_applied(7);
    way.relinquish(&mut cluster.n2, "n3", 2);
    cluster.n3.resume();
    wait_authority(&cluster.n3, "/status", "relinquished");
    let declined = decline::given(way, &mut cluster.n3, 2);
    table.denied(&["AU-17"], "the heir has declined the epoch", &cluster.n3.promote(2));
    (way == Way::Online).then(|| decline::table(cluster, &declined))
}
