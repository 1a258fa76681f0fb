//! The parts of a node put together: machines in the state that the disk gives them, the WAL's owner, the
//! shared view, the supervisor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use aerodb_core::authority::Authority;
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::decision::tenure::{Bounds, Tenure};
use aerodb_core::explain::explain;
use aerodb_core::id::{Address, PromotionId};
use aerodb_core::machine::{
    BootstrapEvent, Checkpoint, Failure, Gate, LatchEvent, LifecycleEvent, PipelineEvent,
    PromotionEvent, RoleEvent, RoleName, WalWriter, WriteAuthority,
};
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use aerodb_ledger::authority::{AuthorityLedger, NodeKey};
use aerodb_ledger::decision::DecisionLedger;
use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::bootstrap::{Handed, Progress};
use crate::checkpoint::{CheckpointHandle, Running, Shelf, Taker, Trigger, Worker};
use crate::config::{Config, Failover};
use crate::directory::{DataDir, DirectoryLock};
use crate::halts::stopped_at;
use crate::http::Http;
use crate::machines::Machines;
use crate::open::{Opened, Standing};
use crate::replication::{Barriers, Peers, PullerContext};
use crate::retention::FloorRecord;
use crate::serve::crew::{Crew, Recovered};
use crate::serve::error::ServeError;
use crate::shared::Shared;
use crate::store::{Pruner, Store, ViewSource};
use crate::supervisor::{Fatal, Parts, Supervisor, SupervisorHandle, channel};
use crate::view::{Identity, View};
use crate::wal::{
    Acknowledgements, Answer, Applier, Cursors, FailureSink, Found, Mode, Owner, Receiver, Stages,
    Validator, seat,
};
use crate::world::World;

/// A node that runs.
#[derive(Debug)]
pub(super) struct Assembled {
    /// What the routes ask.
    pub http: Http,
    /// The way to the supervisor.
    pub supervisor: SupervisorHandle,
    /// Held as long as the node runs.
    pub lock: DirectoryLock,
}

