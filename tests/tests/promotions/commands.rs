//! The commands that lead to a basis, or end one: each carried out once, each of its rules broken once.

use aerodb_tests::{Answer, Cluster, Node};
use serde_json::{Value, json};

use crate::decline;
use crate::relinquishment::Way;
use crate::scene::{copy, offline, on_a_copy, put, wait_even};
use crate::table::Table;

const DESIGNATE: &str = "/v1/authority/designate";
const RELEASE: &str = "/v1/authority/release";
const RELINQUISH: &str = "/v1/authority/relinquish";
const DECLINE: &str = "/v1/authority/decline";

fn ask(node: &Node, path: &str, successor: &str, epoch: u64) -> Answer {
    let body = json!({ "successor": successor, "expected_epoch": epoch, "reason": "test" });
    node.post(path, &body)
}

fn declines(node: &Node, epoch: u64) -> Answer {
    node.post(DECLINE, &json!({ "expected_epoch": epoch, "reason": "test" }))
}

fn release_on(node: &Node, declined: &Value, epoch: u64) -> Answer {
    let evidence = json!([{ "decline": declined }]);
    node.post(RELEASE, &json!({ "expected_epoch": epoch, "evidence": evidence, "reason": "test" }))
}

/// What every command of the holder is refused for.
fn of_the_holder(table: &mut Table, cluster: &mut Cluster, ask: impl Fn(&Node, u64) -> Answer) {
    table.denied(&["P6-A3"], "the request names epoch 7", &ask(&cluster.n1, 7));
    wait_even(&cluster.n3, &cluster.n1);
    table.denied(&["AU-1"], "a replica is asked", &ask(&cluster.n3, 1));
    let halted = on_a_copy(&mut cluster.n1, |n1| ask(n1, 1));
    table.denied(
        &["AU-1", "RM-5"],
        "the holder runs on a copy of its directory, which halts it",
        &halted,
    );
    // A restart of the holder: nobody retries by himself.
    cluster.n2.resume();
    cluster.n3.resume();
    cluster.wait_pulling(&["n2", "n3"]);
}

/// One cluster, in the order in which its states come.
pub(crate) fn story() -> Vec<Table> {
    let mut cluster = Cluster::start();
    for commit in 1..=3 {
        // A frame of its own on the replicas: the last one is not looked at on a stopped node's disk.
        put(&cluster.n1, commit..=commit);
        cluster.n2.wait_applied(commit);
        cluster.n3.wait_applied(commit);
    }
    let mut designate = designate(&mut cluster);
    let decline = refused_declines(&mut cluster);
    let release = release(&mut cluster);
    let ended = ended(&mut cluster, &mut designate);
    let [relinquish, stopped] = relinquish(&mut cluster);
    vec![designate, release, ended, relinquish, stopped, decline]
}

/// n2 is designated.
fn designate(cluster: &mut Cluster) -> Table {
    let mut table = Table::new("Designate", "designate");
    of_the_holder(&mut table, cluster, |node, epoch| ask(node, DESIGNATE, "n2", epoch));
    table.denied(
        &["AU-2", "AU-3"],
        "a node that was never admitted is named",
        &ask(&cluster.n1, DESIGNATE, "n9", 1),
    );
    cluster.n2.kill();
    cluster.n1.wait("misses n2", || {
        let peers = cluster.n1.data("/v1/replication")["peers"].clone();
        let peers = peers.as_array()?;
        peers.iter().any(|peer| peer["node_id"] == "n2" && peer["attached"] == false).then_some(())
    });
    let absent = ask(&cluster.n1, DESIGNATE, "n2", 1);
    table.denied(&["AU-3"], "a replica that does not run is named", &absent);
    cluster.n2.start();
    cluster.wait_pulling(&["n2", "n3"]);
    cluster.n1.designate("n2");
    let second = ask(&cluster.n1, DESIGNATE, "n3", 1);
    table.denied(&["AU-4"], "there is a successor already", &second);
    table
}

