//! Authority commands on the holder: admit, remove, designate, release, relinquish, and the end of an
//! obligation.
//!
//! Every entry is appended with the WAL's owner holding still, so that each acknowledgement lies wholly
//! before or after it, and the next batch carries it in its stamp.

use aerodb_core::authority::{
    Annotation, Certificate, EntryBody, Member, Membership, PresentedDecline, SignedReceipt,
    Succession, Tenure,
};
use aerodb_core::decision::acknowledge::covered_release;
use aerodb_core::decision::command::{Command, CommandFacts, remedies};
use aerodb_core::decision::record::{DecisionBody, RequestRef};
use aerodb_core::explain::{Explanation, Recorded};
use aerodb_core::id::{Epoch, NodeId, Seq};
use aerodb_core::machine::{RoleEvent, RoleName, WalWriterEvent};
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use aerodb_ledger::crash::{self, Point};

use crate::supervisor::message::{CommandRequest, Outcome, Receipt};
use crate::supervisor::requests::{Known, reused};
use crate::supervisor::state::{Done, Fatal, Supervisor, owner_ended};
use crate::wal::{Mode, Paused};

impl Supervisor {
    pub(super) fn command(
        &mut self,
        request: CommandRequest,
    ) -> Result<Result<Outcome, Problem>, Fatal> {
        let known = match self.requests.find(request.request.as_ref()) {
            Ok(known) => known,
            Err(problem) => return Ok(Err(problem)),
        };
        if let Some(known) = known {
            return Ok(self.recorded_command(&known));
        }
        if let Some(seq) = self.already(&request.command, request.expected_epoch) {
            return Ok(Ok(Outcome { seq }));
        }
        let Some(paused) = self.shared().owner.pause() else { return Ok(Err(owner_ended())) };
        let facts =
            self.command_facts(request.command, request.expected_epoch, paused.standing.tip);
        let (decision, explanation) = Recorded::decide(facts);
        if explanation.holds() {
            self.carry_out(paused, decision, request.request, request.annotation).map(Ok)
        } else {
            self.go_on(paused);
            let problem = refusal(&decision.facts, &explanation);
            let body = DecisionBody::CommandRefused { decision, request: request.request };
            self.record(body, request.annotation)?;
            Ok(Err(problem))
        }
    }

    fn command_facts(
        &self,
        command: Command,
        expected_epoch: Option<Epoch>,
        wal_end: Position,
    ) -> CommandFacts {
        let authority = self.authority();
        let pulling = self.shared().peers.is_attached(command.subject());
        self.state(&authority).of_command(command, expected_epoch, wal_end, pulling)
    }

    fn carry_out(
        &mut self,
        paused: Paused,
        decision: Recorded<CommandFacts>,
        request: Option<RequestRef>,
        annotation: Annotation,
    ) -> Result<Outcome, Fatal> {
        let seq = self.append(decision.facts.entry(), annotation.clone())?;
        match decision.facts.command {
            Command::Relinquish(_) => {
                crash::reached(Point::SealAfter);
                self.seal(paused);
            }
            Command::Admit(_)
            | Command::Remove(_)
            | Command::Designate(_)
            | Command::Release(_)
            | Command::EndObligation(_) => {
                crash::reached(Point::CommandDurable);
                self.ledger_grown();
                self.go_on(paused);
            }
        }
        self.publish();
        let entry = self.authority().head();
        self.record(DecisionBody::CommandDone { decision, entry, request }, annotation)?;
        if self.role().role_name() == RoleName::PrimarySealed {
            crash::reached(Point::SealRecorded);
        }
        Ok(Outcome { seq })
    }

    /// Lets the WAL's owner go on as it was, with the ledger's present head in its stamp.
    pub(super) fn go_on(&self, mut paused: Paused) {
        let mode = match paused.authority.take() {
            Some(write) => self.holding(write),
            None => match self.role().role_name() {
                RoleName::ReplicaActive => Mode::Replica,
                RoleName::Uninitialized
                | RoleName::PrimaryActive
                | RoleName::PrimarySealed
                | RoleName::ReplicationHalted => Mode::Idle,
            },
        };
        paused.resume(mode);
    }

    /// The authority is consumed: nothing can be appended in this epoch any more. That is published before
    /// the entry counts as covered and can leave: the heir may hold as soon as it has it, and a reader here
    /// must not be told by an older view that this node still does.
    fn seal(&self, mut paused: Paused) {
        let machines = &self.shared().machines;
        if let Some(write) = paused.authority.take() {
            machines.role.must_step(&machines.journal, &RoleEvent::Relinquished(write.surrender()));
            machines.writer.must_step(&machines.journal, &WalWriterEvent::Sealed);
        }
        self.publish();
        self.shared().acks.seal(self.authority().head().seq);
        paused.resume(Mode::Idle);
    }

    pub(super) fn ledger_grown(&self) {
        let authority = self.authority();
        let peers = &self.shared().peers;
        self.shared().acks.ledger_grown(authority.obligation(), authority.head().seq, |node| {
            peers.is_attached(node)
        });
    }