/// Puts the parts together over what was opened. Nothing of them runs before somebody carries the [`Crew`].
///
/// # Errors
/// [`ServeError`] when randomness cannot be had.
pub(super) fn assemble(
    opened: Opened,
    world: World,
    fatal: watch::Sender<Option<Fatal>>,
) -> Result<(Assembled, Crew), ServeError> {
    let Opened {
        dir,
        lock,
        config,
        identity: file,
        ledger,
        decisions,
        wal,
        checkpoint,
        replayed,
        floor,
        role,
        failures,
        facts,
    } = opened;
    let authority = Arc::clone(ledger.authority());
    let key = Arc::new(file.key());
    let identity = Identity {
        node_id: file.node_id.clone(),
        public_key: key.public_key(),
        cluster: file.cluster,
    };

    let machines = Machines::default();
    let found = Some(replayed.unvalidated).filter(|found| !found.is_empty());
    let write = wake(&machines, &authority, role, &failures, found.is_some());
    match config.failover {
        Failover::Enabled => note_unfinished(&machines, &decisions, &ledger),
        // The machine does not exist; the ledgers still say what became of every attempt.
        Failover::Disabled => {}
    }
    note_installed(&machines, &decisions, checkpoint.as_ref());
    let tip = replayed.standing.tip;
    let healthy = failures.is_empty();
    let acks = acknowledgements(&authority, &identity, role, &tip, healthy);
    if found.is_some() {
        // The process before may have shown more than is replayed here: nothing is, until the pipeline has
        // taken up what that one had received.
        let bounds = acks.bounds();
        acks.follow(Bounds { acknowledged: None, ..bounds });
    }
    let acks = Arc::new(acks);
    let cursors = Arc::new(Cursors::new(tip.boundary));
    let mode = mode(&authority, &machines, write);
    let (handle, inbox) = channel();
    let (store, reader) = (replayed.store.store().clone(), wal.reader());
    let shelf = Arc::new(Shelf::new(dir.snapshots(), checkpoint));
    let growth = growth(&shelf, &machines, &config);
    let (checkpoints, requests) = CheckpointHandle::channel(Arc::clone(&growth));
    let found = found.map(|received| Found { received, authority: Arc::clone(&authority) });
    let owner = Owner {
        receiver: Receiver::new(wal, replayed.standing.received, Trigger::new(checkpoints.clone())),
        validator: Validator::new(tip, replayed.standing.epochs, Arc::clone(&cursors)),
        applier: Applier::new(replayed.store, tip.boundary, Arc::clone(&cursors)),
        acks: Arc::clone(&acks),
        stages: Stages { node: identity.node_id.clone(), machine: Arc::clone(&machines.pipeline) },
        writer: Arc::clone(&machines.writer),
        journal: Arc::clone(&machines.journal),
        group_commit_max: config.group_commit_max,
        failed: failure_sink(&handle),
        has_failed: false,
    };
    let (owner, clerk) = seat(owner, mode, found, world.hands);
    // Opened before the first pruning: what recovery came to is still there when its digest is computed.
    let recovered = store.view(tip.boundary, ViewSource::Recovery);
    let record = FloorRecord {
        disk: Arc::clone(&world.disk),
        data: dir.path().to_owned(),
        identity: identity.clone(),
        durable: floor.unwrap_or_default(),
        supervisor: handle.clone(),
    };
    let pruner = pruner(&store, &acks, config.retain_commits, record);

    let view = View::new(
        &identity,
        machines.role.get(),
        authority,
        machines.latch.get(),
        &machines.writer.get(),
        config.store_bytes_max,
    );
    let shared = Arc::new(Shared {
        identity,
        world: world.clone(),
        failover: config.failover,
        view: ArcSwap::from_pointee(view),
        group_commit: config.group_commit_max > 1,
        view_changed: watch::Sender::new(()),
        acks,
        cursors,
        store,
        wal: reader,
        owner,
        peers: Peers::default(),
        barriers: Barriers::starting_at(random(&world)?),
        machines,
        authority_entries: ledger.entries(),
        decision_entries: decisions.entries(),
        outcome_owed: AtomicBool::new(false),
        upstream_tip: watch::Sender::new(None),
        checkpoints,
        shelf,
        handed: Handed::default(),
        bootstrap: Progress::default(),
        restarting: watch::Sender::new(false),
        recovery: watch::Sender::new(None),
        stopping: watch::Sender::new(false),
    });
    let recovered = Recovered { shared: Arc::clone(&shared), view: recovered, facts };
    let worker = checkpoint_worker(&shared, &handle, &dir, growth, config.checkpoint_wal_bytes);
    let supervisor = Supervisor::new(Parts {
        context: context(&shared, &key, &handle, file.stamp.starts)?,
        shared: Arc::clone(&shared),
        key,
        dir,
        identity: file,
        upstream: upstream(&decisions, &config),
        ledger,
        decisions,
        disk: world.disk,
        reconnect: config.reconnect,
        store_bytes_max: config.store_bytes_max,
        runtime: Handle::current(),
        handle: handle.clone(),
        fatal,
    });
    supervisor.publish();
    let (supervisor, checkpoints) = ((supervisor, inbox), (worker, requests));
    let crew = Crew { clerk, supervisor, checkpoints, pruner, recovered };
    Ok((Assembled { http: Http::new(shared, handle.clone()), supervisor: handle, lock }, crew))
}

/// How far the log grows before the next checkpoint is asked for; the machine is where the disk is.
fn growth(shelf: &Shelf, machines: &Machines, config: &Config) -> Arc<AtomicU64> {
    let standing = shelf.standing();
    if let Some(Standing { marker, .. }) = &standing {
        let boundary = marker.position.boundary;
        machines.checkpoint.renew(Checkpoint::Complete { boundary });
    }
    let snapshot = standing.map_or(0, |standing| standing.manifest.file_bytes());
    Arc::new(AtomicU64::new(config.checkpoint_wal_bytes.max(snapshot)))
}

