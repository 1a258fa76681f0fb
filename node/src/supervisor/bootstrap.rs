//! Bootstrap, as the supervisor decides it: begun by an operator alone, judged on what was verified, put into
//! force by one rename. See [`crate::bootstrap`] for the order and the crash stories.

use std::sync::Arc;

use aerodb_core::authority::Annotation;
use aerodb_core::decision::bootstrap::SnapshotReceived;
use aerodb_core::decision::node_state::Transferred;
use aerodb_core::decision::record::{DecisionBody, RequestRef};
use aerodb_core::decision::tenure::Bounds;
use aerodb_core::explain::{Recorded, Remedy};
use aerodb_core::id::{Address, Seq};
use aerodb_core::machine::{
    Bootstrap, BootstrapEvent, BootstrapProgress, Gate, PipelineEvent, Role, RoleName,
};
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use aerodb_ledger::Fault;
use aerodb_ledger::checkpoint::Checkpoint;
use aerodb_ledger::crash::{self, Point};
use aerodb_ledger::snapshot::{Manifest, VerifiedSnapshot, discard_staging};
use serde_json::{Value, json};

use crate::bootstrap::{Source, TransferContext, TransferEvent, start};
use crate::supervisor::replica::{Adopted, no_upstream, not_for_this_node};
use crate::supervisor::state::{Done, Fatal, Supervisor};

impl Supervisor {
    /// The refusal of what may not be done while a bootstrap is under way; `None` while there is none.
    pub(super) fn bootstrapping(&self) -> Option<Problem> {
        self.transfer.as_ref()?;
        let detail = "a bootstrap is under way; it ends by itself, or with the process";
        let look = "see how far it is";
        let remedy = Remedy::look(RuleId::Rs3, look, None, "/v1/replication");
        Some(Problem::new(Code::CommandRefused, detail).rule(RuleId::Rs3, vec![remedy]))
    }

    /// Upstream no longer has the history that comes next: nothing happens until an operator asks (DIS-22).
    pub(super) fn needs_bootstrap(&mut self, why: String) {
        tracing::warn!(%why, "a bootstrap is required");
        self.bootstrap_required = true;
        self.detached = Some(why);
        self.block_reads();
        self.publish();
    }

    /// Nothing counts as acknowledged here until the bootstrap is over: reads are refused, and so is a
    /// checkpoint of this node's own, whose marker would compete with the one that is about to be written.
    fn block_reads(&self) {
        let shared = self.shared();
        let Bounds { durable, covered, .. } = shared.acks.bounds();
        shared.acks.follow(Bounds { durable, acknowledged: None, covered });
        self.judge_gate(Gate::ReadBlocked);
    }

    /// What is replayed is readable again as far as it is acknowledged.
    fn allow_reads(&self) {
        let shared = self.shared();
        let authority = self.authority();
        let durable = shared.acks.bounds().durable;
        let node = &shared.identity.node_id;
        shared.acks.follow(Bounds::of_replica(&authority, node, durable, None));
        self.judge_gate(Gate::ReadSafe);
    }

    fn judge_gate(&self, gate: Gate) {
        let machines = &self.shared().machines;
        // A halted node's pipeline stays where it stopped.
        let _ = machines.pipeline.step(&machines.journal, &PipelineEvent::GateJudged(gate));
    }

    /// Whether the only failure that is latched is that upstream did not continue the last snapshot.
    fn is_halted_by_mismatch(&self) -> bool {
        let latch = self.shared().machines.latch.get();
        latch.cause().is_some() && latch.failures().all(|failure| failure.rule == RuleId::FS3)
    }

    pub(super) fn bootstrap(
        &mut self,
        request: Option<RequestRef>,
        annotation: Annotation,
    ) -> Result<Result<(Seq, Address), Problem>, Fatal> {
        let halted = self.halted().filter(|_| !self.is_halted_by_mismatch());
        if let Some(problem) = halted.or_else(|| self.bootstrapping()) {
            return Ok(Err(problem));
        }
        let upstream = match (self.role().role_name(), self.parts.upstream.clone()) {
            (RoleName::ReplicaActive | RoleName::ReplicationHalted, Some(upstream)) => upstream,
            (RoleName::ReplicaActive | RoleName::ReplicationHalted, None) => {
                return Ok(Err(no_upstream()));
            }
            (RoleName::Uninitialized | RoleName::PrimaryActive | RoleName::PrimarySealed, _) => {
                let detail = "only a replica takes a snapshot over";
                return Ok(Err(not_for_this_node(RuleId::Rs6, detail)));
            }
        };
        let body = DecisionBody::BootstrapRequested { upstream: upstream.clone(), request };
        let seq = self.record(body, annotation)?;
        self.begin_transfer(upstream.clone());
        Ok(Ok((seq, upstream)))
    }

