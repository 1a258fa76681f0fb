//! The replica's side: one pull after the other, over one connection. A receipt rides on every pull, so
//! the next pull goes out as soon as the batch before it is durable; nothing here waits for a timer.
//!
//! Silence is not evidence: a pull waits for as long as it takes. A lost connection ends the task.
//!
//! Keeps: F-X1, P3-R1, P3-R6, P6-N1, P6-N2, RF-5, RF-7, M-R02, M-R04, M-R34.

use std::sync::Arc;
use std::sync::mpsc as sync;

use aerodb_core::authority::Authority;
use aerodb_core::decision::acknowledge::{claim, signs};
use aerodb_core::hash::ClusterId;
use aerodb_core::id::{Address, Boundary};
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use aerodb_http_api::client::ClientError;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use aerodb_http_api::stream::{PullAnswer, PullRequest};
use aerodb_ledger::authority::NodeKey;
use bytes::Bytes;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::shared::Shared;
use crate::wal::{Job, Pulled, ReceiveError};
use crate::world::Hands;

/// What the puller tells the supervisor. Each carries the puller's number, so that word of a stopped one
/// is not taken for word of its successor.
#[derive(Debug)]
pub enum PullerEvent {
    /// The first answer has come; nothing of it is taken before the supervisor has said so.
    Attached(oneshot::Sender<()>),
    /// The ledger entries that a pull brought, to be made durable before its batches.
    Entries(Vec<Bytes>, oneshot::Sender<Option<Arc<Authority>>>),
    /// The connection is lost, or upstream refuses.
    Lost(String),
    /// Upstream no longer has the history that comes next.
    BootstrapRequired(String),
    /// Upstream says that histories have parted.
    Parted(RuleId, String),
}

/// What a puller works with.
#[derive(Clone)]
pub struct PullerContext {
    /// The node.
    pub shared: Arc<Shared>,
    /// Its key, for receipts that may become evidence.
    pub key: Arc<NodeKey>,
    /// Drawn at the start of the process.
    pub session: [u8; 16],
    /// The start stamp of this process.
    pub starts: u64,
    /// Where events go.
    pub tell: Arc<dyn Fn(u64, PullerEvent) + Send + Sync>,
}

/// A running puller. Dropping it leaves the task running; [`Puller::stop`] ends it.
#[derive(Debug)]
pub struct Puller {
    number: u64,
    /// The word to stop, until it is given.
    stop: Option<oneshot::Sender<()>>,
    /// Told by the task's end; `None` where the task cannot be running while someone stops it.
    ended: Option<sync::Receiver<()>>,
}

impl Puller {
    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Tells it to end, without waiting for that.
    pub fn ask_to_stop(&mut self) {
        // The task may have ended by itself.
        let _ = self.stop.take().map(|stop| stop.send(()));
    }

    /// Ends it, and returns when it has ended: it sends no receipt and no echo any more.
    pub fn stop(mut self) {
        self.ask_to_stop();
        // The task's end drops the other half; nothing is ever sent. The task looks at the word to stop before
        // it does anything else: where it is carried by the thread that is here, that is enough.
        if let Some(ended) = self.ended {
            let _ = ended.recv();
        }
    }
}

/// Starts pulling from `upstream`.
#[must_use]
pub fn start(runtime: &Handle, number: u64, upstream: Address, context: PullerContext) -> Puller {
    let (stop, stopped) = oneshot::channel();
    let (alive, ended) = sync::channel();
    let ended = match context.shared.world.hands {
        Hands::Threads => Some(ended),
        Hands::One => None,
    };
    runtime.spawn(async move {
        let _alive = alive;
        tokio::select! {
            biased;
            _ = stopped => {}
            event = pull_all(number, upstream, &context) => (context.tell)(number, event),
        }
    });
    Puller { number, stop: Some(stop), ended }
}

/// Pulls until something ends it.
async fn pull_all(number: u64, upstream: Address, context: &PullerContext) -> PullerEvent {
    let shared = &context.shared;

    let mut position = match shared.owner.look().await {
        Some(standing) => standing.tip,
        None => return PullerEvent::Lost("the WAL's owner has ended".to_owned()),
    };
    let mut connection = match shared.world.dial.connect(upstream).await {
        Ok(connection) => connection,
        Err(error) => return lost(&error, &shared.identity.cluster),
    };
    let (mut told, mut echo, mut attached) = (None, None, false);
    loop {
        let authority = shared.view.load().authority.clone();
        let request = request(context, &authority, position, told, echo);
        let answer = match connection.pull(&request).await {
            Ok(answer) => answer,
            Err(error) => return lost(&error, &shared.identity.cluster),
        };
        if answer.cluster != shared.identity.cluster {
            let detail = format!("the answer is of cluster {}", answer.cluster);
            return PullerEvent::Parted(RuleId::FV2, detail);
        }
        if answer.node_id == shared.identity.node_id {
            return PullerEvent::Lost("upstream is this node itself".to_owned());
        }
        if !attached {
            attached = true;
            let (reply, noted) = oneshot::channel();
            (context.tell)(number, PullerEvent::Attached(reply));
            if noted.await.is_err() {
                return PullerEvent::Lost("the supervisor has ended".to_owned());
            }
        }
        told = answer.acknowledged.max(told);
        echo = answer.barrier.or(echo);
        shared.upstream_tip.send_if_modified(|tip| {
            let moved = *tip != answer.tip;
            *tip = answer.tip;
            moved
        });
        position = match take(number, context, (position, authority), answer, told).await {
            Ok(position) => position,
            Err(event) => return event,
        };
    }
}

