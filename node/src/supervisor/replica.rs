//! The replica's side: pulling, adopting what the ledger upstream has, and giving way to a later grant.
//!
//! Keeps: RM-2, RR-5, P6-F3, M-P16, M-R22, M-R28.

use std::sync::Arc;

use aerodb_core::authority::{Annotation, Authority, SignedEntry};
use aerodb_core::decision::follow::{histories_agree, own_unknown};
use aerodb_core::decision::record::{DecisionBody, RequestRef};
use aerodb_core::decision::tenure::Bounds;
use aerodb_core::explain::Remedy;
use aerodb_core::id::{Address, NodeId, Seq};
use aerodb_core::machine::{Gate, PipelineEvent, Role, RoleEvent, RoleName, WalWriterEvent};
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use aerodb_ledger::AppendError;
use aerodb_ledger::crash::{self, Point};
use bytes::Bytes;
use serde_json::json;

use crate::config::Reconnect;
use crate::replication::{LedgerThere, PullerEvent, start};
use crate::supervisor::message::Intervention;
use crate::supervisor::requests::{Known, reused};
use crate::supervisor::state::{Done, Fatal, Supervisor};
use crate::wal::{Mode, Standing};

/// A latched failure: the rule and what was found.
pub(super) type Broken = (RuleId, serde_json::Value);

/// What became of entries from upstream.
#[derive(Debug)]
pub(super) enum Adopted {
    /// They are durable, and this is what they say.
    Now(Arc<Authority>),
    /// The node halted over them.
    Halted,
    /// They stay where they are: one was decided under rules that this program does not have (AU-19).
    OtherRules(String),
}

impl Supervisor {
    /// Starts a puller; the one before it is stopped.
    pub(super) fn start_pulling(&mut self) {
        self.stop_pulling();
        let Some(upstream) = self.parts.upstream.clone() else {
            self.detached = Some("no upstream is configured; name one with follow".to_owned());
            return self.publish();
        };
        self.pullers += 1;
        tracing::info!(%upstream, attempt = self.pullers, "pulling");
        // What another upstream told, or this one before, is no knowledge of how far this one is.
        self.detached = Some(format!("{upstream} has not answered yet"));
        self.publish();
        self.puller =
            Some(start(&self.parts.runtime, self.pullers, upstream, self.parts.context.clone()));
    }

    /// Stops the puller, if there is one: it sends nothing any more. True when there was one.
    pub(super) fn stop_pulling(&mut self) -> bool {
        let was_pulling = self.end_puller();
        // The owner may be between two stages; what it holds is finished before the connection counts as lost.
        if was_pulling && self.shared().owner.look_blocking().is_some() {
            self.transport_lost();
        }
        was_pulling
    }

    /// Gives the puller the word to stop, without waiting for it.
    pub(super) fn ask_puller_to_stop(&mut self) {
        if let Some(puller) = &mut self.puller {
            puller.ask_to_stop();
        }
    }

    /// Ends the puller, if there is one. What it brought may still be with the WAL's owner.
    pub(super) fn end_puller(&mut self) -> bool {
        let Some(puller) = self.puller.take() else { return false };
        puller.stop();
        true
    }

    /// A replica's connection counts as lost; the owner is between two batches.
    pub(super) fn transport_lost(&self) {
        let machines = &self.shared().machines;
        if let Role::ReplicaActive { .. } = machines.role.get() {
            let _ = machines.pipeline.step(&machines.journal, &PipelineEvent::TransportLost);
        }
    }