    fn begin_transfer(&mut self, upstream: Address) {
        self.stop_pulling();
        self.block_reads();
        self.bootstrap_step(&BootstrapEvent::Requested);
        self.shared().bootstrap.begin();
        self.transfers += 1;
        let number = self.transfers;
        tracing::info!(%upstream, attempt = number, "receiving a snapshot");
        let handle = self.parts.handle.clone();
        let context = TransferContext {
            shared: Arc::clone(&self.parts.shared),
            disk: Arc::clone(&self.parts.disk),
            staging: self.parts.dir.staging(),
            tell: Arc::new(move |number, event| handle.transfer(number, event)),
        };
        self.detached = Some("a bootstrap is under way".to_owned());
        self.transfer = Some(start(&self.parts.runtime, number, upstream, context));
        self.publish();
    }

    fn bootstrap_step(&self, event: &BootstrapEvent) -> Bootstrap {
        let machines = &self.shared().machines;
        machines.bootstrap.must_step(&machines.journal, event)
    }

    pub(super) fn transfer_said(&mut self, number: u64, event: TransferEvent) -> Done {
        if self.transfer.as_ref().map(crate::bootstrap::TransferTask::number) != Some(number) {
            return Ok(());
        }
        match event {
            TransferEvent::Transferred => {
                self.bootstrap_step(&BootstrapEvent::Transferred);
                self.publish();
            }
            TransferEvent::Entries(entries, reply) => {
                let adopted = match self.adopt(&entries)? {
                    Adopted::Now(authority) => {
                        // Following a later grant lets what is acknowledged be seen.
                        self.block_reads();
                        Some(authority)
                    }
                    Adopted::Halted => None,
                    Adopted::OtherRules(why) => {
                        self.end_transfer(&BootstrapEvent::Aborted, why, Some(RuleId::Au19))?;
                        None
                    }
                };
                // A task that was ended meanwhile needs no answer.
                let _ = reply.send(adopted);
            }
            TransferEvent::ValidationBegun => {
                self.bootstrap_step(&BootstrapEvent::ValidationBegun);
                self.publish();
            }
            TransferEvent::Validated(source, verified) => self.judge(source, *verified)?,
            TransferEvent::Failed(why, rule) => {
                self.end_transfer(&BootstrapEvent::Aborted, why, rule)?
            }
            TransferEvent::Disk(error) => return Err(Fatal(error.to_string())),
        }
        Ok(())
    }

    /// A failure of another kind ends the attempt; what arrived is discarded at the next attempt or start.
    pub(super) fn drop_transfer(&mut self) {
        if self.transfer.take().is_some() {
            let machines = &self.shared().machines;
            // One that is installed already is in force, whatever has failed since.
            let _ = machines.bootstrap.step(&machines.journal, &BootstrapEvent::Aborted);
        }
    }

    /// The attempt came to nothing: what arrived is discarded, and the replica is as it was before (F-S1).
    fn end_transfer(&mut self, event: &BootstrapEvent, why: String, rule: Option<RuleId>) -> Done {
        tracing::warn!(%why, "the bootstrap came to nothing");
        self.transfer = None;
        let discarded = discard_staging(&*self.parts.disk, &self.parts.dir.staging());
        discarded.map_err(|error| Fatal(error.to_string()))?;
        self.bootstrap_step(event);
        self.shared().bootstrap.ended(why.clone(), rule);
        if let Role::ReplicaActive { .. } = self.role() {
            self.detached = Some(format!("the bootstrap came to nothing: {why}"));
            if !self.bootstrap_required {
                self.allow_reads();
            }
        }
        self.publish();
        Ok(())
    }

