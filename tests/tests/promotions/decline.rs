//! The basis of a decline: the relinquisher is granted the next epoch on its heir's word.

use aerodb_tests::{Answer, Cluster, Node};
use serde_json::{Value, json};

use crate::relinquishment::Way;
use crate::scene::{offline, on_a_copy, promote_with, put};
use crate::table::Table;
use crate::unreachable::{self, ALONE, CONTINUES, DECLINED, DRAINED, ENDS, EPOCHS, VISIBLE};

/// The node declines; gives its certificate.
#[track_caller]
pub(crate) fn given(way: Way, heir: &mut Node, epoch: u64) -> Value {
    match way {
        Way::Online => {
            let body = json!({ "expected_epoch": epoch, "reason": "test" });
            let given = heir.post("/v1/authority/decline", &body).expect(200);
            given.body["data"]["decline"].clone()
        }
        Way::Offline => {
            heir.kill();
            let given = offline(heir, &["decline"], epoch);
            assert_eq!(given.code, Some(0), "{given:?}");
            heir.start();
            given.json()["data"]["decline"].clone()
        }
    }
}

fn promote(node: &Node, epoch: u64, declined: &Value) -> Answer {
    promote_with(node, epoch, "evidence", &json!([{ "decline": declined }]))
}

/// n2 has relinquished epoch 2 at commit 7 to n3, which declined.
pub(crate) fn table(cluster: &mut Cluster, declined: &Value) -> Table {
    let mut table = Table::new("Decline", "declined");
    table.denied(&["P6-A3"], "the request names epoch 7", &promote(&cluster.n2, 7, declined));
    let body = json!({
        "expected_epoch": 2, "reason": "test", "replica_id": "n1",
        "evidence": [{ "decline": declined }],
    });
    table.denied(
        &["P6-SC1"],
        "the request was meant for another node",
        &cluster.n2.post("/v1/promotions", &body),
    );
    table.denied(
        &["P6-A1"],
        "the relinquisher is asked without the heir's decline",
        &cluster.n2.promote(2),
    );
    let halted = on_a_copy(&mut cluster.n2, |n2| promote(n2, 2, declined));
    table.denied(
        &["P6-V29", "RM-5"],
        "the relinquisher runs on a copy of its directory, which halts it",
        &halted,
    );
    table.approved("the relinquisher has its heir's word", promote(&cluster.n2, 2, declined));
    put(&cluster.n2, 8..=8);
    assert_eq!(cluster.n2.epoch(), 3);
    let broken = [ALONE, DECLINED, CONTINUES, ENDS, VISIBLE, DRAINED, EPOCHS];
    unreachable::add(&mut table, &broken);
    table
}