    pub(super) fn puller_said(&mut self, number: u64, event: PullerEvent) -> Done {
        if self.puller.as_ref().map(crate::replication::Puller::number) != Some(number) {
            return Ok(());
        }
        let machines = &self.shared().machines;
        match event {
            PullerEvent::Attached(noted) => {
                machines.pipeline.must_step(&machines.journal, &PipelineEvent::Attached);
                self.detached = None;
                self.bootstrap_required = false;
                self.publish();
                // A puller that was stopped meanwhile needs no answer.
                let _ = noted.send(());
                Ok(())
            }
            PullerEvent::Entries(entries, reply) => {
                let adopted = self.adopt(&entries)?;
                // A puller that was stopped meanwhile needs no answer.
                match adopted {
                    Adopted::Now(authority) => {
                        let _ = reply.send(Some(authority));
                    }
                    Adopted::Halted => {
                        let _ = reply.send(None);
                    }
                    Adopted::OtherRules(why) => {
                        let _ = reply.send(None);
                        self.lost(format!("{why} ({rule})", rule = RuleId::Au19));
                    }
                }
                Ok(())
            }
            PullerEvent::Lost(why) => {
                self.lost(why);
                Ok(())
            }
            PullerEvent::BootstrapRequired(why) => {
                self.stop_pulling();
                self.needs_bootstrap(why);
                Ok(())
            }
            PullerEvent::Parted(rule, detail) => {
                self.halt(rule, &serde_json::json!({ "detail": detail }))
            }
        }
    }

    /// Nothing that is asked of this program changes that it does not have the rules.
    fn other_rules(&self, why: &str) -> Problem {
        let action = "stop the node, and start its directory with a program that has the ruleset";
        let (node, command) = (&self.shared().identity.node_id, "aerodb serve --data-dir DIR");
        let remedy = Remedy::by_hand(RuleId::Au19, action, node, command);
        Problem::new(Code::CommandRefused, why).rule(RuleId::Au19, vec![remedy])
    }

    fn lost(&mut self, why: String) {
        tracing::warn!(%why, "detached from upstream");
        self.stop_pulling();
        self.detached = Some(why);
        self.publish();
        self.reconnect_later();
    }

    /// Where configured, another attempt after a pause: for pacing, not as evidence of anything.
    fn reconnect_later(&self) {
        if self.parts.reconnect == Reconnect::Automatic {
            let (handle, number) = (self.parts.handle.clone(), self.pullers);
            self.parts.runtime.spawn(async move {
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                handle.reconnect(number);
            });
        }
    }

    pub(super) fn reconnect(&mut self, number: u64) {
        let idle =
            self.puller.is_none() && self.pullers == number && self.bootstrapping().is_none();
        if idle && matches!(self.role(), Role::ReplicaActive { .. }) {
            self.start_pulling();
        }
    }