fn checkpoint_worker(
    shared: &Arc<Shared>,
    supervisor: &SupervisorHandle,
    dir: &DataDir,
    bytes: Arc<AtomicU64>,
    bytes_min: u64,
) -> Worker {
    let taker = Taker {
        disk: Arc::clone(&shared.world.disk),
        data: dir.path().to_owned(),
        identity: shared.identity.clone(),
        store: shared.store.clone(),
        wal: shared.wal.clone(),
        shelf: Arc::clone(&shared.shelf),
        machine: Arc::clone(&shared.machines.checkpoint),
        journal: Arc::clone(&shared.machines.journal),
    };
    let (shared, supervisor) = (Arc::clone(shared), supervisor.clone());
    Worker { taker, moment: Box::new(Running { shared, supervisor }), bytes, bytes_min }
}

fn pruner(
    store: &Store,
    acks: &Arc<Acknowledgements<Answer>>,
    retain_commits: u64,
    mut record: FloorRecord,
) -> Pruner {
    let (store, acks) = (store.clone(), Arc::clone(acks));
    let acknowledged = Box::new(move || acks.bounds().acknowledged);
    let record = Box::new(move |floor| record.record(floor));
    Pruner { store, retain_commits, acknowledged, record }
}

fn failure_sink(handle: &SupervisorHandle) -> FailureSink {
    let handle = handle.clone();
    FailureSink(Box::new(move |failure| handle.wal_failed(failure)))
}

fn random<T: From<u64>>(world: &World) -> Result<T, ServeError> {
    world.chance.draw().map(T::from).map_err(ServeError::Randomness)
}

fn context(
    shared: &Arc<Shared>,
    key: &Arc<NodeKey>,
    handle: &SupervisorHandle,
    starts: u64,
) -> Result<PullerContext, ServeError> {
    let tell = handle.clone();
    let (high, low) = (random::<u64>(&shared.world)?, random::<u64>(&shared.world)?);
    let session = u128::from(high) << 64 | u128::from(low);
    Ok(PullerContext {
        shared: Arc::clone(shared),
        key: Arc::clone(key),
        session: session.to_le_bytes(),
        starts,
        tell: Arc::new(move |number, event| tell.puller(number, event)),
    })
}

/// The last node that an operator named, or else the configured one.
fn upstream(decisions: &DecisionLedger, config: &Config) -> Option<Address> {
    let entries = decisions.entries().after(None, usize::MAX);
    let followed = entries.iter().rev().find_map(|stored| match &stored.entry.entry.body {
        DecisionBody::Followed { upstream, .. } => Some(upstream.clone()),
        _ => None,
    });
    followed.or_else(|| config.upstream.clone())
}

/// Brings the machines to where the disk says they are. Gives the authority to write, if the ledger gives
/// this node the epoch and no failure stands against it.
fn wake(
    machines: &Machines,
    authority: &Authority,
    role: RoleName,
    failures: &[Failure],
    unvalidated: bool,
) -> Option<WriteAuthority> {
    let journal = &machines.journal;
    for event in [LifecycleEvent::Started, LifecycleEvent::Initialized, LifecycleEvent::Replayed] {
        machines.lifecycle.must_step(journal, &event);
    }
    for failure in failures {
        machines.latch.must_step(journal, &LatchEvent::Failed(failure.clone()));
    }
    if let Some(first) = failures.first() {
        machines.role.must_step(journal, &RoleEvent::Failed { rule: first.rule });
        machines.lifecycle.must_step(journal, &LifecycleEvent::Halted);
        if let Some(stopped) = stopped_at(first) {
            machines.pipeline.renew(stopped);
        }
        return None;
    }
    let event = RoleEvent::found(role, authority.epoch());
    let write =
        machines.role.must_step_with(journal, &event, aerodb_core::machine::Step::into_authority);
    if role == RoleName::ReplicaActive {
        let replayed: &[_] = if unvalidated {
            &[PipelineEvent::UnvalidatedFound]
        } else {
            // What is replayed is readable as far as it is acknowledged, with or without an upstream.
            &[PipelineEvent::ReplayDone, PipelineEvent::GateJudged(Gate::ReadSafe)]
        };
        for event in [PipelineEvent::Started, PipelineEvent::MetadataValid].iter().chain(replayed) {
            machines.pipeline.must_step(journal, event);
        }
    }
    if write.is_some() {
        machines.writer.renew(WalWriter::Open { epoch: authority.epoch() });
    }
    machines.lifecycle.must_step(journal, &LifecycleEvent::Verified);
    write
}

