//! From the request for a promotion to the first write that the new holder acknowledges, against the least that it
//! could be: one fsync of a ledger and one durable put. All in one run, on one disk.
//!
//! `cargo run --release -p aerodb-tests --example promotion -- [ROUNDS]`, 20 by default.
//!
//! Two nodes hand the epoch to and fro on the designation, the old holder running all the while. The clock starts
//! when the request is sent and stops when the answer to a put, sent after the answer to the request, is there. The
//! floor is measured before each round, on the holder: one block written over zeros and fsynced, and one put of the
//! same size over the same kind of connection. Both come from rest, as the request does: a device and a processor that
//! have just done the same thing do it in half the time, which is printed too. The times in between are those of the
//! node's own log.

#![allow(clippy::expect_used, clippy::print_stdout)]

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aerodb_tests::{Cluster, Node, binary_path};
use serde_json::{Value, json};

const ROUNDS: usize = 20;
const TARGET: f64 = 3.0;
/// How often the warm fsync and the warm put are done in each round.
const SAMPLES: usize = 20;

/// The steps of a promotion as the node's log names them, and what has been done when the log says so.
const STEPS: [(&str, &str); 6] = [
    ("PR1", "the request arrives, is looked at, and is decided on as things stand"),
    ("PR2", "it is recorded (decision ledger: 1 fsync); the receiver stops; decided again"),
    ("PR6", "decided once more, compared"),
    ("PR7", "the grant is durable (authority ledger: 2 fsyncs), the role is another one"),
    ("PR8", "the attempt is over"),
    ("", "the answer, the put, its answer (WAL: 1 fsync)"),
];

fn main() {
    let rounds = std::env::args().nth(1).map_or(ROUNDS, |it| it.parse().expect("a number"));
    let _ = binary_path();
    let (n1, root) = Cluster::founder(&[]);
    let n2 = Cluster::joined(&root, "n2", &n1);
    let (mut holder, mut heir) = (&n1, &n2);
    let mut measured = Vec::new();
    for round in 0..rounds {
        wait_attached(holder, heir);
        let floor = floor(holder, round);
        holder.designate(&heir.id);
        let epoch = holder.epoch();
        let (whole, steps) = promotion(heir, epoch, round);
        measured.push(Measured { whole, steps, floor, warm: warm(heir, round) });
        let _ = holder.follow(heir).expect(200);
        (holder, heir) = (heir, holder);
    }
    report(&measured);
}

/// One promotion with its floor.
struct Measured {
    whole: Duration,
    steps: Vec<Duration>,
    floor: Floor,
    /// The same by heart: medians of many, one right after the other.
    warm: Floor,
}

/// What a promotion cannot do without.
struct Floor {
    fsync: Duration,
    put: Duration,
}

impl Floor {
    fn whole(&self) -> Duration {
        self.fsync + self.put
    }
}

/// One fsync and one put, each from rest.
fn floor(holder: &Node, round: usize) -> Floor {
    let agent = connected(holder);
    let fsync = fsync_on(&holder.dir)(0);
    let put = timed(|| put(&agent, holder, &format!("floor-{round}")));
    Floor { fsync, put }
}

fn warm(holder: &Node, round: usize) -> Floor {
    let agent = connected(holder);
    let put =
        median((0..SAMPLES).map(|at| timed(|| put(&agent, holder, &format!("warm-{round}-{at}")))));
    let fsync = median((0..SAMPLES).map(fsync_on(&holder.dir)));
    Floor { fsync, put }
}

/// A connection that is open already, as a client's is.
fn connected(node: &Node) -> ureq::Agent {
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let _ = agent.get(&format!("{}/livez", node.url())).call().expect("an answer");
    agent
}

fn wait_attached(holder: &Node, peer: &Node) {
    holder.wait("has its replica attached", || {
        let data = holder.try_get("/v1/replication")?.body["data"]["peers"].clone();
        let found = |it: &Value| it["node_id"] == peer.id.as_str() && it["attached"] == true;
        data.as_array()?.iter().any(found).then_some(())
    });
}

