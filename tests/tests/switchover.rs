//! `aerodb switchover`, cut short: the command is killed after every line that it prints, and a node is killed under
//! it after every line. Run again, it goes on from what is so.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use aerodb_tests::{Cluster, Node, aerodb, binary_path};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// More lines than the command prints.
const LINES_MAX: usize = 60;

fn arguments<'a>(to: &'a str, url: &'a str) -> [&'a str; 7] {
    ["switchover", "--to", to, "--reason", "planned", "--node", url]
}

/// Runs the command until it has printed so many lines, and then something happens to it or beneath it. False when it
/// ended before.
fn interrupted(to: &str, url: &str, lines: usize, then: impl FnOnce(&mut Child)) -> bool {
    let mut child = Command::new(binary_path())
        .args(arguments(to, url))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command starts");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    let reached = (0..lines).all(|_| {
        line.clear();
        out.read_line(&mut line).is_ok_and(|bytes| bytes > 0)
    });
    if reached {
        then(&mut child);
    }
    // What it still prints has to go somewhere.
    let _ = std::io::copy(&mut out, &mut std::io::sink());
    let _ = child.wait();
    reached
}

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process");
    // It may have ended by itself.
    let _ = kill_process(pid, signal);
}

/// Run again, it is done: one node holds, takes writes, and the others follow it.
#[track_caller]
fn finished(nodes: [&Node; 3], to: &Node, url: &str) {
    let again = aerodb(&arguments(&to.id, url));
    assert_eq!(again.code, Some(0), "{again:?}");
    let epoch = to.epoch();
    let done = to.put("k", "v").expect(200);
    let commit = done.body["data"]["commit_id"].as_u64().expect("a commit");
    for node in nodes {
        node.wait_shown(commit);
        assert_eq!(node.epoch(), epoch);
        if node.id != to.id {
            node.put("k", "stolen").refused(421, "NOT_HOLDER");
        }
    }
    let once_more = aerodb(&arguments(&to.id, url));
    assert_eq!(once_more.code, Some(0), "{once_more:?}");
    assert_eq!(to.epoch(), epoch, "nothing is left to be done");
}

fn attached(node: &Node, peers: usize) {
    node.wait("has its peers attached", || {
        let data = node.try_get("/v1/replication")?.body["data"]["peers"].clone();
        let open = |peer: &&Value| peer["attached"] == true;
        (data.as_array()?.iter().filter(open).count() >= peers).then_some(())
    });
}

#[test]
fn a_switchover_that_is_killed_after_any_line_is_finished_by_running_it_again() {
    let cluster = Cluster::start();
    let _ = cluster.n1.put("k", "v").expect(200);
    let (mut from, mut to, mut lines) = (&cluster.n1, &cluster.n2, 0);
    let nodes = [&cluster.n1, &cluster.n2, &cluster.n3];
    for line in 1..LINES_MAX {
        let url = cluster.n3.url();
        if !interrupted(&to.id, &url, line, |child| signal(child, Signal::KILL)) {
            lines = line - 1;
            break;
        }
        finished(nodes, to, &url);
        attached(to, 2);
        (from, to) = (to, from);
    }
    assert!(lines >= 10, "it prints more than {lines} lines");
    println!("interrupted after each of {lines} lines");
}

/// What the first is about to ask for, a promotion, is done by the second while the first does not run.
#[test]
fn a_switchover_that_another_one_overtakes_ends_as_that_one_does() {
    let cluster = Cluster::start();
    let _ = cluster.n1.put("k", "v").expect(200);
    let url = cluster.n3.url();
    let mut child = Command::new(binary_path())
        .args(arguments("n2", &url))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    while !line.contains("/v1/wal") {
        line.clear();
        assert!(out.read_line(&mut line).is_ok_and(|bytes| bytes > 0), "it looks at the log");
    }
    signal(&child, Signal::STOP);
    let other = aerodb(&arguments("n2", &url));
    assert_eq!(other.code, Some(0), "{other:?}");
    signal(&child, Signal::CONT);
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("what it prints");
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{rest}");
    finished([&cluster.n1, &cluster.n2, &cluster.n3], &cluster.n2, &url);
}

/// After every third line each node in turn: the holder, the next one, and the one that only follows.
#[test]
fn a_switchover_under_which_a_node_dies_is_finished_once_the_node_is_back() {
    let mut cluster = Cluster::start();
    let _ = cluster.n1.put("k", "v").expect(200);
    let (mut holder, mut next) = (0, 1);
    for (round, line) in (1..LINES_MAX).step_by(2).enumerate() {
        let urls = [cluster.n1.url(), cluster.n2.url(), cluster.n3.url()];
        let ids = ["n1", "n2", "n3"];
        let victim = [holder, next, 2][round % 3];
        // Asked of a node that does not die.
        let url = urls[(victim + 1) % 3].clone();
        let nodes = [&cluster.n1, &cluster.n2, &cluster.n3];
        let reached = interrupted(ids[next], &url, line, |child| {
            signal(child, Signal::STOP);
            nodes[victim].kill_shared();
            signal(child, Signal::CONT);
        });
        if !reached {
            break;
        }
        match victim {
            0 => cluster.n1.start_again(),
            1 => cluster.n2.start_again(),
            _ => cluster.n3.start_again(),
        }
        let nodes = [&cluster.n1, &cluster.n2, &cluster.n3];
        // Nobody retries by himself: those that pulled from it are told to.
        for node in nodes {
            let _ = node.post("/v1/replication/resume", &serde_json::json!({ "reason": "back" }));
        }
        finished(nodes, nodes[next], &url);
        attached(nodes[next], 2);
        (holder, next) = (next, holder);
    }
}
