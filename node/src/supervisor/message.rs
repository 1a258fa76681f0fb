//! What the supervisor is told and asked, and the way to it.

use std::sync::mpsc;

use aerodb_core::authority::{Annotation, ReceiptClaim, SignedDecline};
use aerodb_core::decision::command::Command;
use aerodb_core::decision::record::RequestRef;
use aerodb_core::hash::Signature;
use aerodb_core::id::{Address, Epoch, Seq};
use aerodb_core::rules::RuleId;
use aerodb_http_api::problem::Problem;
use aerodb_http_api::types::Discarded;
use tokio::sync::oneshot;

use crate::bootstrap::TransferEvent;
use crate::replication::{LedgerThere, PullerEvent};
use crate::supervisor::decline::{DeclineAnswer, DeclineAsked};
use crate::supervisor::promotion::{PromotionAnswer, PromotionRequest};
use crate::wal::WalFailure;

/// An authority command with all that comes with it.
#[derive(Debug)]
pub struct CommandRequest {
    /// What is asked.
    pub command: Command,
    /// The epoch that the request names, where it names one.
    pub expected_epoch: Option<Epoch>,
    /// The operator's name for the request.
    pub request: Option<RequestRef>,
    /// Who, when and why.
    pub annotation: Annotation,
}

/// What came of a command: the entry that is durable here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Its number in the authority ledger.
    pub seq: Seq,
}

/// A signed receipt that may end an obligation.
#[derive(Debug)]
pub struct Receipt {
    /// What is said.
    pub claim: ReceiptClaim,
    /// By whom.
    pub signature: Signature,
}

/// An operator's intervention on a replica.
#[derive(Debug)]
pub enum Intervention {
    /// Pull from here from now on.
    Follow {
        /// The new upstream.
        upstream: Address,
        /// What its ledger has past this node's, which a node that held must see first.
        there: Option<LedgerThere>,
    },
    /// Pull again.
    Resume,
    /// On a halted node: the failure is cleared, if its cause is gone, and the replica pulls again.
    Clear {
        /// The rule of the failure that is latched first.
        failure: RuleId,
        /// Where it pulls from then, if that is another node than before.
        upstream: Option<Address>,
    },
    /// Take the holder's snapshot over.
    Bootstrap,
}

/// A message.
pub(super) enum Message {
    Command(CommandRequest, oneshot::Sender<Result<Outcome, Problem>>),
    Decline(DeclineAsked, oneshot::Sender<Result<DeclineAnswer, Problem>>),
    Promote(Box<PromotionRequest>, oneshot::Sender<Result<PromotionAnswer, Problem>>),
    Intervene(
        Intervention,
        Option<RequestRef>,
        Annotation,
        oneshot::Sender<Result<(Seq, Address), Problem>>,
    ),
    Discard {
        dry_run: bool,
        request: Option<RequestRef>,
        annotation: Annotation,
        reply: oneshot::Sender<Result<Discarded, Problem>>,
    },
    Checkpoint(Annotation, oneshot::Sender<Result<Option<Seq>, Problem>>),
    Receipt(Receipt),
    Puller(u64, PullerEvent),
    Transfer(u64, TransferEvent),
    Wal(WalFailure),
    Reconnect(u64),
    OutcomeRecorded(oneshot::Sender<()>),
    Stop(oneshot::Sender<()>),
}

/// The way to the supervisor.
#[derive(Debug, Clone)]
pub struct SupervisorHandle {
    messages: mpsc::Sender<Message>,
}

/// A handle and the queue that its messages arrive in.
#[must_use]
pub fn channel() -> (SupervisorHandle, Inbox) {
    let (messages, inbox) = mpsc::channel();
    (SupervisorHandle { messages }, Inbox(inbox))
}

/// The supervisor's queue.
#[derive(Debug)]
pub struct Inbox(pub(super) mpsc::Receiver<Message>);

