//! The supervisor's state and its loop.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;

use aerodb_core::authority::{Annotation, Authority, Entry, EntryBody, SignedEntry};
use aerodb_core::decision::node_state::NodeState;
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::explain::Remedy;
use aerodb_core::id::{Address, Reason, Seq};
use aerodb_core::machine::{LifecycleEvent, Role, WalWriter, WalWriterEvent, WriteAuthority};
use aerodb_core::position::LedgerHead;
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use aerodb_ledger::AppendError;
use aerodb_ledger::authority::{AuthorityLedger, NodeKey, sign_entry};
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::Disk;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use crate::bootstrap::TransferTask;
use crate::config::Reconnect;
use crate::directory::DataDir;
use crate::identity::{IdentityFile, Stamp};
use crate::replication::{Puller, PullerContext};
use crate::shared::Shared;
use crate::supervisor::SupervisorHandle;
use crate::supervisor::message::{Inbox, Message};
use crate::supervisor::requests::Requests;
use crate::supervisor::span::span;
use crate::view::View;
use crate::wal::Mode;

/// Why the process must end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fatal(pub String);

/// What a supervisor is made of.
pub struct Parts {
    /// What the node's tasks share.
    pub shared: Arc<Shared>,
    /// The node's key.
    pub key: Arc<NodeKey>,
    /// The directory.
    pub dir: DataDir,
    /// The identity in it, as it was stamped at the start.
    pub identity: IdentityFile,
    /// The authority ledger, open.
    pub ledger: AuthorityLedger,
    /// The decision ledger, open.
    pub decisions: DecisionLedger,
    /// Where a replica pulls from.
    pub upstream: Option<Address>,
    /// Whether a lost upstream is tried again without being told.
    pub reconnect: Reconnect,
    /// The configured bound on the store, in bytes.
    pub store_bytes_max: u64,
    /// Where pullers run.
    pub runtime: Handle,
    /// What a puller works with.
    pub context: PullerContext,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The way back to this supervisor, for pullers.
    pub handle: SupervisorHandle,
    /// Told when the process must end.
    pub fatal: watch::Sender<Option<Fatal>>,
}

/// The supervisor. It lives on its own thread.
pub struct Supervisor {
    pub(super) parts: Parts,
    pub(super) requests: Requests,
    pub(super) puller: Option<Puller>,
    pub(super) pullers: u64,
    pub(super) detached: Option<String>,
    /// Upstream no longer has the history that this replica needs next.
    pub(super) bootstrap_required: bool,
    /// The log that this process has open is not the directory's any more, which is stamped already.
    pub(super) log_replaced: bool,
    pub(super) transfer: Option<TransferTask>,
    pub(super) transfers: u64,
    /// The outcome of an attempt that the authority ledger has and this node's own record has not yet.
    pub(super) unrecorded: Option<(DecisionBody, Annotation)>,
}

/// Goes on, or ends the process.
pub(super) type Done = Result<(), Fatal>;

