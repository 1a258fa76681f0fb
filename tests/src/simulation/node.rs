//! One node: its disk, which stays, and its process, which comes and goes.

use std::sync::Arc;

use aerodb_core::authority::{Member, SignedDecline, SignedEntry};
use aerodb_core::id::{Address, NodeId};
use aerodb_ledger::authority::NodeKey;
use aerodb_ledger::disk::simulated::{At, Failure, SimulatedDisk, Times};
use aerodb_ledger::disk::{Disk, Operation};
use aerodb_ledger::log::{LogOptions, Prepare};
use aerodb_node::clock::Clock;
use aerodb_node::config::{Config, Reconnect};
use aerodb_node::directory::{DataDir, create};
use aerodb_node::http::Http;
use aerodb_node::open::open;
use aerodb_node::serve::{Ended, Stepwise};
use aerodb_node::shared::Shared;
use aerodb_node::world::{Dial, Hands, World};
use tokio::runtime::{Builder, Runtime};

use super::action::DiskFault;
use super::temper::Mutant;
use super::world::Seeded;

/// Small, so that logs of a few hundred commits go through several.
const WAL_SEGMENT_BYTES: u64 = 64 << 10;
const LEDGER_SEGMENT_BYTES: u64 = 128 << 10;
/// How often tasks get their turn in one action.
const TURNS: usize = 3;

/// A process. The node is dropped before the runtime that its requests live in.
#[derive(Debug)]
pub(super) struct Process {
    node: Stepwise,
    runtime: Runtime,
}

/// How a process came to an end by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Its disk failed it.
    Failed(String),
    /// It starts again.
    Restart,
    /// It was told to.
    Stopped,
    /// The machine or the process died in the middle of a call to the disk.
    Died(Armed),
}

/// A failure of the disk that was planned, and what draws the survivors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Armed {
    fault: DiskFault,
    seed: u64,
    /// The change that it strikes, by the disk's count.
    at: u64,
}

/// A node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: usize,
    pub(super) id: NodeId,
    pub(super) address: Address,
    seed: u64,
    secret: [u8; 32],
    pub(super) disk: SimulatedDisk,
    pub(super) dir: DataDir,
    pub(super) process: Option<Process>,
    starts: u64,
    /// The changes that the disk had seen before the process began that runs or ran last.
    changes_before: u64,
    /// A failure of the disk that was planned and may not have struck yet; with what draws the survivors.
    armed: Option<Armed>,
    /// Whether a short write and another failure of the disk were planned together. A write cut within a sector is taken
    /// back with one more; where that fails, or the process dies before it, the next start refuses by name.
    cut_short: bool,
    pub(super) declined: Option<SignedDecline>,
    mutant: Option<Mutant>,
    /// The device as it was some time ago, for the bug that brings it back.
    image: Option<SimulatedDisk>,
}

/// What a node shares with the others of its cluster.
pub(super) struct Around {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) dial: Arc<dyn Dial>,
}

