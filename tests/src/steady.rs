//! One node and one client in one thread: the shipped way of a request, from its bytes to those of its answer, over
//! a pipe in memory. The order of steps is the same in every run, so what a script of requests costs can be counted
//! and compared: instructions (`tests/cost/run`), allocations and calls to the disk (`tests/tests/steady_state.rs`).
//!
//! What a process adds, threads that wait for each other, is left out because its cost differs from run to run by
//! more than what is looked for.

use std::sync::Arc;

use aerodb_core::authority::{Annotation, Durability, Member};
use aerodb_core::hash::Hash;
use aerodb_core::id::{Address, ClusterName, NodeId, Reason};
use aerodb_http_api::server;
use aerodb_http_api::threads::RequestThread;
use aerodb_ledger::authority::NodeKey;
use aerodb_ledger::disk::Disk;
use aerodb_ledger::log::{LogOptions, Prepare};
use aerodb_node::clock::Clock;
use aerodb_node::config::{Config, Failover};
use aerodb_node::directory::{DataDir, Founding, create, genesis};
use aerodb_node::open::open;
use aerodb_node::serve::Stepwise;
use aerodb_node::world::{Chance, Hands, World};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

/// Keys that the script goes round in.
const KEYS: usize = 100;
const VALUE: [u8; 100] = [b'v'; 100];
/// A script of some thousands of writes goes through several.
const WAL_SEGMENT_BYTES: u64 = 4 << 20;
const PIPE_BYTES: usize = 64 << 10;

/// A holder without replicas, its client, and what carries both.
#[derive(Debug)]
pub struct Steady {
    node: Stepwise,
    client: DuplexStream,
    answer: Vec<u8>,
    _stop: watch::Sender<bool>,
    runtime: Runtime,
}

/// A clock that stands still.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now_ms(&self) -> u64 {
        0
    }
}

/// No chance.
#[derive(Debug)]
struct Fixed;

impl Chance for Fixed {
    fn draw(&self) -> Result<u64, getrandom::Error> {
        Ok(7)
    }
}

impl Steady {
    /// Founds a node in `path`, where nothing is, and starts it.
    ///
    /// # Panics
    /// When the disk fails.
    #[must_use]
    pub fn start(
        disk: Arc<dyn Disk>,
        path: impl Into<std::path::PathBuf>,
        failover: Failover,
    ) -> Self {
        let options = LogOptions::new(WAL_SEGMENT_BYTES, Prepare::OnDemand).expect("a size");
        let dir = DataDir::new(path.into()).with_logs(options, options);
        found(&dir, &disk, failover);
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime");
        let world = World {
            clock: Arc::new(Still),
            chance: Arc::new(Fixed),
            hands: Hands::One,
            disk,
            ..World::real()
        };
        let opened = open(dir, &world.disk).expect("a sound directory");
        let entered = runtime.enter();
        let node = Stepwise::start(opened, world).expect("a node");
        let (client, theirs) = tokio::io::duplex(PIPE_BYTES);
        let (stop, stopping) = watch::channel(false);
        let (site, thread) = (Arc::new(node.site()), RequestThread::sole());
        drop(runtime.spawn(server::carry(theirs, "client", thread, site, stopping)));
        drop(entered);
        Self { node, client, answer: Vec::new(), _stop: stop, runtime }
    }

    /// So many writes, then so many reads, each sent once the one before is answered.
    ///
    /// # Panics
    /// When one is not answered 200.
    pub fn script(&mut self, writes: usize, reads: usize) {
        for at in 0..writes {
            let head = format!(
                "PUT /v1/kv/key-{:03} HTTP/1.1\r\nhost: n1\r\ncontent-length: {}\r\n\r\n",
                at % KEYS,
                VALUE.len()
            );
            self.ask(&[head.as_bytes(), &VALUE].concat());
        }
        for at in 0..reads {
            let head = format!("GET /v1/kv/key-{:03} HTTP/1.1\r\nhost: n1\r\n\r\n", at % KEYS);
            self.ask(head.as_bytes());
        }
    }

    fn ask(&mut self, request: &[u8]) {
        let Self { client, answer, runtime, .. } = self;
        runtime.block_on(async {
            client.write_all(request).await.expect("the node reads");
            answer.clear();
            while !is_whole(answer) {
                let read = client.read_buf(answer).await.expect("the node answers");
                assert_ne!(read, 0, "the connection is closed after {answer:?}");
            }
        });
        assert!(self.answer.starts_with(b"HTTP/1.1 200"), "{:?}", self.answer);
        // In a process each of these has a thread; here they have their turn after every request.
        while self.node.step_wal()
            | self.node.step_supervisor()
            | self.node.step_checkpoints()
            | self.node.step_pruner()
        {}
    }
}

fn found(dir: &DataDir, disk: &Arc<dyn Disk>, failover: Failover) {
    let (node_id, key) = (NodeId::new("n1").expect("an id"), NodeKey::from_seed(&[1; 32]));
    let address = Address::new("http://127.0.0.1:7401").expect("an address");
    let founding = Founding {
        cluster_name: ClusterName::new("steady").expect("a name"),
        nonce: Hash([7; 32]),
        founder: Member { node_id: node_id.clone(), public_key: key.public_key(), address },
        minimum_durability: Durability::Local,
        ancestor: None,
        annotation: Annotation {
            received_at_ms: 0,
            operator: "local".to_owned(),
            reason: Reason::new("counted").expect("a reason"),
        },
    };
    let mut config = Config::new("127.0.0.1:7401".parse().expect("an address"));
    config.failover = failover;
    let entries = vec![genesis(founding, &key)];
    create(dir, disk, &config, &node_id, &key, entries).expect("a directory on a sound disk");
}

/// Whether the head is there, and as much of a body as it says.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return false };
    let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
    let length = text.split("content-length: ").nth(1).and_then(|it| it.lines().next());
    let length: usize = length.and_then(|it| it.trim().parse().ok()).expect("a length");
    answer.len() >= head + 4 + length
}