fn promotion(heir: &Node, epoch: u64, round: usize) -> (Duration, Vec<Duration>) {
    let agent = connected(heir);
    let body = json!({ "expected_epoch": epoch, "reason": "measured" }).to_string();
    let url = format!("{}/v1/promotions", heir.url());
    let begun = since_midnight(SystemTime::now());
    let started = Instant::now();
    let mut granted = agent
        .post(&url)
        .header("content-type", "application/json")
        .send(body.as_bytes())
        .expect("approved");
    let _ = granted.body_mut().read_to_vec().expect("an answer");
    put(&agent, heir, &format!("first-{round}"));
    let whole = started.elapsed();
    (whole, steps(&heir.log(), begun, whole))
}

fn put(agent: &ureq::Agent, node: &Node, key: &str) {
    let url = format!("{}/v1/kv/{key}", node.url());
    let mut answer = agent.put(&url).send(&b"value"[..]).expect("acknowledged");
    let _ = answer.body_mut().read_to_vec().expect("an answer");
}

fn timed(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<_> = times.collect();
    times.sort();
    times[times.len() / 2]
}

/// One block written over zeros and fsynced, as a ledger does it.
fn fsync_on(dir: &Path) -> impl FnMut(usize) -> Duration {
    let path = dir.with_extension("floor");
    let mut file = File::create(path).expect("a file");
    file.write_all(&vec![0; SAMPLES * 4096]).and_then(|()| file.sync_all()).expect("zeros");
    move |at| {
        let offset = at as u64 * 4096;
        timed(|| {
            file.write_all_at(&[1; 4096], offset).and_then(|()| file.sync_data()).expect("fsynced")
        })
    }
}

fn since_midnight(time: SystemTime) -> Duration {
    let since = time.duration_since(UNIX_EPOCH).expect("after 1970");
    since - Duration::from_secs(since.as_secs() / 86_400 * 86_400)
}

/// The time of a line of the log, `2026-01-02T03:04:05.678901Z …`.
fn time_of(line: &str) -> Option<Duration> {
    let (_, clock) = line.split_once(' ')?.0.split_once('T')?;
    let mut parts = clock.trim_end_matches('Z').splitn(3, ':');
    let (hours, minutes) = (parts.next()?.parse::<u64>().ok()?, parts.next()?.parse::<u64>().ok()?);
    let seconds: f64 = parts.next()?.parse().ok()?;
    Some(Duration::from_secs(hours * 3600 + minutes * 60) + Duration::from_secs_f64(seconds))
}

/// How long each step took; the last one ends with the put.
fn steps(log: &str, begun: Duration, whole: Duration) -> Vec<Duration> {
    let mut before = begun;
    let mut steps = Vec::new();
    for (row, _) in STEPS {
        let end = if row.is_empty() {
            begun + whole
        } else {
            let mark = format!("row=\"{row}\"");
            let line = log.lines().rev().find(|line| line.contains(&mark)).expect("a step");
            time_of(line).expect("a time")
        };
        steps.push(end.saturating_sub(before));
        before = end;
    }
    steps
}

fn report(measured: &[Measured]) {
    let of = |what: fn(&Measured) -> Duration| median(measured.iter().map(what));
    let times_floor = |it: &Measured| it.whole.as_secs_f64() / it.floor.whole().as_secs_f64();
    let mut times: Vec<f64> = measured.iter().map(times_floor).collect();
    times.sort_by(f64::total_cmp);
    let worst = measured.iter().map(|it| it.whole).max().unwrap_or_default();
    println!("{} promotions, medians", measured.len());
    println!("request to first acknowledged put   {:.0?}, at most {worst:.0?}", of(|it| it.whole));
    println!(
        "floor                               {:.0?}: an fsync {:.0?}, a durable put {:.0?}",
        of(|it| it.floor.whole()),
        of(|it| it.floor.fsync),
        of(|it| it.floor.put)
    );
    println!(
        "the same, one right after the other {:.0?}: {:.0?}, {:.0?}",
        of(|it| it.warm.whole()),
        of(|it| it.warm.fsync),
        of(|it| it.warm.put)
    );
    let middle = times[times.len() / 2];
    let verdict = if middle <= TARGET { "met" } else { "MISSED" };
    println!(
        "times the floor                     {middle:.2}, from {:.2} to {:.2}; target {TARGET}: {verdict}",
        times[0],
        times[times.len() - 1]
    );
    println!("where the time goes:");
    for (at, (_, what)) in STEPS.iter().enumerate() {
        println!("{:>10.0?}  {what}", median(measured.iter().map(|it| it.steps[at])));
    }
}