fn stopped() -> Problem {
    Problem::new(aerodb_http_api::code::Code::Recovering, "the node is stopping")
}

impl SupervisorHandle {
    fn tell(&self, message: Message) {
        // A supervisor that has ended has told everyone why.
        let _ = self.messages.send(message);
    }

    async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<T, Problem>>) -> Message,
    ) -> Result<T, Problem> {
        let (reply, answer) = oneshot::channel();
        self.tell(message(reply));
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Has an authority command decided and carried out.
    ///
    /// # Errors
    /// The refusal.
    pub async fn command(&self, request: CommandRequest) -> Result<Outcome, Problem> {
        self.ask(|reply| Message::Command(request, reply)).await
    }

    /// Has the node decline the next epoch; answers its signed word and where that stands in its record.
    ///
    /// # Errors
    /// The refusal.
    pub async fn decline(&self, asked: DeclineAsked) -> Result<(Seq, SignedDecline), Problem> {
        self.ask(|reply| Message::Decline(asked, reply)).await
    }

    /// Has a promotion decided and, unless it is a dry run, carried out.
    ///
    /// # Errors
    /// The denial, or why it was not looked at.
    pub async fn promote(&self, request: PromotionRequest) -> Result<PromotionAnswer, Problem> {
        self.ask(|reply| Message::Promote(Box::new(request), reply)).await
    }

    /// Has an intervention carried out; answers its number in the decision ledger and the upstream.
    ///
    /// # Errors
    /// Why it makes no sense here.
    pub async fn intervene(
        &self,
        intervention: Intervention,
        request: Option<RequestRef>,
        annotation: Annotation,
    ) -> Result<(Seq, Address), Problem> {
        self.ask(|reply| Message::Intervene(intervention, request, annotation, reply)).await
    }

    /// Has a halted node set its suffix aside, or with `dry_run` say what it holds.
    ///
    /// # Errors
    /// Why nothing is set aside.
    pub async fn discard_suffix(
        &self,
        dry_run: bool,
        request: Option<RequestRef>,
        annotation: Annotation,
    ) -> Result<Discarded, Problem> {
        self.ask(|reply| Message::Discard { dry_run, request, annotation, reply }).await
    }

    /// Records who asked for a checkpoint, and why. `None` in a role in which none is taken.
    ///
    /// # Errors
    /// When the node is stopping.
    pub async fn checkpoint_asked(&self, annotation: Annotation) -> Result<Option<Seq>, Problem> {
        self.ask(|reply| Message::Checkpoint(annotation, reply)).await
    }

    /// Hands over a receipt that may end an obligation.
    pub fn receipt(&self, receipt: Receipt) {
        self.tell(Message::Receipt(receipt));
    }

    /// Hands over word of a puller.
    pub fn puller(&self, number: u64, event: PullerEvent) {
        self.tell(Message::Puller(number, event));
    }

    /// Hands over word of a transfer.
    pub fn transfer(&self, number: u64, event: TransferEvent) {
        self.tell(Message::Transfer(number, event));
    }

    /// Hands over what ends the WAL owner's work.
    pub fn wal_failed(&self, failure: WalFailure) {
        self.tell(Message::Wal(failure));
    }

    /// Asks for another attempt to pull, if the puller of this number is still the last one.
    pub fn reconnect(&self, number: u64) {
        self.tell(Message::Reconnect(number));
    }

    /// Has the outcome of an attempt recorded that was answered already, and returns when it is.
    pub async fn outcome_recorded(&self) {
        let (reply, done) = oneshot::channel();
        self.tell(Message::OutcomeRecorded(reply));
        // A supervisor that has ended records nothing any more.
        let _ = done.await;
    }

    /// Ends the supervisor: the logs are closed, the stamps written.
    pub async fn stop(&self) {
        let (reply, done) = oneshot::channel();
        self.tell(Message::Stop(reply));
        // An error says that it has ended already.
        let _ = done.await;
    }
}