    /// Decides, records the decision, and does what it says.
    fn judge(&mut self, source: Source, verified: Result<VerifiedSnapshot, Fault>) -> Done {
        let (verified, damage_at) = match verified {
            Ok(verified) => (Some(verified), None),
            Err(Fault::Corrupt { offset, .. }) => (None, Some(offset)),
            Err(other) => return Err(Fatal(other.to_string())),
        };
        // A file that is another one than was announced is none, however sound it is in itself.
        let verified = verified.filter(|it| it.manifest().hash() == source.manifest);
        let Some(standing) = self.shared().owner.look_blocking() else { return Ok(()) };
        let snapshot = verified.as_ref().map(|it| received(it.manifest()));
        let transferred = Transferred { source: source.node_id, snapshot, damage_at };
        let authority = self.authority();
        let facts = self.state(&authority).of_bootstrap(standing.tip, transferred);
        let (decision, explanation) = Recorded::decide(facts);
        let cleared = self.halted().map(|_| RuleId::FS3).filter(|_| explanation.holds());
        let body = DecisionBody::BootstrapDecided { decision, cleared };
        let annotation = self.by_the_node("a snapshot was received")?;
        self.record(body, annotation)?;
        match (verified, explanation.first_failed()) {
            (Some(verified), None) => self.install(verified),
            (_, failed) => {
                let rule = failed.unwrap_or(RuleId::Snp4);
                let reason = explanation.conclusion.reason.unwrap_or_default();
                let why = format!("the snapshot is rejected: {reason}");
                self.end_transfer(&BootstrapEvent::Rejected { rule }, why, Some(rule))
            }
        }
    }

    /// Puts the snapshot into force. Until the marker is renamed the old state is; then the snapshot is, and all
    /// that this process has in memory is of the past.
    fn install(&mut self, verified: VerifiedSnapshot) -> Done {
        let fatal = |error: &dyn std::fmt::Display| Fatal(error.to_string());
        let facts = verified.manifest().facts;
        let cut = facts.position.boundary;
        self.bootstrap_step(&BootstrapEvent::Proven { cut });
        self.bootstrap_step(&BootstrapEvent::InstallBegun);
        self.publish();
        let snapshot = verified.install(&self.parts.dir.snapshots()).map_err(|it| fatal(&it))?;
        crash::reached(Point::BootInstallRename);
        let Some(start) = self.shared().owner.start_past(facts.position) else { return Ok(()) };
        let marker = Checkpoint {
            cluster: facts.cluster,
            owner: self.shared().identity.public_key,
            position: facts.position,
            epoch: facts.epoch,
            ledger: facts.ledger,
            designation: facts.designation,
            snapshot: snapshot.manifest.hash(),
            wal_start: start.map_err(|it| fatal(&it))?,
        };
        marker.write(&*self.parts.disk, self.parts.dir.path()).map_err(|it| fatal(&it))?;
        crash::reached(Point::BootInstalled);
        self.bootstrap_step(&BootstrapEvent::Installed);
        tracing::info!(%cut, "a snapshot is installed; the process starts again from it");
        self.publish();
        self.shared().restarting.send_replace(true);
        Ok(())
    }

    /// What breaks the history right at the cut of a snapshot is about the cut: upstream does not continue it
    /// (F-S3). Everything else is what it is.
    pub(super) fn at_the_cut(&self, rule: RuleId, evidence: &Value) -> (RuleId, Value) {
        let as_it_is = || (rule, evidence.clone());
        let machines = &self.shared().machines;
        let Bootstrap::Installed { cut } = machines.bootstrap.get() else { return as_it_is() };
        let Some(standing) = self.shared().owner.look_blocking() else { return as_it_is() };
        let is_about_the_order = rule == RuleId::FV2 || rule == RuleId::Ri3;
        if standing.tip.boundary != cut || !is_about_the_order {
            return as_it_is();
        }
        self.bootstrap_step(&BootstrapEvent::MismatchFound);
        let evidence =
            json!({ "cut": standing.tip, "found": { "rule_id": rule, "evidence": evidence } });
        (RuleId::FS3, evidence)
    }
}

/// Whether a bootstrap is under way or its mismatch is latched, in the words of inspection.
#[must_use]
pub fn progress_of(bootstrap: &Bootstrap) -> aerodb_http_api::types::BootstrapState {
    use aerodb_http_api::types::BootstrapState as Shown;
    match bootstrap.progress() {
        BootstrapProgress::NotStarted => Shown::NotStarted,
        BootstrapProgress::InProgress => Shown::InProgress,
        BootstrapProgress::Complete => Shown::Complete,
    }
}

fn received(manifest: &Manifest) -> SnapshotReceived {
    let facts = &manifest.facts;
    SnapshotReceived {
        cluster: facts.cluster,
        position: facts.position,
        epoch: facts.epoch,
        ledger: facts.ledger,
        oldest_retained: facts.oldest_retained,
        designation: facts.designation,
        keys: manifest.keys,
        versions: manifest.versions,
        bytes: manifest.file_bytes(),
        manifest: manifest.hash(),
    }
}