    /// Makes entries from upstream durable here, each checked where it lands, and follows what they say.
    pub(super) fn adopt(&mut self, raw: &[Bytes]) -> Result<Adopted, Fatal> {
        let entries: Result<Vec<SignedEntry>, _> =
            raw.iter().map(|bytes| SignedEntry::decode(bytes)).collect();
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                self.halt(RuleId::FV1, &serde_json::json!({ "detail": error.to_string() }))?;
                return Ok(Adopted::Halted);
            }
        };
        if let Err((rule, evidence)) = not_by(&self.shared().identity.node_id, &entries) {
            self.halt(rule, &evidence)?;
            return Ok(Adopted::Halted);
        }
        let epochs_before = self.authority().epochs().len();
        match self.parts.ledger.append(&entries) {
            Ok(_) => {}
            Err(AppendError::Fault(fault)) => return Err(Fatal(fault.to_string())),
            // Nothing here is wrong: another program may take it.
            Err(AppendError::Rejected(rejected)) if rejected.rule() == RuleId::Au19 => {
                return Ok(Adopted::OtherRules(rejected.to_string()));
            }
            Err(AppendError::Rejected(rejected)) => {
                self.halt(rejected.rule(), &serde_json::json!({ "detail": rejected.to_string() }))?;
                return Ok(Adopted::Halted);
            }
        }
        crash::reached(Point::AdoptDurable);
        let authority = self.authority();
        if authority.epochs().len() > epochs_before
            && let Err((rule, evidence)) = self.give_way(&authority)
        {
            self.halt(rule, &evidence)?;
            return Ok(Adopted::Halted);
        }
        self.publish();
        Ok(Adopted::Now(authority))
    }

    /// A later grant is in the ledger: whoever held holds no more, and this node's history must be a
    /// prefix of what the grant starts from (F-V2).
    fn give_way(&mut self, authority: &Arc<Authority>) -> Result<(), Broken> {
        let epoch = authority.epoch();
        let shared = self.parts.shared.clone();
        let Some(mut paused) = shared.owner.pause() else { return Ok(()) };
        let machines = &shared.machines;
        let held = paused.authority.take().is_some();
        if held {
            machines.writer.must_step(&machines.journal, &WalWriterEvent::Sealed);
        }
        match machines.role.get() {
            Role::PrimaryActive { .. } | Role::ReplicaActive { .. } => {
                machines.role.must_step(&machines.journal, &RoleEvent::LaterGrantLearnt { epoch });
            }
            Role::Uninitialized | Role::PrimarySealed { .. } | Role::ReplicationHalted { .. } => {}
        }
        if let Err(broken) = agree(authority, &paused.standing) {
            paused.resume(Mode::Idle);
            return Err(broken);
        }
        let applied = paused.standing.tip.boundary;
        let bounds = Bounds::of_replica(authority, &shared.identity.node_id, applied, None);
        if machines.role.get().role_name() == RoleName::PrimarySealed {
            machines.role.must_step(&machines.journal, &RoleEvent::HistoriesAgree { epoch });
            shared.acks.stop_holding(bounds.acknowledged, bounds.covered);
            self.enter_pipeline();
        }
        shared.acks.follow(bounds);
        paused.resume(Mode::Replica);
        Ok(())
    }

    /// A node that held becomes a replica: its WAL is verified and replayed already.
    fn enter_pipeline(&self) {
        let machines = &self.shared().machines;
        for event in [
            PipelineEvent::Started,
            PipelineEvent::MetadataValid,
            PipelineEvent::ReplayDone,
            // What is replayed is readable as far as it is acknowledged, with or without an upstream.
            PipelineEvent::GateJudged(Gate::ReadSafe),
        ] {
            machines.pipeline.must_step(&machines.journal, &event);
        }
    }

    pub(super) fn intervene(
        &mut self,
        intervention: Intervention,
        request: Option<RequestRef>,
        annotation: Annotation,
    ) -> Result<Result<(Seq, Address), Problem>, Fatal> {
        match self.requests.find(request.as_ref()) {
            Ok(Some(known)) => return Ok(self.recorded_intervention(&known)),
            Ok(None) => {}
            Err(problem) => return Ok(Err(problem)),
        }
        match intervention {
            Intervention::Follow { upstream, there } => {
                self.follow(upstream, there, request, annotation)
            }
            Intervention::Resume => self.resume(request, annotation),
            Intervention::Clear { failure, upstream } => {
                self.clear_failure(failure, upstream, request, annotation)
            }
            Intervention::Bootstrap => self.bootstrap(request, annotation),
        }
    }

    fn follow(
        &mut self,
        upstream: Address,
        there: Option<LedgerThere>,
        request: Option<RequestRef>,
        annotation: Annotation,
    ) -> Result<Result<(Seq, Address), Problem>, Fatal> {
        if let Some(problem) = self.halted().or_else(|| self.bootstrapping()) {
            return Ok(Err(problem));
        }
        if !matches!(self.role(), Role::ReplicaActive { .. }) {
            let Some(there) = there.filter(|there| !there.entries.is_empty()) else {
                let detail = "this node holds the epoch by its own ledger, and the ledger there shows no later grant";
                return Ok(Err(not_for_this_node(RuleId::P6A1, detail)));
            };
            if there.common != self.authority().head() {
                return self.parted(&there).map(Err);
            }
            match self.adopt(&there.entries)? {
                Adopted::Now(_) => {}
                Adopted::Halted => {
                    let halted = || Problem::new(Code::Halted, "the node halted");
                    return Ok(Err(self.halted().unwrap_or_else(halted)));
                }
                Adopted::OtherRules(why) => return Ok(Err(self.other_rules(&why))),
            }
            if !matches!(self.role(), Role::ReplicaActive { .. }) {
                let detail = "the ledger there shows no later grant";
                return Ok(Err(not_for_this_node(RuleId::P6A1, detail)));
            }
        }
        let body = DecisionBody::Followed { upstream: upstream.clone(), request };
        let seq = self.record(body, annotation)?;
        self.parts.upstream = Some(upstream.clone());
        self.start_pulling();
        self.publish();
        Ok(Ok((seq, upstream)))
    }

    fn resume(
        &mut self,
        request: Option<RequestRef>,
        annotation: Annotation,
    ) -> Result<Result<(Seq, Address), Problem>, Fatal> {
        if let Some(problem) = self.halted().or_else(|| self.bootstrapping()) {
            return Ok(Err(problem));
        }
        let upstream = match (self.role(), self.parts.upstream.clone()) {
            (Role::ReplicaActive { .. }, Some(upstream)) => upstream,
            (Role::ReplicaActive { .. }, None) => {
                return Ok(Err(no_upstream()));
            }
            (
                Role::Uninitialized
                | Role::PrimaryActive { .. }
                | Role::PrimarySealed { .. }
                | Role::ReplicationHalted { .. },
                _,
            ) => {
                return Ok(Err(not_for_this_node(RuleId::P6V29, "only a replica pulls")));
            }
        };
        let body = DecisionBody::Resumed { upstream: upstream.clone(), request };
        let seq = self.record(body, annotation)?;
        if self.puller.is_none() {
            self.start_pulling();
        }
        Ok(Ok((seq, upstream)))
    }

    fn recorded_intervention(&self, known: &Known) -> Result<(Seq, Address), Problem> {
        let other = || reused("the request id was used for another kind of request");
        let Known::Decision(seq) = known else { return Err(other()) };
        let stored = self.shared().decision_entries.entry(*seq);
        match stored.as_ref().map(|stored| &stored.entry.entry.body) {
            Some(
                DecisionBody::Followed { upstream, .. }
                | DecisionBody::Resumed { upstream, .. }
                | DecisionBody::BootstrapRequested { upstream, .. },
            ) => Ok((*seq, upstream.clone())),
            Some(DecisionBody::FailureCleared { .. }) => match &self.parts.upstream {
                Some(upstream) => Ok((*seq, upstream.clone())),
                None => Err(no_upstream()),
            },
            Some(_) | None => Err(other()),
        }
    }
}

