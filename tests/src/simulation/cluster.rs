//! A cluster, and what each action does to it.

use std::sync::Arc;

use aerodb_core::authority::{Annotation, Durability};
use aerodb_core::hash::Hash;
use aerodb_core::id::{ClusterName, Reason};
use aerodb_http_api::port::NodePort;
use aerodb_node::directory::{Founding, genesis};
use aerodb_node::http::Http;
use aerodb_node::shared::Shared;

use super::action::Action;
use super::client::{Asked, Clients, Done, Slot};
use super::network::{Answer, Arrival, Network, Question};
use super::node::{Around, End, Node};
use super::operator::{self, DEADLINE_MS};
use super::temper::{Mutant, Part, Temper};
use super::world::Steps;

/// What an action led to.
#[derive(Debug, Clone)]
pub enum Event {
    /// A request was answered by a node.
    Answered(usize, Asked, Done),
    /// A process began.
    Started(usize),
    /// A process did not begin; whether a failure of the disk explains it.
    NotStarted(usize, String, bool),
    /// A process ended by itself.
    Ended(usize, String),
    /// An operator did something that may clear a failure.
    Cleared(usize),
    /// An operator's work on a stopped node's disk is done.
    Offline(usize, Result<String, String>),
}

/// A cluster.
#[derive(Debug)]
pub struct Cluster {
    pub(super) nodes: Vec<Node>,
    pub(super) network: Network,
    pub(super) clients: Clients,
    clock: Arc<Steps>,
    events: Vec<Event>,
    /// The newest commit that any client has seen acknowledged.
    pub(super) seen: u64,
    mutant: Option<Mutant>,
}

impl Cluster {
    /// A cluster whose nodes are members and run; the first one holds. Nothing fails while it is made.
    #[must_use]
    pub fn new(temper: &Temper) -> Self {
        let node = |place| Node::new(place, temper.seed, temper.mutant);
        let mut cluster = Self {
            nodes: (0..temper.nodes).map(node).collect(),
            network: Network::default(),
            clients: Clients::default(),
            clock: Arc::default(),
            events: Vec::new(),
            seen: 0,
            mutant: temper.mutant,
        };
        for node in &cluster.nodes {
            cluster.network.name(node.address.clone(), node.place);
        }
        cluster.found(temper);
        cluster
    }

    fn found(&mut self, temper: &Temper) {
        let key = self.nodes[0].key();
        let founding = Founding {
            cluster_name: ClusterName::new("simulated").expect("a name"),
            nonce: Hash([7; 32]),
            founder: self.nodes[0].member(),
            minimum_durability: if temper.paired { Durability::Paired } else { Durability::Local },
            ancestor: None,
            annotation: Annotation {
                received_at_ms: 0,
                operator: "local".to_owned(),
                reason: Reason::new("simulated").expect("a reason"),
            },
        };
        let again = temper.reconnect;
        self.nodes[0].make(vec![genesis(founding, &key)], None, again);
        self.apply(Action::Start(0));
        for place in 1..self.nodes.len() {
            let member = self.nodes[place].member();
            self.ask(0, Asked::Command("admit"), |http, slot| operator::admit(http, member, slot));
            self.settle();
            let shared = self.shared(0).expect("the founder runs").clone();
            let entries = shared.authority_entries.after(None, usize::MAX);
            let entries = entries.iter().map(|stored| (*stored.entry).clone()).collect();
            let upstream = Some(self.nodes[0].address.clone());
            self.nodes[place].make(entries, upstream, again);
        }
        (1..self.nodes.len()).for_each(|place| {
            self.apply(Action::Start(place));
        });
        self.settle();
        self.hear();
        self.events.clear();
    }

    /// Lets everything that can go on do so, in turn, as often as it takes for a request to be answered.
    pub(super) fn settle(&mut self) {
        for _ in 0..12 {
            self.carry();
        }
    }

    fn carry(&mut self) {
        for place in 0..self.nodes.len() {
            for action in inner(place) {
                self.apply(action);
            }
        }
        while self.network.pending() > 0 {
            self.apply(Action::Net(0));
        }
    }

    /// What the parts of a running node share.
    #[must_use]
    pub fn shared(&self, place: usize) -> Option<&Arc<Shared>> {
        self.nodes.get(place).and_then(Node::shared)
    }