/// Ledger before WAL, each durable before the next pull says so.
async fn take(
    number: u64,
    context: &PullerContext,
    (position, mut authority): (Position, Arc<Authority>),
    answer: PullAnswer,
    told: Option<Boundary>,
) -> Result<Position, PullerEvent> {
    let ended = |what: &str| PullerEvent::Lost(format!("{what} has ended"));
    let ledger_grew = !answer.entries.is_empty();
    if ledger_grew {
        let (reply, adopted) = oneshot::channel();
        (context.tell)(number, PullerEvent::Entries(answer.entries, reply));
        match adopted.await {
            Ok(Some(newer)) => authority = newer,
            Ok(None) | Err(_) => return Err(ended("the replica role")),
        }
    }
    let pulled = Pulled { batches: answer.batches, told, authority };
    let (reply, received) = oneshot::channel();
    if !context.shared.owner.send(Job::Receive(pulled, reply)).await {
        return Err(ended("the WAL's owner"));
    }
    match received.await {
        Ok(Ok(position)) => Ok(position),
        Ok(Err(ReceiveError::Diverged(divergence))) => {
            Err(PullerEvent::Parted(divergence.rule(), divergence.to_string()))
        }
        // An answer has so many ledger entries at most; those that its batches need come with the next.
        Ok(Err(ReceiveError::LedgerBehind { .. })) if ledger_grew => Ok(position),
        Ok(Err(error)) => Err(PullerEvent::Lost(error.to_string())),
        Err(_) => Err(ended("the WAL's owner")),
    }
}

fn request(
    context: &PullerContext,
    authority: &Authority,
    position: Position,
    told: Option<Boundary>,
    echo: Option<u64>,
) -> PullRequest {
    let identity = &context.shared.identity;
    let claim = claim(authority, &identity.node_id, position);
    let signs = signs(authority, &identity.node_id);
    let signature = signs.then(|| context.key.sign(&claim.signing_hash()));
    PullRequest {
        cluster: claim.cluster,
        node_id: claim.node_id,
        public_key: identity.public_key,
        session: context.session,
        starts: Some(context.starts),
        epoch: claim.epoch,
        position: Some(position),
        ledger: Some(claim.ledger),
        signature,
        echo,
        known_acknowledged: told,
        wait: true,
    }
}

/// What ends the pulling. `ours` is this node's cluster.
fn lost(error: &ClientError, ours: &ClusterId) -> PullerEvent {
    match error {
        ClientError::Problem(problem) => match problem.body().rule {
            Some(_) | None if is_foreign(problem, ours) => {
                PullerEvent::Parted(RuleId::FV2, problem.to_string())
            }
            Some(rule) if problem.body().extra.contains_key("diverged") => {
                PullerEvent::Parted(rule, problem.to_string())
            }
            Some(_) | None if problem.code() == Code::BootstrapRequired => {
                PullerEvent::BootstrapRequired(problem.to_string())
            }
            Some(_) | None => PullerEvent::Lost(problem.to_string()),
        },
        // What it holds is not what was sent, which bytes are wrong is not known: nothing of it is taken.
        ClientError::Damaged { .. } => PullerEvent::Parted(RuleId::FV1, error.to_string()),
        ClientError::Unreachable { .. }
        | ClientError::Interrupted { .. }
        | ClientError::Protocol { .. } => PullerEvent::Lost(error.to_string()),
    }
}

/// Whether a refusal proves that who answers is of another cluster: it says so, and names one that is not ours.
/// One that names ours, or none, is no such proof: what stands between two nodes can say 403 as well.
fn is_foreign(problem: &Problem, ours: &ClusterId) -> bool {
    let named = problem.body().extra.get("cluster_id").and_then(Value::as_str);
    let named = named.and_then(|text| text.parse::<ClusterId>().ok());
    problem.code() == Code::ForeignCluster && named.is_some_and(|theirs| theirs != *ours)
}