pub(super) fn no_upstream() -> Problem {
    let (rule, node_id) = (RuleId::FR1, None);
    let body = Some(json!({ "upstream": "URL", "reason": "" }));
    let (action, method, path) = ("name one", "POST", "/v1/replication/follow");
    Problem::new(Code::CommandRefused, "no upstream is known; name one with follow")
        .rule(rule, vec![Remedy { rule, action, node_id, method, path, body }])
}

/// The refusal of what is for another node than this one is now, with where to see which.
pub(super) fn not_for_this_node(rule: RuleId, detail: &str) -> Problem {
    let action = "see who holds the epoch by this node's ledger, and in what role the node is";
    let look = Remedy::look(rule, action, None, "/v1/status");
    Problem::new(Code::CommandRefused, detail).rule(rule, vec![look])
}

/// Nothing of this node that it does not know may come from elsewhere.
pub(super) fn not_by(node: &NodeId, entries: &[SignedEntry]) -> Result<(), Broken> {
    match own_unknown(node, entries.iter().map(|signed| &signed.entry)) {
        Some((seq, kind)) => Err((
            RuleId::St2,
            serde_json::json!({
                "detail": "the ledger upstream has an entry of this node that this node did not make",
                "seq": seq,
                "kind": kind,
            }),
        )),
        None => Ok(()),
    }
}

/// Whether this node's history is a prefix of what the latest grant starts from.
fn agree(authority: &Authority, standing: &Standing) -> Result<(), Broken> {
    let Standing { tip, received, epochs, .. } = standing;
    histories_agree(authority, tip, *received, epochs).map_err(|disagreement| {
        let evidence = serde_json::json!({
            "detail": disagreement.to_string(),
            "granted_epoch": authority.epoch(),
            "granted_start": authority.start(),
            "wal_end": tip,
            "wal_received": received,
        });
        (disagreement.rule(), evidence)
    })
}