    /// How many changes the disk of a node has seen.
    #[must_use]
    pub fn disk_changes(&self, place: usize) -> u64 {
        self.nodes.get(place).map_or(0, Node::changes)
    }

    /// How many nodes there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// What has happened since this was last asked.
    pub fn events(&mut self) -> Vec<Event> {
        self.hear();
        std::mem::take(&mut self.events)
    }

    /// Takes what was answered.
    fn hear(&mut self) {
        for (node, asked, done) in self.clients.answered() {
            match &done {
                Done::Written(Ok(written)) => self.seen = self.seen.max(written.commit_id.get()),
                Done::Declined(declined) => {
                    let certificate = declined.as_ref().as_ref().ok().cloned();
                    let known = &mut self.nodes[node].declined;
                    *known = certificate.or(known.take());
                }
                Done::Written(Err(_)) | Done::Read(_) | Done::Commanded(_) => {}
            }
            self.events.push(Event::Answered(node, asked, done));
        }
    }

    /// Carries out one action. Whether anything came of it.
    pub fn apply(&mut self, action: Action) -> bool {
        self.clock.advance();
        let did = self.act(action);
        self.look_for_ends();
        did
    }

    fn act(&mut self, action: Action) -> bool {
        match action {
            Action::Wal(n) => self.step(n, super::node::Process::wal),
            Action::Supervisor(n) => self.step(n, super::node::Process::supervisor),
            Action::Checkpoints(n) => self.step(n, super::node::Process::checkpoints),
            Action::Prune(n) => self.step(n, super::node::Process::prune),
            Action::Tasks(n) => {
                let stepped = self.step(n, |process| {
                    process.tasks();
                    true
                });
                if stepped {
                    self.clients.turn(n, DEADLINE_MS);
                }
                stepped
            }
            Action::Tick(n, ms) => {
                let stepped = self.step(n, |process| {
                    process.tick(ms);
                    true
                });
                self.clients.passes(n, ms);
                stepped
            }
            Action::Net(pick) => self.arrive(pick),
            Action::Kill(n) => self.end(n, |node| node.kill()),
            Action::PowerLoss(n, seed) => {
                let was_up = self.end(n, |node| node.lose_power(seed));
                // A process that was killed may have left something in the cache.
                was_up || self.with(n, |node| node.lose_power(seed))
            }
            Action::Stop(n) => self.step(n, |process| {
                process.stop();
                true
            }),
            Action::Start(n) => self.start(n),
            Action::Fault(n, fault, after, seed) => {
                self.with(n, |node| node.arm(fault, after, seed))
            }
            Action::Cut(pick) => self.network.cut(pick),
            Action::Duplicate(pick) => self.duplicate(pick),
            Action::Damage(pick) => self.network.damage(pick),
            Action::Hold(pick) => self.network.hold(pick, true),
            Action::LetGo(pick) => self.network.hold(pick, false),
            Action::Block(from, to) => {
                let known = from < self.nodes.len() && to < self.nodes.len() && from != to;
                if known {
                    self.network.block(from, to);
                }
                known
            }
            Action::Heal => self.network.heal(),
            Action::Put(..) | Action::Delete(..) | Action::Txn(..) | Action::Read(..) => {
                operator::client(self, action)
            }
            Action::Designate(..)
            | Action::Release(..)
            | Action::Relinquish(..)
            | Action::Decline(..)
            | Action::EndObligation(..)
            | Action::Promote(..)
            | Action::PromoteOnDecline(..)
            | Action::DryRun(..)
            | Action::Follow(..)
            | Action::Resume(..)
            | Action::ClearFailure(..)
            | Action::Discard(..)
            | Action::Bootstrap(..)
            | Action::Checkpoint(..)
            | Action::Remove(..) => operator::command(self, action),
            Action::OfflineRelinquish(..)
            | Action::OfflineDecline(..)
            | Action::OfflineDiscard(..) => operator::offline(self, action),
        }
    }

    fn with(&mut self, place: usize, change: impl FnOnce(&mut Node)) -> bool {
        self.nodes.get_mut(place).map(change).is_some()
    }

    fn step(&mut self, place: usize, step: impl FnOnce(&mut super::node::Process) -> bool) -> bool {
        let process = self.nodes.get_mut(place).and_then(|node| node.process.as_mut());
        process.is_some_and(step)
    }

    pub(super) fn note(&mut self, event: Event) {
        self.events.push(event);
    }