impl Node {
    pub(super) fn new(place: usize, seed: u64, mutant: Option<Mutant>) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed ^ (place as u64 + 1) << 40);
        let mut secret = [0; 32];
        rng.fill(&mut secret);
        let options = |bytes| LogOptions::new(bytes, Prepare::OnDemand).expect("a segment's size");
        let dir = DataDir::new(format!("/n{}", place + 1))
            .with_logs(options(WAL_SEGMENT_BYTES), options(LEDGER_SEGMENT_BYTES));
        Self {
            place,
            id: NodeId::new(format!("n{}", place + 1)).expect("an id"),
            address: Address::new(format!("http://127.0.0.1:{}", 7401 + place))
                .expect("an address"),
            seed: rng.u64(..),
            secret,
            disk: SimulatedDisk::new(),
            dir,
            process: None,
            starts: 0,
            changes_before: 0,
            armed: None,
            cut_short: false,
            declined: None,
            mutant,
            image: None,
        }
    }

    pub(super) fn key(&self) -> NodeKey {
        NodeKey::from_seed(&self.secret)
    }

    pub(super) fn member(&self) -> Member {
        Member {
            node_id: self.id.clone(),
            public_key: self.key().public_key(),
            address: self.address.clone(),
        }
    }

    /// The disk as the node's programs see it.
    pub(super) fn port(&self) -> Arc<dyn Disk> {
        match self.mutant {
            Some(mutant) => mutant.disk(&self.disk),
            None => self.disk.shared(),
        }
    }

    /// Makes the directory.
    pub(super) fn make(&self, entries: Vec<SignedEntry>, upstream: Option<Address>, again: bool) {
        let mut config = Config::new("127.0.0.1:7401".parse().expect("an address"));
        config.upstream = upstream;
        config.group_commit_max = 4;
        config.reconnect = if again { Reconnect::Automatic } else { Reconnect::OnRequest };
        create(&self.dir, &self.disk.shared(), &config, &self.id, &self.key(), entries)
            .expect("a directory on a sound disk");
    }

    /// Starts the process: recovery, and the parts put together.
    ///
    /// # Errors
    /// Why it does not start.
    pub(super) fn start(&mut self, around: Around) -> Result<(), String> {
        self.starts += 1;
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let world = World {
            disk: self.port(),
            clock: around.clock,
            chance: Arc::new(Seeded::new(self.seed.wrapping_add(self.starts))),
            dial: around.dial,
            hands: Hands::One,
        };
        let opened = open(self.dir.clone(), &world.disk).map_err(|error| error.to_string())?;
        let entered = runtime.enter();
        let node = Stepwise::start(opened, world).map_err(|error| error.to_string())?;
        drop(entered);
        self.process = Some(Process { node, runtime });
        self.cut_short = false;
        Ok(())
    }

    pub(super) fn shared(&self) -> Option<&Arc<Shared>> {
        self.process.as_ref().map(|process| process.node.shared())
    }

    pub(super) fn is_up(&self) -> bool {
        self.process.is_some()
    }

    /// Whether failures that were planned explain what a start finds or meets on the disk.
    pub(super) const fn is_explained(&self) -> bool {
        self.armed.is_some() || self.cut_short
    }

    /// Lets the disk fail.
    pub(super) fn arm(&mut self, fault: DiskFault, after: u64, seed: u64) {
        let failure = match fault {
            DiskFault::Io => Failure::Io,
            DiskFault::NoSpace => Failure::NoSpace,
            DiskFault::ShortWrite => Failure::ShortWrite { bytes: (seed % 5000) as usize },
            DiskFault::LyingSync => Failure::LyingSync { reached: seed },
            DiskFault::PowerBefore | DiskFault::KillBefore => Failure::PowerLossBefore,
            DiskFault::PowerDuring | DiskFault::KillDuring => Failure::PowerLossDuring,
        };
        let at = match fault {
            DiskFault::ShortWrite => At::Next(Operation::Write, after),
            DiskFault::LyingSync => At::Next(Operation::Sync, after),
            DiskFault::Io
            | DiskFault::NoSpace
            | DiskFault::PowerBefore
            | DiskFault::PowerDuring
            | DiskFault::KillBefore
            | DiskFault::KillDuring => At::Change(self.disk.changes() + after),
        };
        self.disk.fail(at, failure, Times::Once);
        let is_short = |fault| fault == DiskFault::ShortWrite;
        self.cut_short |= self.armed.is_some_and(|it| is_short(it.fault) || is_short(fault));
        self.armed = Some(Armed { fault, seed, at: self.disk.changes() + after });
    }

    /// How many changes the disk has seen.
    pub(super) fn changes(&self) -> u64 {
        self.changes_before + self.disk.changes()
    }

    /// The process ends to start again: what was planned for its disk and has not struck yet still may.
    pub(super) fn make_way(&mut self) {
        let planned = self.armed.take();
        let left = planned.map(|it| it.at.saturating_sub(self.disk.changes()));
        self.kill();
        if let (Some(planned), Some(left)) = (planned, left) {
            self.arm(planned.fault, left, planned.seed);
        }
    }

    /// The process is gone, the cache stays.
    pub(super) fn kill(&mut self) {
        self.process = None;
        self.changes_before = self.changes();
        self.disk = self.disk.after_kill();
        self.armed = None;
    }

    /// The process is gone, and so is the cache. What of the unsynced is on the device: nothing for 0, all of it
    /// for 1, and for any other number what is drawn from it.
    pub(super) fn lose_power(&mut self, seed: u64) {
        self.process = None;
        self.armed = None;
        self.changes_before = self.changes();
        let mut rng = fastrand::Rng::with_seed(seed);
        if self.mutant == Some(Mutant::Rollback) {
            let now = self.disk.after_kill();
            match self.image.replace(now) {
                Some(image) if rng.u8(0..3) == 0 => {
                    self.disk = image;
                    return;
                }
                Some(_) | None => {}
            }
        }
        let manner = if seed < 2 { seed as u8 } else { rng.u8(0..4) };
        self.disk = self.disk.after_power_loss(|unsynced| match manner {
            0 => 0,
            1 => unsynced.versions - 1,
            _ => rng.usize(0..unsynced.versions),
        });
    }

    /// A program on the stopped node's disk has ended: what it locked and what was planned for it is over, and
    /// the power is back if it failed.
    pub(super) fn settle_disk(&mut self) {
        match self.armed.filter(|_| self.disk.is_off()) {
            Some(armed) => self.die(armed),
            None => self.kill(),
        }
    }

    /// The process is gone in the middle of a call, and the cache with it if it was the power.
    pub(super) fn die(&mut self, Armed { fault, seed, .. }: Armed) {
        match fault {
            DiskFault::KillBefore | DiskFault::KillDuring => self.kill(),
            DiskFault::Io
            | DiskFault::NoSpace
            | DiskFault::ShortWrite
            | DiskFault::LyingSync
            | DiskFault::PowerBefore
            | DiskFault::PowerDuring => self.lose_power(seed),
        }
    }

    /// Whether the process came to an end with what it last did.
    pub(super) fn end(&self) -> Option<End> {
        let process = self.process.as_ref()?;
        if let Some(armed) = self.armed.filter(|_| self.disk.is_off()) {
            return Some(End::Died(armed));
        }
        match process.node.ended() {
            Some(Err(fatal)) => Some(End::Failed(fatal.0)),
            Some(Ok(Ended::Restart)) => Some(End::Restart),
            Some(Ok(Ended::Stopped)) => Some(End::Stopped),
            None => process.node.is_closed().then_some(End::Stopped),
        }
    }
}

impl Process {
    pub(super) fn http(&self) -> Arc<Http> {
        self.node.port()
    }

    pub(super) fn wal(&mut self) -> bool {
        self.node.step_wal()
    }

    pub(super) fn supervisor(&mut self) -> bool {
        self.node.step_supervisor()
    }

    pub(super) fn checkpoints(&mut self) -> bool {
        self.node.step_checkpoints()
    }

    pub(super) fn prune(&mut self) -> bool {
        self.node.step_pruner()
    }

    /// Lets every task that can go on do so.
    pub(super) fn tasks(&mut self) {
        self.runtime.block_on(async {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
        });
    }

    pub(super) fn tick(&mut self, ms: u64) {
        self.runtime.block_on(tokio::time::advance(std::time::Duration::from_millis(ms)));
    }

    pub(super) fn stop(&mut self) {
        let stopping = self.node.stop();
        self.runtime.spawn(stopping);
    }

    /// Runs a request beside the others.
    pub(super) fn spawn(
        &self,
        request: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::AbortHandle {
        self.runtime.spawn(request).abort_handle()
    }
}