    /// The covered release (DESIGN 3.2): the released node's receipt shows the release in its ledger.
    pub(super) fn end_obligation(&mut self, receipt: Receipt) -> Done {
        let authority = self.authority();
        let receipt = SignedReceipt { claim: receipt.claim, signature: receipt.signature };
        let Some(body) = covered_release(&authority, receipt) else { return Ok(()) };
        if self.shared().machines.latch.get().cause().is_some() {
            return Ok(());
        }
        let Some(paused) = self.shared().owner.pause() else { return Ok(()) };
        let signed = self.sign(
            body,
            self.by_the_node("the released successor has the release in its ledger")?,
        )?;
        // What a peer sent may be forged: a refusal is the peer's failure, not ours.
        match self.parts.ledger.append(&[signed]) {
            Ok(_) => {
                self.ledger_grown();
                self.go_on(paused);
                self.publish();
                Ok(())
            }
            Err(aerodb_ledger::AppendError::Rejected(rejected)) => {
                tracing::warn!(%rejected, "a receipt that ends no obligation");
                self.go_on(paused);
                Ok(())
            }
            Err(aerodb_ledger::AppendError::Fault(fault)) => Err(Fatal(fault.to_string())),
        }
    }

    /// The entry of what is so already: asked again, a step is answered with it, so that a sequence of steps that
    /// was interrupted can be gone through from its start.
    fn already(&self, command: &Command, expected_epoch: Option<Epoch>) -> Option<Seq> {
        let authority = self.authority();
        let ours = authority.holder() == &self.shared().identity.node_id;
        let this_epoch = ours && expected_epoch == Some(authority.epoch());
        match command {
            Command::Admit(member) => self.already_admitted(member),
            Command::EndObligation(decline) => self.already_ended(decline),
            Command::Remove(node) => match authority.member(node) {
                Some((_, Membership::Removed)) => self.removal_of(node),
                Some((_, Membership::Admitted)) | None => None,
            },
            Command::Designate(node) => match authority.succession() {
                Some(Succession::Designated { successor, entry, .. })
                    if this_epoch && successor == node =>
                {
                    Some(entry.seq)
                }
                Some(Succession::Designated { .. } | Succession::Releasing { .. }) | None => None,
            },
            Command::Release(node) => match authority.succession() {
                Some(Succession::Releasing { successor, entry, .. })
                    if this_epoch && successor == node =>
                {
                    Some(entry.seq)
                }
                Some(Succession::Designated { .. } | Succession::Releasing { .. }) | None => None,
            },
            Command::Relinquish(node) => match authority.tenure() {
                Tenure::Relinquished { successor, entry, .. }
                    if this_epoch && successor == node =>
                {
                    Some(entry.seq)
                }
                Tenure::Relinquished { .. } | Tenure::Held => None,
            },
        }
    }

    fn removal_of(&self, node: &NodeId) -> Option<Seq> {
        self.shared().authority_entries.after(None, usize::MAX).iter().find_map(|stored| {
            let entry = &stored.entry.entry;
            match &entry.body {
                EntryBody::MemberRemoved { node_id, .. } => (node_id == node).then_some(entry.seq),
                EntryBody::Genesis(_)
                | EntryBody::MemberAdmitted { .. }
                | EntryBody::SuccessorDesignated { .. }
                | EntryBody::SuccessorReleased { .. }
                | EntryBody::ObligationEnded { .. }
                | EntryBody::AuthorityRelinquished { .. }
                | EntryBody::AuthorityGranted(_) => None,
            }
        })
    }

    /// Admitting what is already admitted is already so: the same id, key and address.
    fn already_admitted(&self, member: &Member) -> Option<Seq> {
        let authority = self.authority();
        if authority.admitted(&member.node_id) != Some(member) {
            return None;
        }
        self.shared().authority_entries.after(None, usize::MAX).iter().find_map(|stored| {
            let entry = &stored.entry.entry;
            match &entry.body {
                EntryBody::MemberAdmitted { member: admitted, .. } if admitted == member => {
                    Some(entry.seq)
                }
                EntryBody::Genesis(genesis) if &genesis.founder == member => Some(entry.seq),
                _ => None,
            }
        })
    }

    /// An obligation that this very certificate has ended is ended.
    fn already_ended(&self, decline: &PresentedDecline) -> Option<Seq> {
        if !self.authority().has_declined(&decline.certificate.claim.node_id) {
            return None;
        }
        self.shared().authority_entries.after(None, usize::MAX).iter().find_map(|stored| {
            let entry = &stored.entry.entry;
            match &entry.body {
                EntryBody::ObligationEnded { certificate: Certificate::Decline(ended), .. }
                    if *ended == decline.certificate =>
                {
                    Some(entry.seq)
                }
                _ => None,
            }
        })
    }

    fn recorded_command(&self, known: &Known) -> Result<Outcome, Problem> {
        let other = || reused("the request id was used for another kind of request");
        let Known::Decision(seq) = known else { return Err(other()) };
        let stored = self.shared().decision_entries.entry(*seq);
        match stored.as_ref().map(|stored| &stored.entry.entry.body) {
            Some(DecisionBody::CommandDone { entry, .. }) => Ok(Outcome { seq: entry.seq }),
            Some(DecisionBody::CommandRefused { decision, .. }) => {
                Err(refusal(&decision.facts, &aerodb_core::explain::explain(&decision.facts)))
            }
            Some(_) | None => Err(other()),
        }
    }
}

/// The refusal of a command, with what could change the answer.
fn refusal(facts: &CommandFacts, explanation: &Explanation) -> Problem {
    let failed: Vec<RuleId> = explanation.failed().map(|rule| rule.rule).collect();
    let reason = explanation.conclusion.reason.as_deref().unwrap_or("undetermined");
    let what = facts.command.as_str();
    let problem = Problem::new(Code::CommandRefused, format!("{what} is refused: {reason}"));
    problem.explained(explanation, remedies(facts, &failed)).with("epoch", facts.authority.epoch)
}