/// n2, designated, has a title to decline.
fn refused_declines(cluster: &mut Cluster) -> Table {
    let mut table = Table::new("Decline the next epoch", "decline");
    table.denied(&["P6-A3"], "the request names epoch 7", &declines(&cluster.n2, 7));
    wait_even(&cluster.n3, &cluster.n1);
    table.denied(&["AU-16"], "a node that is no heir is asked", &declines(&cluster.n3, 1));
    let of_copy = on_a_copy(&mut cluster.n2, |n2| declines(n2, 1));
    table.denied(&["ST-2"], "the heir runs on a copy of its directory", &of_copy);
    cluster.n2.resume();
    cluster.wait_pulling(&["n2", "n3"]);
    table
}

/// n2's title is taken back.
fn release(cluster: &mut Cluster) -> Table {
    let mut table = Table::new("Release", "release");
    of_the_holder(&mut table, cluster, |node, epoch| ask(node, RELEASE, "n2", epoch));
    let other = ask(&cluster.n1, RELEASE, "n3", 1);
    table.denied(&["AU-5"], "a node that is not the successor is named", &other);
    let released = ask(&cluster.n1, RELEASE, "n2", 1).expect(200);
    assert_eq!(released.body["data"]["covered"], true);
    table
}

/// n3 is designated and declines; its word ends the obligation.
fn ended(cluster: &mut Cluster, designate: &mut Table) -> Table {
    let mut table = Table::new("Release on the successor's decline", "end_obligation");
    cluster.n1.designate("n3");
    let declined = decline::given(Way::Online, &mut cluster.n3, 1);
    of_the_holder(&mut table, cluster, |node, epoch| release_on(node, &declined, epoch));
    let mut forged = declined.clone();
    forged["signature"] = json!("00".repeat(64));
    table.denied(
        &["P6-SB3"],
        "the decline is signed by nobody",
        &release_on(&cluster.n1, &forged, 1),
    );
    let _ = release_on(&cluster.n1, &declined, 1).expect(200);
    let again = ask(&cluster.n1, DESIGNATE, "n3", 1);
    designate.denied(&["AU-18"], "the node is known to have declined the next epoch", &again);
    table
}

/// n2 is designated once more, so that there is an obligation; n1 relinquishes, and gets its epoch back.
fn relinquish(cluster: &mut Cluster) -> [Table; 2] {
    let mut table = Table::new("Relinquish", "relinquish");
    of_the_holder(&mut table, cluster, |node, epoch| ask(node, RELINQUISH, "n2", epoch));
    let stranger = ask(&cluster.n1, RELINQUISH, "n9", 1);
    table.denied(&["AU-2"], "a node that was never admitted is named", &stranger);
    cluster.n1.designate("n2");
    let other = ask(&cluster.n1, RELINQUISH, "n3", 1);
    table.denied(&["AU-6"], "another node than the one under obligation is named", &other);
    let stopped = on_the_disk(cluster);
    let done = ask(&cluster.n1, RELINQUISH, "n2", 1).expect(200);
    assert_eq!(done.body["data"]["entry"], "authority_relinquished");
    [table, stopped]
}

/// The same rules, on the directory of a stopped node.
fn on_the_disk(cluster: &mut Cluster) -> Table {
    let mut table = Table::new("Relinquish on a stopped node's disk", "relinquish_offline");
    let refused = |node: &Node, successor: &str, epoch: u64| {
        let refused = offline(node, &["relinquish", successor], epoch);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        refused.json()
    };
    wait_even(&cluster.n3, &cluster.n1);
    cluster.n3.kill();
    table.refused(&["AU-1"], "the directory is a replica's", &refused(&cluster.n3, "n2", 1));
    cluster.n3.start();
    cluster.n1.kill();
    table.refused(&["P6-A3"], "the command names epoch 7", &refused(&cluster.n1, "n2", 7));
    let stranger = refused(&cluster.n1, "n9", 1);
    table.refused(&["AU-2"], "a node that was never admitted is named", &stranger);
    let other = refused(&cluster.n1, "n3", 1);
    table.refused(&["AU-6"], "another node than the one under obligation is named", &other);
    let elsewhere = cluster.n1.dir.with_file_name("n1-another-copy");
    copy(&cluster.n1.dir, &elsewhere);
    let original = std::mem::replace(&mut cluster.n1.dir, elsewhere);
    let of_copy = refused(&cluster.n1, "n2", 1);
    table.refused(&["AU-1", "RM-5"], "the directory is a copy", &of_copy);
    cluster.n1.dir = original;
    cluster.n1.start();
    cluster.n2.resume();
    cluster.wait_pulling(&["n2"]);
    table
}
