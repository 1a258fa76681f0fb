//! The network: connections, each with at most one question on its way and one answer on its way back, as the
//! pull protocol has them. Nothing moves unless an action moves it, so that a message can be late by any
//! amount; each end of a connection notices its end by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aerodb_core::id::Address;
use aerodb_http_api::client::ClientError;
use aerodb_http_api::connection::{ConnectionGuard, ConnectionLife};
use aerodb_http_api::problem::Problem;
use aerodb_http_api::stream::{PullAnswer, PullRequest, SnapshotChunk, SnapshotRequest};
use aerodb_node::world::{Coming, Dial, Link};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// What is asked over a connection.
#[derive(Debug, Clone)]
pub(super) enum Question {
    Pull(PullRequest),
    Snapshot(SnapshotRequest),
}

/// What is answered.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Pull(PullAnswer),
    Snapshot(SnapshotChunk),
    /// It was something, and has changed on its way.
    Damaged,
}

type Waiting<T> = oneshot::Sender<Result<T, ClientError>>;

/// The server's end of a connection.
#[derive(Debug)]
struct Served {
    /// Dropping it is how the server's node learns of the end.
    _life: ConnectionLife,
    guard: ConnectionGuard,
    task: Option<AbortHandle>,
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

/// A connection.
#[derive(Debug)]
struct Wire {
    from: usize,
    to: usize,
    connecting: Option<Waiting<u64>>,
    question: Option<Question>,
    /// The question stays where it is.
    held: bool,
    asked_last: Option<Question>,
    asking: Option<Waiting<Answer>>,
    answer: Option<Result<Answer, Problem>>,
    client_open: bool,
    served: Option<Served>,
}

/// What has to be done outside of the lock for a message to arrive.
pub(super) enum Arrival {
    /// A question is to be served by the node.
    Question { wire: u64, to: usize, question: Box<Question>, guard: ConnectionGuard },
    /// Nothing else.
    Nothing,
}

#[derive(Debug, Default)]
struct Wires {
    wires: BTreeMap<u64, Wire>,
    next: u64,
    blocked: BTreeSet<(usize, usize)>,
    addresses: BTreeMap<Address, usize>,
    up: BTreeSet<usize>,
}

/// The network. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Network(Arc<Mutex<Wires>>);

impl Network {
    fn lock(&self) -> MutexGuard<'_, Wires> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn name(&self, address: Address, node: usize) {
        self.lock().addresses.insert(address, node);
    }

    /// A node's process has begun: it can be connected to.
    pub(super) fn begins(&self, node: usize) {
        self.lock().up.insert(node);
    }

    /// A node's process has ended: what it served is served no more, and what it asked is not listened to.
    pub(super) fn ended(&self, node: usize) {
        let mut gone = Vec::new();
        let mut wires = self.lock();
        wires.up.remove(&node);
        for wire in wires.wires.values_mut() {
            if wire.from == node {
                (wire.client_open, wire.asking, wire.connecting) = (false, None, None);
            }
            if wire.to == node {
                gone.extend(wire.served.take());
            }
        }
        drop(wires);
        drop(gone);
    }

    /// How many things could arrive or be noticed now.
    pub(super) fn pending(&self) -> usize {
        self.lock().movable().count()
    }

    /// Lets one of them. `None` when there is none.
    pub(super) fn arrive(&self, pick: u64) -> Option<Arrival> {
        let mut wires = self.lock();
        let number = wires.pick(pick)?;
        let Wires { wires: all, blocked, up, .. } = &mut *wires;
        let wire = all.get_mut(&number)?;
        let (there, back) = ((wire.from, wire.to), (wire.to, wire.from));
        if let Some(waiting) = wire.connecting.take() {
            let reachable =
                up.contains(&wire.to) && !blocked.contains(&there) && !blocked.contains(&back);
            if reachable {
                let (life, guard) = ConnectionGuard::open("simulated");
                wire.served = Some(Served { _life: life, guard, task: None });
                let _ = waiting.send(Ok(number));
            } else {
                let _ = waiting.send(Err(unreachable(wire.to)));
                all.remove(&number);
            }
            return Some(Arrival::Nothing);
        }
        if wire.question.is_some() && !wire.held && !blocked.contains(&there) {
            let question = wire.question.take()?;
            return Some(match &wire.served {
                Some(served) => {
                    let guard = served.guard.clone();
                    Arrival::Question {
                        wire: number,
                        to: wire.to,
                        question: Box::new(question),
                        guard,
                    }
                }
                None => wire.interrupt(),
            });
        }
        if let Some(answer) = wire.answer.take() {
            wire.deliver(answer);
            return Some(Arrival::Nothing);
        }
        if !wire.client_open {
            let gone = all.remove(&number);
            drop(wires);
            drop(gone);
            return Some(Arrival::Nothing);
        }
        Some(wire.interrupt())
    }

