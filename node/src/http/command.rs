//! What operators ask: carried to the supervisor, answered when it is covered or when the caller's
//! deadline passes.

use aerodb_core::authority::{Annotation, Member};
use aerodb_core::decision::command::Command;
use aerodb_core::decision::record::RequestRef;
use aerodb_core::hash::Hash;
use aerodb_core::id::{Address, Epoch, NodeId, Reason, RequestId, Seq};
use aerodb_core::machine::RoleName;
use aerodb_http_api::code::Code;
use aerodb_http_api::port::Call;
use aerodb_http_api::problem::Problem;
use aerodb_http_api::types::{
    AdmitRequest, AuthorityAction, AuthorityCommand, BootstrapRequest, Brought, CommandDone,
    DeclineRequest, Declined, DiscardRequest, Discarded, FollowRequest, Intervened,
    LedgerEntryView, Outcome, PromoteRequest, Promoted, ResumeRequest,
};
use aerodb_ledger::authority::present_decline;
use serde::Serialize;

use crate::http::Http;
use crate::replication::{LedgerThere, ledger_there, no_answer};
use crate::supervisor::{CommandRequest, DeclineAsked, Intervention, PromotionRequest};

/// The hash of a request's canonical body: what is asked, and why, without its name.
fn named(request_id: Option<RequestId>, what: &str, body: &impl Serialize) -> Option<RequestRef> {
    request_id.map(|request_id| {
        // A value of our own types always serialises.
        let canonical = serde_json::to_vec(body).unwrap_or_default();
        let body_digest = Hash::of("aerodb 2026 request body", &[what.as_bytes(), &canonical]);
        RequestRef { request_id, body_digest }
    })
}

impl Http {
    pub(super) fn annotation(&self, call: &Call, reason: Reason) -> Annotation {
        Annotation {
            received_at_ms: self.shared.world.clock.now_ms(),
            operator: call.principal.as_str().to_owned(),
            reason,
        }
    }

    pub(super) async fn do_admit(
        &self,
        request: AdmitRequest,
        call: Call,
    ) -> Result<CommandDone, Problem> {
        let AdmitRequest { node_id, public_key, address, reason } = request;
        let command = Command::Admit(Member { node_id, public_key, address });
        self.carry_out(command, None, None, reason, call).await
    }

    pub(super) async fn do_remove(
        &self,
        node: NodeId,
        epoch: Epoch,
        reason: Reason,
        call: Call,
    ) -> Result<CommandDone, Problem> {
        let view = self.shared.view.load_full();
        if view.authority.member(&node).is_none() {
            return Err(Problem::new(Code::NoSuchEntry, format!("{node} was never a member")));
        }
        self.carry_out(Command::Remove(node), Some(epoch), None, reason, call).await
    }

    pub(super) async fn do_command(
        &self,
        command: AuthorityCommand,
        call: Call,
    ) -> Result<CommandDone, Problem> {
        let AuthorityCommand { action, expected_epoch, request_id, reason } = command;
        // The request is what was asked, not what it comes to now: after a release nobody is left to name.
        let asked = match &action {
            AuthorityAction::Designate(node) | AuthorityAction::Relinquish(node) => Some(node),
            AuthorityAction::Release(node) => node.as_ref(),
            AuthorityAction::EndObligation(decline) => Some(&decline.claim.node_id),
        };
        let body = (asked.cloned(), expected_epoch, reason.clone());
        let command = match action {
            AuthorityAction::Designate(node) => Command::Designate(node),
            AuthorityAction::Relinquish(node) => Command::Relinquish(node),
            AuthorityAction::Release(node) => Command::Release(self.to_release(node)),
            AuthorityAction::EndObligation(decline) => {
                let authority = &self.shared.view.load_full().authority;
                Command::EndObligation(Box::new(present_decline(authority, decline)))
            }
        };
        let request = named(request_id, command.as_str(), &body);
        self.carry_out(command, Some(expected_epoch), request, reason, call).await
    }

    /// A release without a name is of the heir in force; without one, the rules say so.
    fn to_release(&self, named: Option<NodeId>) -> NodeId {
        let view = self.shared.view.load();
        named.unwrap_or_else(|| {
            let heir = view.authority.succession().map(|heir| heir.successor().clone());
            heir.unwrap_or_else(|| self.shared.identity.node_id.clone())
        })
    }

    async fn carry_out(
        &self,
        command: Command,
        expected_epoch: Option<Epoch>,
        request: Option<RequestRef>,
        reason: Reason,
        call: Call,
    ) -> Result<CommandDone, Problem> {
        let releases = matches!(command, Command::Release(_));
        let annotation = self.annotation(&call, reason);
        let done = self
            .supervisor
            .command(CommandRequest { command, expected_epoch, request, annotation })
            .await?;
        let covered = tokio::select! {
            biased;
            waited = tokio::time::timeout(call.deadline, self.covered(done.seq, releases)) => waited.is_ok(),
            () = self.shared.stopped() => false,
        };
        match self.shared.authority_entries.entry(done.seq) {
            Some(stored) => {
                Ok(CommandDone { entry: LedgerEntryView::from(&*stored.entry), covered })
            }
            None => Err(Problem::new(Code::NoSuchEntry, "the entry is not in the ledger")),
        }
    }

