//! The basis of a designation; and a node that has none.

use aerodb_tests::Cluster;
use serde_json::json;

use crate::relinquishment::Way;
use crate::scene::{
    Scene, discard, post_soon, promote_with, put, put_caught, wait_authority, wait_halted,
};
use crate::table::Table;
use crate::unreachable::{self, ALONE, EPOCHS, VISIBLE};

/// n2 is designated and promoted without n1; n3 is designated in epoch 2 and declines.
pub(crate) fn story() -> Vec<Table> {
    let mut table = Table::new("Designation", "designated");
    let mut scene = Scene::set();
    behind_the_designation(&mut table, &mut scene);
    damaged(&mut table, &mut scene);

    let Scene { mut cluster, .. } = scene;
    let (n2, n3) = (&cluster.n2, &cluster.n3);
    table.denied(&["P6-A3"], "the request names epoch 7", &n2.promote(7));
    let misdirected = promote_with(n2, 1, "replica_id", &json!("n3"));
    table.denied(&["P6-SC1"], "the request was meant for another node", &misdirected);
    wait_authority(n3, "/successor/node_id", "n2");
    n3.wait_applied(5);
    table.denied(&["P6-A1"], "another replica, with everything, is asked", &n3.promote(1));

    // n1 writes what n2 will never have.
    cluster.n2.freeze();
    put_caught(&cluster.n1, 6);
    cluster.n1.kill();
    cluster.n2.kill();
    cluster.n2.start();
    table.approved("the holder is gone", cluster.n2.promote(1));
    put(&cluster.n2, 6..=6);
    unreachable::add(&mut table, &[ALONE, VISIBLE, EPOCHS]);
    declined(&mut table, &mut cluster);
    vec![table, deposed(&mut cluster)]
}

/// Designated while it does not get what is written.
fn behind_the_designation(table: &mut Table, scene: &mut Scene) {
    let cluster = &mut scene.cluster;
    cluster.n2.freeze();
    put(&cluster.n1, 4..=4);
    let body = json!({ "successor": "n2", "expected_epoch": 1, "reason": "test" });
    let done = post_soon(&cluster.n1, "/v1/authority/designate", &body).expect(202);
    assert_eq!(done.body["data"]["covered"], false);
    cluster.n2.kill();
    let gate = scene.ledger_without_history();
    scene.cluster.n2.start();
    gate.reached();
    table.denied(
        &["P6-S2", "P6-S1"],
        "the heir has the designation in its ledger, and not the commit that it was made at",
        &scene.cluster.n2.promote(1),
    );
    gate.open();
    scene.cluster.n2.wait_shown(4);
}

fn damaged(table: &mut Table, scene: &mut Scene) {
    scene.cluster.n2.freeze();
    put_caught(&scene.cluster.n1, 5);
    scene.cluster.n2.kill();
    scene.damaged_batch();
    scene.cluster.n2.start();
    wait_halted(&scene.cluster.n2, "F-V1");
    table.denied(
        &["P6-V29", "RM-5", "P5-I5"],
        "the heir received a batch with a flipped byte and halted over it",
        &scene.cluster.n2.promote(1),
    );
    discard(&scene.cluster.n2);
    scene.cluster.n2.wait_shown(5);
}

fn declined(table: &mut Table, cluster: &mut Cluster) {
    let _ = cluster.n3.follow(&cluster.n2).expect(200);
    cluster.n3.wait_shown(6);
    cluster.n2.designate("n3");
    let _ = crate::decline::given(Way::Online, &mut cluster.n3, 2);
    table.denied(&["AU-17"], "the heir has declined the epoch", &cluster.n3.promote(2));
}

/// n1 comes back with a commit that was never acknowledged.
fn deposed(cluster: &mut Cluster) -> Table {
    let mut table = Table::part("Without a basis", "without");
    cluster.n1.start();
    cluster.n1.follow(&cluster.n2).refused(503, "HALTED");
    table.denied(
        &["P6-V29", "RM-5", "P6-S2", "P6-S1", "P6-A1", "P5-I4"],
        "a deposed holder, whose log runs past the grant that it has learnt of, is asked",
        &cluster.n1.promote(2),
    );
    table.denied(
        &["P6-V29", "P6-S2", "P6-S1", "P6-A1"],
        "the holder itself is asked",
        &cluster.n2.promote(2),
    );
    table
}
