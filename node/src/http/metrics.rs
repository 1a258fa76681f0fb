//! Metrics, made when they are asked for from what the node knows anyway: nothing is counted on the write
//! path, and nothing that decides reads them (rules/6-names 6.2).
//!
//! Keeps: P6-OB2.

use std::sync::atomic::AtomicU64;

use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::config::Failover;
use crate::http::Http;
use crate::journal::PromotionDurations;

type Level = Gauge<u64, AtomicU64>;
type Labels = Vec<(&'static str, String)>;

/// The metrics of one scrape.
struct Scrape(Registry);

impl Scrape {
    fn count(&mut self, name: &str, help: &str, value: u64) {
        let counter = Counter::<u64>::default();
        counter.inc_by(value);
        self.0.register(name, help, counter);
    }

    fn level(&mut self, name: &str, help: &str, value: u64) {
        let gauge = Level::default();
        gauge.set(value);
        self.0.register(name, help, gauge);
    }

    fn bytes(&mut self, name: &str, help: &str, value: u64) {
        let gauge = Level::default();
        gauge.set(value);
        self.0.register_with_unit(name, help, Unit::Bytes, gauge);
    }

    /// How long a part of an attempt took. The unit is part of the name that observers know.
    fn timed(&mut self, part: &str, from_to: &str, durations: Histogram) {
        let name = format!("replication_promotion_{part}_duration_ms");
        self.0.register(name, format!("Milliseconds {from_to}"), durations);
    }

    /// What is unknown is left out: a gauge has no value for it.
    fn known(&mut self, name: &str, help: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.level(name, help, value);
        }
    }

    fn labelled(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels, u64)>,
    ) {
        let family = Family::<Labels, Level>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).set(value);
        }
        self.0.register(name, help, family);
    }
}

impl Http {
    pub(super) fn metrics_text(&self) -> Result<String, Problem> {
        let mut scrape = Scrape(Registry::default());
        match self.shared.failover {
            Failover::Enabled => self.promotion_metrics(&mut scrape),
            Failover::Disabled => {}
        }
        self.holder_metric(&mut scrape);
        self.history_metrics(&mut scrape);
        self.safety_metrics(&mut scrape);
        self.store_metrics(&mut scrape);
        let mut text = String::new();
        encode(&mut text, &scrape.0)
            .map_err(|error| Problem::new(Code::Recovering, error.to_string()))?;
        Ok(text)
    }

    fn promotion_metrics(&self, scrape: &mut Scrape) {
        let journal = &self.shared.machines.journal;
        let counts = journal.promotions();
        for (name, help, value) in [
            ("requests", "Promotion requests accepted for processing", counts.requested),
            ("success", "Promotions granted", counts.succeeded),
            ("denied", "Promotions denied", counts.denied),
            ("crash_abort", "Promotions found cut short by a crash", counts.cut_short),
        ] {
            scrape.count(&format!("replication_promotion_{name}"), help, value);
        }
        let PromotionDurations { validation, transition } = journal.promotion_durations();
        scrape.timed("validation", "from taking the request up to the verdict", validation);
        scrape.timed("transition", "from the grant's first byte to a node that writes", transition);
        let steady =
            self.shared.machines.promotion.get() == aerodb_core::machine::Promotion::Steady;
        let help = "Whether a promotion is under way here";
        scrape.level("replication_promotion_in_progress", help, u64::from(!steady));
    }

    fn holder_metric(&self, scrape: &mut Scrape) {
        let view = self.shared.view.load();
        let holder = vec![("replica_id", view.authority.holder().to_string())];
        let help = "The holder of the current epoch by this node's ledger";
        scrape.labelled("replication_current_primary", help, [(holder, 1)]);
    }

    fn history_metrics(&self, scrape: &mut Scrape) {
        let (view, tips) = (self.shared.view.load(), self.tips());
        let epoch = view.authority.epoch().get();
        scrape.level("aerodb_epoch", "The current epoch by this node's ledger", epoch);
        let seq = view.authority.head().seq.get();
        scrape.level("aerodb_authority_ledger_seq", "The last entry of the authority ledger", seq);
        let commit = |boundary: Option<aerodb_core::id::Boundary>| boundary.map(|at| at.get());
        for (name, help, value) in [
            ("wal_tip", "The last commit in the log", commit(tips.wal_tip)),
            ("acknowledged", "The last commit that may be shown", commit(tips.acknowledged)),
            ("applied", "The last commit in the store", commit(tips.applied)),
        ] {
            scrape.known(&format!("aerodb_{name}_commit"), help, value);
        }
        let lag = self.lag(view.role.role_name());
        scrape.known("aerodb_replica_lag_commits", "Commits of the holder not applied here", lag);
        let peers = self.shared.peers.list().into_iter();
        let attached = peers
            .map(|peer| (vec![("node_id", peer.node_id.to_string())], u64::from(peer.attached)));
        scrape.labelled("aerodb_peer_attached", "Whether the peer is pulling from here", attached);
    }

    fn safety_metrics(&self, scrape: &mut Scrape) {
        let view = self.shared.view.load();
        let (writes, reads) = (self.write_refusal(&view), self.read_refusal(&view));
        scrape.level("aerodb_writable", "Whether a write is admitted", u64::from(writes.is_none()));
        scrape.level("aerodb_read_safe", "Whether a read is served", u64::from(reads.is_none()));
        let halted = u64::from(view.halt().is_some());
        scrape.level("aerodb_halted", "Whether a failure is latched", halted);
        let states = self.machines_here().map(|shown| {
            let machine = ("machine", shown.machine.to_string());
            (vec![machine, ("state", shown.state.to_owned())], 1)
        });
        scrape.labelled("aerodb_state", "The state of each machine", states);
    }

    fn store_metrics(&self, scrape: &mut Scrape) {
        let usage = self.shared.store.usage();
        scrape.level("aerodb_store_keys", "Keys with at least one version", usage.keys);
        scrape.level("aerodb_store_versions", "Versions, tombstones among them", usage.versions);
        scrape.bytes("aerodb_store", "Memory that the versions take", usage.bytes);
        let bound = self.shared.view.load().write.store_bytes_max;
        scrape.bytes("aerodb_store_max", "The configured bound of it", bound);
    }
}