impl Supervisor {
    /// A supervisor over a recovered node.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let mut requests = Requests::default();
        for stored in parts.decisions.entries().after(None, usize::MAX) {
            requests.learn(&stored.entry);
        }
        Self {
            parts,
            requests,
            puller: None,
            pullers: 0,
            detached: None,
            bootstrap_required: false,
            log_replaced: false,
            transfer: None,
            transfers: 0,
            unrecorded: None,
        }
    }

    /// Takes messages until told to stop or until the disk fails.
    pub fn run(mut self, inbox: Inbox) {
        self.begin();
        loop {
            let flow = match self.next(&inbox) {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => self.carry(Self::record_outcome),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if flow.is_break() {
                return;
            }
        }
    }

    /// Takes one message, if there is one: the same as [`Supervisor::run`] does, for whoever carries all parts
    /// of a node on one thread. `None` when there is none.
    pub fn take_next(&mut self, inbox: &Inbox) -> Option<ControlFlow<()>> {
        match inbox.0.try_recv() {
            Ok(message) => Some(self.take(message)),
            Err(_) => self.unrecorded.is_some().then(|| self.carry(Self::record_outcome)),
        }
    }

    fn take(&mut self, message: Message) -> ControlFlow<()> {
        self.carry(Self::record_outcome)?;
        if let Message::Stop(done) = message {
            self.close();
            let _ = done.send(());
            return ControlFlow::Break(());
        }
        self.carry(|supervisor| supervisor.handle(message))
    }

    /// Does some work; a failure of it ends the process.
    fn carry(&mut self, work: impl FnOnce(&mut Self) -> Done) -> ControlFlow<()> {
        if let Err(fatal) = work(self) {
            tracing::error!(%fatal, "the process must end");
            self.give_up();
            self.parts.fatal.send_replace(Some(fatal));
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn handle(&mut self, message: Message) -> Done {
        let _span = span(&message).entered();
        match message {
            Message::Command(request, reply) => answer(reply, self.command(request))?,
            Message::Decline(asked, reply) => answer(reply, self.decline(asked))?,
            Message::Promote(request, reply) => answer(reply, self.promote(*request))?,
            Message::Intervene(intervention, request, annotation, reply) => {
                answer(reply, self.intervene(intervention, request, annotation))?;
            }
            Message::Discard { dry_run, request, annotation, reply } => {
                answer(reply, self.discard_suffix(dry_run, request, annotation))?;
            }
            Message::Checkpoint(annotation, reply) => {
                answer(reply, self.checkpoint_asked(annotation).map(Ok))?;
            }
            Message::Receipt(receipt) => self.end_obligation(receipt)?,
            Message::Puller(number, event) => self.puller_said(number, event)?,
            Message::Transfer(number, event) => self.transfer_said(number, event)?,
            Message::Wal(failure) => self.wal_failed(failure)?,
            Message::Reconnect(number) => self.reconnect(number),
            // The outcome that is owed is recorded before any message is taken up.
            Message::OutcomeRecorded(reply) => drop(reply.send(())),
            Message::Stop(_) => {}
        }
        Ok(())
    }

    /// A replica pulls from process start on.
    pub fn begin(&mut self) {
        if matches!(self.role(), Role::ReplicaActive { .. }) {
            self.start_pulling();
        }
    }

    fn close(&mut self) {
        self.transfer = None;
        if let Some(puller) = self.puller.take() {
            puller.stop();
        }
        let machines = &self.shared().machines;
        machines.lifecycle.must_step(&machines.journal, &LifecycleEvent::StopRequested);
        if let Some(paused) = self.shared().owner.pause() {
            if paused.authority.is_some() {
                machines.writer.must_step(&machines.journal, &WalWriterEvent::Sealed);
            }
            let wal_frame = paused.standing.frame;
            paused.resume(Mode::Idle);
            self.stamp(wal_frame);
        }
        self.shared().acks.abandon();
    }

    /// The close stamp: a log that ends before it at the next start has lost something (DESIGN 5). A stop
    /// without it is a crash like any other, so a failure here is told and changes nothing.
    fn stamp(&self, wal_frame: u64) {
        if self.log_replaced {
            return;
        }
        let Parts { identity, dir, ledger, decisions, disk, .. } = &self.parts;
        let stamp = Stamp {
            starts: identity.stamp.starts,
            authority_frame: ledger.last_frame_seq(),
            decision_frame: decisions.last_frame_seq(),
            wal_frame,
        };
        if let Err(error) = identity.restamped(stamp).write(&**disk, dir.path()) {
            tracing::error!(%error, "the close stamp is not written");
        }
    }

    /// A disk failed, whichever log it was: until the process has ended, no receipt is sent, nothing is
    /// appended, and nobody is told that a write is acknowledged (WAL-13).
    fn give_up(&mut self) {
        self.transfer = None;
        if let Some(puller) = self.puller.take() {
            puller.stop();
        }
        // Dropped without a way to go on, it leaves the WAL idle.
        drop(self.shared().owner.pause());
        let machines = &self.shared().machines;
        if let WalWriter::Open { .. } = machines.writer.get() {
            machines.writer.must_step(&machines.journal, &WalWriterEvent::Failed);
        }
        let bounds = self.shared().acks.bounds();
        self.shared().acks.stop_holding(bounds.acknowledged, bounds.covered);
        self.publish();
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.parts.shared
    }

    pub(super) fn role(&self) -> Role {
        self.shared().machines.role.get()
    }

    pub(super) fn authority(&self) -> Arc<Authority> {
        Arc::clone(self.parts.ledger.authority())
    }

    /// What this node is now, as far as decisions read it, with this ledger.
    pub(super) fn state<'a>(&'a self, authority: &'a Authority) -> NodeState<'a> {
        let Shared { identity, machines, .. } = self.shared();
        NodeState {
            node: &identity.node_id,
            authority,
            role: machines.role.get().role_name(),
            halt: machines.latch.get().cause().map(|failure| failure.rule),
        }
    }

    /// Publishes the state as it is now.
    pub fn publish(&self) {
        let machines = &self.shared().machines;
        let mut view = View::new(
            &self.shared().identity,
            machines.role.get(),
            self.authority(),
            machines.latch.get(),
            &machines.writer.get(),
            self.parts.store_bytes_max,
        );
        view.upstream.clone_from(&self.parts.upstream);
        view.detached.clone_from(&self.detached);
        view.bootstrap_required = self.bootstrap_required;
        self.shared().publish(view);
    }

    /// The mode of a holder in the ledger's present state.
    pub(super) fn holding(&self, write: WriteAuthority) -> Mode {
        let authority = self.authority();
        Mode::Holder { authority: write, stamp: authority.head() }
    }

    /// The next entry of the authority ledger, signed by this node.
    pub(super) fn sign(
        &self,
        body: EntryBody,
        annotation: Annotation,
    ) -> Result<SignedEntry, Fatal> {
        self.sign_after(self.authority().head(), body, annotation)
    }

    fn sign_after(
        &self,
        head: LedgerHead,
        body: EntryBody,
        annotation: Annotation,
    ) -> Result<SignedEntry, Fatal> {
        let entry = Entry {
            format: Entry::FORMAT,
            seq: head
                .seq
                .next()
                .ok_or_else(|| Fatal("the ledger's numbers are exhausted".to_owned()))?,
            previous: head.hash,
            author: self.shared().identity.node_id.clone(),
            body,
            annotation,
        };
        Ok(sign_entry(&self.parts.key, entry))
    }

    /// Appends an entry of our own making. That the fold refuses it would be a violation of our own
    /// invariant: the decision was made by the same rules.
    pub(super) fn append(&mut self, body: EntryBody, annotation: Annotation) -> Result<Seq, Fatal> {
        self.append_after(Vec::new(), body, annotation)
    }

    /// The same, behind entries of others that were checked to fit: all of them in one append.
    pub(super) fn append_after(
        &mut self,
        mut entries: Vec<SignedEntry>,
        body: EntryBody,
        annotation: Annotation,
    ) -> Result<Seq, Fatal> {
        let head = entries.last().map_or_else(|| self.authority().head(), |last| last.entry.head());
        let signed = self.sign_after(head, body, annotation)?;
        let seq = signed.entry.seq;
        entries.push(signed);
        match self.parts.ledger.append(&entries) {
            Ok(_) => Ok(seq),
            Err(AppendError::Fault(fault)) => Err(Fatal(fault.to_string())),
            Err(AppendError::Rejected(rejected)) => panic!("our own entry is refused: {rejected}"),
        }
    }

    /// Appends to this node's own record; answers the entry's number.
    pub(super) fn record(
        &mut self,
        body: DecisionBody,
        annotation: Annotation,
    ) -> Result<Seq, Fatal> {
        let seq = self.note(body, annotation)?;
        self.settle()?;
        Ok(seq)
    }

    /// The same, with the trailer owed: [`DecisionLedger::note`]. The number is known, and nothing is shown.
    pub(super) fn note(
        &mut self,
        body: DecisionBody,
        annotation: Annotation,
    ) -> Result<Seq, Fatal> {
        let noted = self.parts.decisions.note(body, annotation, &self.parts.key);
        Ok(noted.map_err(|fault| Fatal(fault.to_string()))?.seq)
    }

    /// Makes good what is owed to the record, and learns what it says.
    pub(super) fn settle(&mut self) -> Done {
        self.parts.decisions.settle().map_err(|fault| Fatal(fault.to_string()))?;
        let entries = self.parts.decisions.entries();
        for stored in entries.after(self.requests.learnt(), usize::MAX) {
            self.requests.learn(&stored.entry);
        }
        Ok(())
    }

    /// The annotation of something that no operator asked for in this moment.
    pub(super) fn by_the_node(&self, reason: &str) -> Result<Annotation, Fatal> {
        let reason = Reason::new(reason).map_err(|error| Fatal(error.to_string()))?;
        Ok(Annotation {
            received_at_ms: self.shared().world.clock.now_ms(),
            operator: "node".to_owned(),
            reason,
        })
    }
}

/// Answers who asked; when the disk failed, with that: whether the entry is durable is known once a restart
/// has re-read the ledger. A caller that has gone away needs no answer.
fn answer<T>(
    reply: oneshot::Sender<Result<T, Problem>>,
    outcome: Result<Result<T, Problem>, Fatal>,
) -> Done {
    match outcome {
        Ok(answer) => {
            let _ = reply.send(answer);
            Ok(())
        }
        Err(fatal) => {
            let detail = format!("{fatal}; a restart will show whether it took effect");
            let _ =
                reply
                    .send(Err(Problem::new(Code::WalPoisoned, detail)
                        .rule(RuleId::Wal13, after_a_failure())));
            Err(fatal)
        }
    }
}

/// The answer where the WAL's owner has ended: its failure is on its way.
pub(super) fn owner_ended() -> Problem {
    let detail = "the WAL's owner has ended";
    Problem::new(Code::WalPoisoned, detail).rule(RuleId::Wal13, after_a_failure())
}

/// What to do about a disk that failed; which node it is the reader knows, it was asked.
pub(crate) fn after_a_failure() -> Vec<Remedy> {
    vec![Remedy {
        rule: RuleId::Wal13,
        action: "look after the disk, then start the node again: it re-reads what is durable",
        node_id: None,
        method: Remedy::BY_HAND,
        path: "aerodb serve --data-dir DIR",
        body: None,
    }]
}