/// A request without an outcome in either ledger: an attempt that a crash cut short. It is shown, and
/// means nothing else (DIS-7).
fn note_unfinished(machines: &Machines, decisions: &DecisionLedger, ledger: &AuthorityLedger) {
    let entries = decisions.entries().after(None, usize::MAX);
    let last = entries.iter().rev().find_map(|stored| match &stored.entry.entry.body {
        DecisionBody::PromotionRequested { .. } => {
            PromotionId::asked_in(&stored.entry.entry.author, stored.entry.entry.seq)
        }
        _ => None,
    });
    let Some(id) = last else { return };
    let denied = entries.iter().any(|stored| {
        matches!(&stored.entry.entry.body, DecisionBody::PromotionDenied { promotion_id, .. } if promotion_id == &id)
    });
    let granted = ledger.entries().after(None, usize::MAX).iter().any(|stored| {
        matches!(
            &stored.entry.entry.body,
            aerodb_core::authority::EntryBody::AuthorityGranted(grant) if grant.promotion_id == id
        )
    });
    if !denied && !granted {
        tracing::warn!(promotion_id = %id, "the last attempt was cut short; it never took effect");
        machines.promotion.must_step(&machines.journal, &PromotionEvent::UnfinishedFound);
    }
}

/// The snapshot that the last accepted bootstrap was of is in force if the log begins at its cut or later: before
/// it was installed the log ended below that.
fn note_installed(machines: &Machines, decisions: &DecisionLedger, checkpoint: Option<&Standing>) {
    let entries = decisions.entries().after(None, usize::MAX);
    let accepted = entries.iter().rev().find_map(|stored| match &stored.entry.entry.body {
        DecisionBody::BootstrapDecided { decision, .. } if explain(&decision.facts).holds() => {
            decision.facts.snapshot.map(|snapshot| snapshot.position.boundary)
        }
        _ => None,
    });
    let begins = checkpoint.map(|standing| standing.marker.wal_start.position.boundary);
    let (Some(cut), Some(begins)) = (accepted, begins) else { return };
    if begins < cut {
        return;
    }
    machines.bootstrap.must_step(&machines.journal, &BootstrapEvent::FoundInstalled { cut });
    let latch = machines.latch.get();
    if latch.cause().is_some_and(|failure| failure.rule == RuleId::FS3) {
        machines.bootstrap.must_step(&machines.journal, &BootstrapEvent::MismatchFound);
    }
}

/// What may be shown and served at once, and what only after a receipt (DESIGN 3.2).
fn acknowledgements(
    authority: &Authority,
    identity: &Identity,
    role: RoleName,
    tip: &Position,
    healthy: bool,
) -> Acknowledgements<Answer> {
    let durable = tip.boundary;
    match role {
        RoleName::PrimaryActive | RoleName::PrimarySealed if healthy => {
            let acks = Acknowledgements::new(durable, None, None);
            acks.hold(Tenure::found(authority, durable));
            acks
        }
        RoleName::ReplicaActive if healthy => {
            let Bounds { acknowledged, covered, .. } =
                Bounds::of_replica(authority, &identity.node_id, durable, None);
            Acknowledgements::new(durable, acknowledged, covered)
        }
        RoleName::PrimaryActive
        | RoleName::PrimarySealed
        | RoleName::ReplicaActive
        | RoleName::Uninitialized
        | RoleName::ReplicationHalted => Acknowledgements::new(durable, None, None),
    }
}

fn mode(authority: &Authority, machines: &Machines, write: Option<WriteAuthority>) -> Mode {
    match (write, machines.role.get().role_name()) {
        (Some(write), _) => Mode::Holder { authority: write, stamp: authority.head() },
        (None, RoleName::ReplicaActive) => Mode::Replica,
        (
            None,
            RoleName::Uninitialized
            | RoleName::PrimaryActive
            | RoleName::PrimarySealed
            | RoleName::ReplicationHalted,
        ) => Mode::Idle,
    }
}