    /// The node serves a question now; aborting the task is how it learns that nobody listens.
    pub(super) fn serving(&self, number: u64, task: AbortHandle) {
        if let Some(served) = self.lock().wires.get_mut(&number).and_then(|it| it.served.as_mut()) {
            served.task = Some(task);
        }
    }

    /// The node has answered.
    pub(super) fn answered(&self, number: u64, answer: Result<Answer, Problem>) {
        if let Some(wire) = self.lock().wires.get_mut(&number) {
            wire.answer = Some(answer);
        }
    }

    /// Breaks a connection: what is on its way is lost, the client's next step and the server's are to notice.
    pub(super) fn cut(&self, pick: u64) -> bool {
        let mut wires = self.lock();
        let open: Vec<_> = wires.wires.iter().filter(|(_, wire)| wire.served.is_some()).collect();
        let Some((number, _)) = nth(&open, pick) else { return false };
        let number = **number;
        let Some(wire) = wires.wires.get_mut(&number) else { return false };
        (wire.question, wire.held, wire.answer) = (None, false, None);
        // The server's half lives on under a number of its own until it notices; the client's half has none.
        let (from, to, served) = (wire.from, wire.to, wire.served.take());
        let half = Wire {
            from,
            to,
            connecting: None,
            question: None,
            held: false,
            asked_last: None,
            asking: None,
            answer: None,
            client_open: false,
            served,
        };
        let next = wires.next;
        wires.next += 1;
        wires.wires.insert(next, half);
        true
    }

    /// A question that has been asked before, as it arrives once more over its connection.
    pub(super) fn duplicate(&self, pick: u64) -> Option<(usize, Question, ConnectionGuard)> {
        let wires = self.lock();
        let open: Vec<_> = wires
            .wires
            .values()
            .filter_map(|wire| {
                let guard = wire.served.as_ref()?.guard.clone();
                Some((wire.to, wire.asked_last.clone()?, guard))
            })
            .collect();
        nth(&open, pick).cloned()
    }

    /// Changes an answer that is on its way.
    pub(super) fn damage(&self, pick: u64) -> bool {
        let mut wires = self.lock();
        let mut answers: Vec<_> =
            wires.wires.values_mut().filter(|wire| matches!(wire.answer, Some(Ok(_)))).collect();
        let count = answers.len() as u64;
        if count == 0 {
            return false;
        }
        let at = usize::try_from(pick % count).unwrap_or_default();
        answers[at].answer = Some(Ok(Answer::Damaged));
        true
    }

    pub(super) fn block(&self, from: usize, to: usize) {
        self.lock().blocked.insert((from, to));
    }

    /// True when something was blocked or held.
    pub(super) fn heal(&self) -> bool {
        let mut wires = self.lock();
        let held = wires.wires.values_mut().map(|wire| std::mem::take(&mut wire.held));
        let held = held.fold(false, |any, held| any | held);
        !std::mem::take(&mut wires.blocked).is_empty() || held
    }

    /// Lets a question stay on its way, or go on. Whether there was one.
    pub(super) fn hold(&self, pick: u64, held: bool) -> bool {
        let mut wires = self.lock();
        let on_its_way = |wire: &&mut Wire| wire.question.is_some() && wire.held != held;
        let mut questions: Vec<_> = wires.wires.values_mut().filter(on_its_way).collect();
        let count = questions.len() as u64;
        if count > 0 {
            questions[usize::try_from(pick % count).unwrap_or_default()].held = held;
        }
        count > 0
    }

    /// How many questions are held.
    pub(super) fn held(&self) -> usize {
        self.lock().wires.values().filter(|wire| wire.held).count()
    }

    fn ask(
        &self,
        number: u64,
        question: Question,
    ) -> oneshot::Receiver<Result<Answer, ClientError>> {
        let (waiting, answer) = oneshot::channel();
        if let Some(wire) = self.lock().wires.get_mut(&number) {
            wire.asked_last = Some(question.clone());
            (wire.question, wire.held) = (Some(question), false);
            wire.asking = Some(waiting);
        }
        answer
    }

    fn closed_by_client(&self, number: u64) {
        if let Some(wire) = self.lock().wires.get_mut(&number) {
            (wire.client_open, wire.asking) = (false, None);
        }
    }

    /// The dial of one node.
    pub(super) fn dial(&self, from: usize) -> Arc<dyn Dial> {
        Arc::new(SimulatedDial { network: self.clone(), from })
    }
}