    /// Completes when the entry is covered; a release, when the obligation has ended with it.
    async fn covered(&self, seq: Seq, releases: bool) {
        let mut bounds = self.shared.acks.subscribe();
        // The senders live as long as the node.
        let _ = bounds.wait_for(|bounds| bounds.covered >= Some(seq)).await;
        if releases {
            let mut changed = self.shared.view_changed.subscribe();
            while self.shared.view.load().authority.succession().is_some() {
                let _ = changed.changed().await;
            }
        }
    }

    pub(super) async fn do_decline(
        &self,
        request: DeclineRequest,
        call: Call,
    ) -> Result<Declined, Problem> {
        let DeclineRequest { expected_epoch, request_id, reason } = request;
        let request = named(request_id, "decline", &(expected_epoch, &reason));
        let annotation = self.annotation(&call, reason);
        let asked = DeclineAsked { expected_epoch, request, annotation };
        let (seq, decline) = self.supervisor.decline(asked).await?;
        Ok(Declined { seq, decline })
    }

    pub(super) async fn do_promote(
        &self,
        request: PromoteRequest,
        dry_run: bool,
        call: Call,
    ) -> Result<Promoted, Problem> {
        let PromoteRequest {
            expected_epoch,
            replica_id,
            request_id,
            expected_digest,
            evidence,
            reason,
        } = request;
        let Brought { decline, entries } = Brought::of(evidence)
            .map_err(|what| Problem::new(Code::InvalidRequest, what).with("field", "evidence"))?;
        let hashes: Vec<Hash> = entries.iter().map(|signed| signed.entry.hash()).collect();
        let body = (expected_epoch, &replica_id, expected_digest, &decline, &hashes, &reason);
        let request = named(request_id, "promote", &body);
        let annotation = self.annotation(&call, reason);
        let promotion = PromotionRequest {
            expected_epoch,
            replica_id,
            request,
            decline,
            entries,
            expected_digest,
            dry_run,
            annotation,
        };
        let answer = self.supervisor.promote(promotion).await?;
        Ok(Promoted {
            promotion_id: answer.promotion_id,
            outcome: Outcome::Approved,
            epoch: answer.epoch,
            holder: answer.holder,
            start_commit: answer.start.boundary,
            explanation: aerodb_core::explain_value(&answer.explanation),
            dry_run,
        })
    }

    pub(super) async fn do_follow(
        &self,
        request: FollowRequest,
        call: Call,
    ) -> Result<Intervened, Problem> {
        let FollowRequest { upstream, reason, request_id } = request;
        let request = named(request_id, "follow", &(&upstream, &reason));
        let there = self.ledger_there(&upstream, call.deadline).await?;
        let intervention = Intervention::Follow { upstream, there };
        let annotation = self.annotation(&call, reason);
        let (seq, upstream) = self.supervisor.intervene(intervention, request, annotation).await?;
        Ok(Intervened { seq, upstream })
    }

    /// What the new upstream's ledger has past this node's. A replica learns it by pulling; a node that
    /// held must see a later grant before it may pull at all.
    async fn ledger_there(
        &self,
        upstream: &Address,
        deadline: std::time::Duration,
    ) -> Result<Option<LedgerThere>, Problem> {
        match self.shared.view.load().role.role_name() {
            RoleName::PrimaryActive | RoleName::PrimarySealed => {}
            RoleName::ReplicaActive | RoleName::Uninitialized | RoleName::ReplicationHalted => {
                return Ok(None);
            }
        }
        let asked = ledger_there(&self.shared, upstream);
        match tokio::time::timeout(deadline, asked).await {
            Ok(there) => there.map(Some),
            Err(_) => Err(no_answer(&format!("{upstream} does not answer"))),
        }
    }

    pub(super) async fn do_resume(
        &self,
        request: ResumeRequest,
        call: Call,
    ) -> Result<Intervened, Problem> {
        let ResumeRequest { failure, upstream, reason, request_id } = request;
        let request = match (&failure, &upstream) {
            (None, _) => named(request_id, "resume", &reason),
            (Some(rule), None) => named(request_id, "resume", &(rule, &reason)),
            (Some(rule), Some(upstream)) => named(request_id, "resume", &(rule, upstream, &reason)),
        };
        let intervention = match (failure, upstream) {
            (None, None) => Intervention::Resume,
            (Some(failure), upstream) => Intervention::Clear { failure, upstream },
            (None, Some(_)) => {
                let detail =
                    "upstream goes with failure; a node that is not halted is told with follow";
                return Err(Problem::new(Code::InvalidRequest, detail));
            }
        };
        let annotation = self.annotation(&call, reason);
        let (seq, upstream) = self.supervisor.intervene(intervention, request, annotation).await?;
        Ok(Intervened { seq, upstream })
    }

    pub(super) async fn do_bootstrap(
        &self,
        request: BootstrapRequest,
        call: Call,
    ) -> Result<Intervened, Problem> {
        let BootstrapRequest { reason, request_id } = request;
        let request = named(request_id, "bootstrap", &reason);
        let annotation = self.annotation(&call, reason);
        let (seq, upstream) =
            self.supervisor.intervene(Intervention::Bootstrap, request, annotation).await?;
        Ok(Intervened { seq, upstream })
    }

    pub(super) async fn do_discard(
        &self,
        request: DiscardRequest,
        dry_run: bool,
        call: Call,
    ) -> Result<Discarded, Problem> {
        let DiscardRequest { reason, request_id } = request;
        let request = named(request_id, "discard-suffix", &reason).filter(|_| !dry_run);
        self.supervisor.discard_suffix(dry_run, request, self.annotation(&call, reason)).await
    }
}
