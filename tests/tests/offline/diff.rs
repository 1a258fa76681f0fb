//! Two ledgers side by side.

use std::fs;

use aerodb_tests::{Cluster, aerodb};
use serde_json::{Value, json};

use crate::stage::{copy, diff, flip, segment, stopped, text};

#[test]
fn diff_tells_a_prefix_a_fork_and_another_cluster_apart() {
    let mut cluster = Cluster::start();
    let behind = cluster.n2.dir.with_file_name("behind");
    cluster.n2.kill();
    copy(&cluster.n2.dir, &behind);
    cluster.n2.start();
    cluster.wait_pulling(&["n2", "n3"]);
    cluster.n1.designate("n2");
    let _ = cluster.n1.put("k", "1").expect(200);
    cluster.n2.wait_applied(1);
    cluster.n1.kill();
    let _ = cluster.n2.promote(1).expect(200);

    // The copy lacks what was said since, and a node may stand on either side. The grant, with the whole
    // decision in it, passes the same gate as on a disk.
    let length = cluster.n2.data("/v1/ledger?log=authority").as_array().map_or(0, Vec::len);
    for (a, b, longer) in [
        (text(&behind).to_owned(), cluster.n2.url(), "b"),
        (cluster.n2.url(), text(&behind).to_owned(), "a"),
    ] {
        let found = diff(&a, &b);
        assert_eq!(found.code, Some(0), "{found:?}");
        let found = found.json();
        assert_eq!((&found["relation"], &found["longer"]), (&json!("prefix"), &json!(longer)));
        let common = found["common"]["seq"].as_u64().expect("a number");
        let more = found["entries"].as_array().expect("a list");
        assert_eq!(u64::try_from(length), Ok(common + more.len() as u64));
        assert_eq!(more.last().map(|entry| &entry["entry"]), Some(&json!("authority_granted")));
        assert_eq!(found[longer]["head"]["hash"], more.last().expect("one")["hash"]);
    }
    let shown = aerodb(&["ledger", "diff", text(&behind), &cluster.n2.url()]);
    assert!(shown.stdout.ends_with("prefix: b has more\n"), "{}", shown.stdout);

    // n1 is started alone, and releases the heir that it knows: too late, and nobody will ever cover it.
    cluster.n2.kill();
    cluster.n1.start();
    let release = json!({ "successor": "n2", "expected_epoch": 1, "reason": "on its own" });
    let released = cluster.n1.try_send(
        "POST",
        "/v1/authority/release",
        &[("content-type", "application/json"), ("aerodb-deadline-ms", "300")],
        Some(release.to_string().as_bytes()),
    );
    let _ = released.expect("an answer").expect(202);
    assert_eq!(cluster.n1.stop(), Some(0));
    let found = diff(text(&cluster.n1.dir), text(&cluster.n2.dir));
    assert_eq!(found.code, Some(1), "{found:?}");
    let found = found.json();
    assert_eq!(found["relation"], "forked");
    let entries = found["entries"].as_array().expect("a list");
    let parted: Vec<_> = entries
        .iter()
        .map(|entry| (&entry["ledger"], &entry["author"], &entry["entry"], &entry["seq"]))
        .collect();
    let at = &found["at"];
    assert_eq!(
        parted,
        [
            (&json!("a"), &json!("n1"), &json!("successor_released"), at),
            (&json!("b"), &json!("n2"), &json!("authority_granted"), at),
        ]
    );
    let shown = aerodb(&["ledger", "diff", text(&cluster.n1.dir), text(&cluster.n2.dir)]);
    assert_eq!(shown.code, Some(1));
    assert!(shown.stdout.contains(&format!("FORKED at entry {at}\n")), "{}", shown.stdout);

    let (other, _root) = stopped();
    let found = diff(text(&other.dir), text(&cluster.n2.dir));
    assert_eq!((found.code, &found.json()["relation"]), (Some(1), &json!("foreign")));
    assert_eq!(found.json()["common"], Value::Null);
    assert_ne!(found.json()["a"]["cluster_id"], found.json()["b"]["cluster_id"]);
}

#[test]
fn diff_compares_nothing_with_a_damaged_or_unreadable_ledger() {
    let (n1, root) = stopped();
    let damaged = root.path().join("damaged");
    copy(&n1.dir, &damaged);
    let path = segment(&damaged, "authority.ledger");
    flip(&path, 4096 + 140);
    let found = diff(text(&n1.dir), text(&damaged));
    assert_eq!(found.code, Some(1), "{found:?}");
    let found = found.json();
    assert_eq!(
        (&found["relation"], &found["a"]["integrity"]),
        (&Value::Null, &json!({ "status": "ok" }))
    );
    let fault = &found["b"]["integrity"]["fault"];
    assert_eq!((&fault["file"], &fault["offset"]), (&json!(text(&path)), &json!(4096 + 136)));
    assert_eq!(diff(text(&n1.dir), "http://127.0.0.1:1").code, Some(3));
    assert_eq!(diff(text(&n1.dir), "http://not an address").code, Some(2));
    fs::remove_file(&path).expect("removed");
    fs::create_dir(&path).expect("a directory in its place");
    let found = diff(text(&damaged), text(&n1.dir));
    assert_eq!(found.code, Some(3), "{found:?}");
    assert_eq!(found.json()["a"]["integrity"]["fault"]["kind"], "unreadable");
}