    /// A program on a stopped node's disk has ended.
    pub(super) fn offline_done(&mut self, place: usize, done: Result<String, String>) {
        self.events.push(Event::Offline(place, done));
        self.with(place, Node::settle_disk);
    }

    /// Asks something of a running node. Whether it runs.
    pub(super) fn ask<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        place: usize,
        asked: Asked,
        request: impl FnOnce(Arc<Http>, Slot) -> F,
    ) -> bool {
        let Some(process) = self.nodes.get(place).and_then(|node| node.process.as_ref()) else {
            return false;
        };
        let slot = self.clients.wait(place, asked);
        process.spawn(request(process.http(), slot));
        true
    }

    fn start(&mut self, place: usize) -> bool {
        let Some(node) = self.nodes.get_mut(place).filter(|node| !node.is_up()) else {
            return false;
        };
        let (clock, dial) = (Arc::clone(&self.clock), self.network.dial(place));
        let event = match node.start(Around { clock, dial }) {
            Ok(()) => {
                self.network.begins(place);
                Event::Started(place)
            }
            Err(why) => {
                let explained = node.is_explained();
                if node.disk.is_off() {
                    node.lose_power(place as u64)
                } else {
                    node.kill()
                }
                Event::NotStarted(place, why, explained)
            }
        };
        self.events.push(event);
        true
    }

    /// Ends a process. Whether there was one.
    fn end(&mut self, place: usize, how: impl FnOnce(&mut Node)) -> bool {
        let Some(node) = self.nodes.get_mut(place).filter(|node| node.is_up()) else {
            return false;
        };
        how(node);
        self.network.ended(place);
        self.clients.gone(place);
        true
    }

    /// A process whose disk failed, that was told to stop or that starts again has ended.
    fn look_for_ends(&mut self) {
        for place in 0..self.nodes.len() {
            let Some(end) = self.nodes[place].end() else { continue };
            match end {
                // What it said last has not left it.
                End::Died(armed) => {
                    self.end(place, |node| node.die(armed));
                    self.events.push(Event::Ended(place, "died in a call to its disk".to_owned()));
                }
                End::Failed(why) => {
                    self.hear();
                    self.end(place, Node::kill);
                    self.events.push(Event::Ended(place, why));
                }
                End::Stopped => {
                    self.hear();
                    self.end(place, Node::kill);
                    self.events.push(Event::Ended(place, "stopped".to_owned()));
                }
                End::Restart => {
                    self.hear();
                    self.end(place, Node::make_way);
                    self.events.push(Event::Ended(place, "starts again".to_owned()));
                    self.start(place);
                }
            }
        }
    }

    fn arrive(&mut self, pick: u64) -> bool {
        match self.network.arrive(pick) {
            None => false,
            Some(Arrival::Nothing) => true,
            Some(Arrival::Question { wire, to, question, guard }) => {
                let network = self.network.clone();
                let Some(process) = &self.nodes[to].process else { return true };
                let (http, mutant) = (process.http(), self.mutant);
                let mut question = *question;
                if let (Some(mutant), Some(there)) = (mutant, self.nodes[to].shared()) {
                    mutant.question(&mut question, there);
                }
                let task = process.spawn(async move {
                    let mut answer = serve(&http, question, guard).await;
                    if let (Some(mutant), Ok(answer)) = (mutant, &mut answer) {
                        mutant.answer(answer);
                    }
                    network.answered(wire, answer);
                });
                self.network.serving(wire, task);
                true
            }
        }
    }

    fn duplicate(&mut self, pick: u64) -> bool {
        let Some((to, question, guard)) = self.network.duplicate(pick) else { return false };
        let Some(process) = &self.nodes[to].process else { return false };
        let http = process.http();
        process.spawn(async move { drop(serve(&http, question, guard).await) });
        true
    }
}

/// A node's own steps, one of each.
pub(super) fn inner(place: usize) -> [Action; 5] {
    Part::ALL.map(|part| part.turn(place))
}

async fn serve(
    http: &Http,
    question: Question,
    guard: aerodb_http_api::connection::ConnectionGuard,
) -> Result<Answer, aerodb_http_api::problem::Problem> {
    match question {
        Question::Pull(request) => http.pull(request, guard).await.map(Answer::Pull),
        Question::Snapshot(request) => http.snapshot(request, guard).await.map(Answer::Snapshot),
    }
}