fn nth<T>(of: &[T], pick: u64) -> Option<&T> {
    let count = of.len() as u64;
    (count > 0).then(|| &of[usize::try_from(pick % count).unwrap_or_default()])
}

fn address(node: usize) -> Address {
    Address::new(format!("http://127.0.0.1:{}", 7401 + node)).expect("an address")
}

fn unreachable(node: usize) -> ClientError {
    ClientError::Unreachable { address: address(node), cause: "nobody answers".to_owned() }
}

fn interrupted(node: usize) -> ClientError {
    ClientError::Interrupted { address: address(node), cause: "the connection ended".to_owned() }
}

impl Wires {
    fn movable(&self) -> impl Iterator<Item = u64> {
        let can = |wire: &Wire| {
            let blocked = |from, to| self.blocked.contains(&(from, to));
            wire.connecting.is_some()
                || wire.question.is_some() && !wire.held && !blocked(wire.from, wire.to)
                || wire.answer.is_some() && !blocked(wire.to, wire.from)
                || !wire.client_open && wire.question.is_none()
                || wire.served.is_none() && wire.asking.is_some() && wire.question.is_none()
        };
        self.wires.iter().filter(move |(_, wire)| can(wire)).map(|(number, _)| *number)
    }

    fn pick(&self, pick: u64) -> Option<u64> {
        let movable: Vec<_> = self.movable().collect();
        nth(&movable, pick).copied()
    }
}

impl Wire {
    fn interrupt(&mut self) -> Arrival {
        if let Some(waiting) = self.asking.take() {
            let _ = waiting.send(Err(interrupted(self.to)));
        }
        Arrival::Nothing
    }

    fn deliver(&mut self, answer: Result<Answer, Problem>) {
        if let Some(waiting) = self.asking.take() {
            let _ = waiting.send(match answer {
                Ok(Answer::Damaged) => Err(ClientError::Damaged {
                    address: address(self.to),
                    what: "the checksum of the body does not fit".to_owned(),
                }),
                Ok(answer) => Ok(answer),
                Err(problem) => Err(ClientError::Problem(problem)),
            });
        }
    }
}

#[derive(Debug)]
struct SimulatedDial {
    network: Network,
    from: usize,
}

impl Dial for SimulatedDial {
    fn connect(&self, address: Address) -> Coming<'static, Box<dyn Link>> {
        let (waiting, connected) = oneshot::channel();
        let mut wires = self.network.lock();
        let known = wires.addresses.get(&address).copied();
        if let Some(to) = known {
            let number = wires.next;
            wires.next += 1;
            let wire = Wire {
                from: self.from,
                to,
                connecting: Some(waiting),
                question: None,
                held: false,
                asked_last: None,
                asking: None,
                answer: None,
                client_open: true,
                served: None,
            };
            wires.wires.insert(number, wire);
        }
        drop(wires);
        let network = self.network.clone();
        Box::pin(async move {
            let gone = || ClientError::Unreachable { address, cause: "nobody is there".to_owned() };
            let number = connected.await.unwrap_or_else(|_| Err(gone()))?;
            Ok(Box::new(SimulatedLink { network, number, to: known.unwrap_or_default() }) as _)
        })
    }
}

struct SimulatedLink {
    network: Network,
    number: u64,
    to: usize,
}

impl SimulatedLink {
    async fn ask(&mut self, question: Question) -> Result<Answer, ClientError> {
        let answer = self.network.ask(self.number, question);
        answer.await.unwrap_or_else(|_| Err(interrupted(self.to)))
    }

    fn other(&self) -> ClientError {
        let what = "an answer to another question".to_owned();
        ClientError::Protocol { address: address(self.to), what }
    }
}

impl Drop for SimulatedLink {
    fn drop(&mut self) {
        self.network.closed_by_client(self.number);
    }
}

impl Link for SimulatedLink {
    fn pull<'a>(&'a mut self, request: &'a PullRequest) -> Coming<'a, PullAnswer> {
        Box::pin(async move {
            match self.ask(Question::Pull(request.clone())).await? {
                Answer::Pull(answer) => Ok(answer),
                Answer::Snapshot(_) | Answer::Damaged => Err(self.other()),
            }
        })
    }

    fn snapshot<'a>(&'a mut self, request: &'a SnapshotRequest) -> Coming<'a, SnapshotChunk> {
        Box::pin(async move {
            match self.ask(Question::Snapshot(request.clone())).await? {
                Answer::Snapshot(chunk) => Ok(chunk),
                Answer::Pull(_) | Answer::Damaged => Err(self.other()),
            }
        })
    }
}
