//! What happens, in order, and what is counted on the way.

use std::net::{SocketAddr, TcpListener};

use aerodb_core::id::Reason;
use aerodb_core::rules::RuleId;
use serde_json::json;

use super::error::DemoError;
use super::load::Acknowledged;
use super::node::DemoNode;
use super::place::Place;
use crate::cli::{Curl, Output, Shown, Steps};

/// The demo so far.
#[derive(Debug)]
pub(super) struct Story {
    pub steps: Steps,
    pub n1: DemoNode,
    pub n2: DemoNode,
    pub n3: DemoNode,
    pub acknowledged: Acknowledged,
    pub tally: Tally,
    keep: bool,
}

/// What the last lines say.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub read_back: usize,
    pub denied: Vec<RuleId>,
    pub approved: Vec<RuleId>,
    pub ledgers_replayed: usize,
    pub decisions_replayed: usize,
}

/// Three free ports; they are held until all three are known, so that they differ.
fn free_ports() -> std::io::Result<[SocketAddr; 3]> {
    let bind = || TcpListener::bind(("127.0.0.1", 0));
    let held = [bind()?, bind()?, bind()?];
    let [a, b, c] = &held;
    Ok([a.local_addr()?, b.local_addr()?, c.local_addr()?])
}

impl Story {
    pub(super) fn new(output: Output, place: &Place, keep: bool) -> Result<Self, DemoError> {
        let ports = free_ports().map_err(|error| DemoError::system("find free ports", error))?;
        let [p1, p2, p3] = ports;
        Ok(Self {
            steps: Steps::new(output),
            n1: DemoNode::new("n1", place.path(), p1)?,
            n2: DemoNode::new("n2", place.path(), p2)?,
            n3: DemoNode::new("n3", place.path(), p3)?,
            acknowledged: Acknowledged::default(),
            tally: Tally::default(),
            keep,
        })
    }

    /// Everything, until something goes otherwise than it must.
    pub(super) async fn tell(&mut self) -> Result<(), DemoError> {
        self.found().await?;
        self.join_n2().await?;
        self.join_n3().await?;
        self.write_alone().await?;
        self.designate().await?;
        self.write_paired().await?;
        self.kill_the_primary().await?;
        self.denied().await?;
        let digest = self.dry_run().await?;
        self.approved(digest).await?;
        self.read_back().await?;
        self.write_on().await?;
        self.n3_follows().await?;
        self.n1_returns().await?;
        self.n1_follows().await?;
        if !self.keep {
            self.stop_all();
        }
        self.audit()
    }

    /// The step that was begun last.
    pub(super) fn current(&self) -> &str {
        self.steps.current()
    }

    /// Stops every node that still runs.
    pub(super) fn stop_all(&mut self) {
        for node in [&mut self.n3, &mut self.n2, &mut self.n1] {
            node.stop();
        }
    }

    /// The answer of a demo that has ended.
    pub(super) fn ended(&self) -> Shown {
        Shown::new(&json!({ "data": self.summary() }), self.last_lines())
    }

    /// The answer of a demo whose cluster goes on.
    pub(super) fn kept(&mut self, place: &Place) -> Shown {
        let nodes = [&mut self.n1, &mut self.n2, &mut self.n3];
        let pids: Vec<String> =
            nodes.into_iter().filter_map(DemoNode::release).map(|pid| pid.to_string()).collect();
        let (pids, dir) = (pids.join(" "), place.path().display());
        let [put, get, status] = [
            Curl::put(&self.n2.address, "/v1/kv/hello", "world"),
            Curl::get(&self.n2.address, "/v1/kv/hello"),
            Curl::get(&self.n3.address, "/v1/status"),
        ];
        let text = format!(
            "{}\n\nThe cluster runs on; n2 holds authority:\n  {put}\n  {get}\n  {status}\n\
             Stop it and remove it:\n  kill {pids}\n  rm -r {dir}",
            self.last_lines()
        );
        let nodes: Vec<&str> =
            [&self.n1, &self.n2, &self.n3].map(|node| node.address.as_str()).to_vec();
        let kept = json!({ "nodes": nodes, "stop": format!("kill {pids}"), "dir": place.path() });
        Shown::new(&json!({ "data": self.summary(), "kept": kept }), text)
    }

    fn summary(&self) -> serde_json::Value {
        let Tally { read_back, denied, approved, ledgers_replayed, decisions_replayed } =
            &self.tally;
        json!({
            "writes_acknowledged": self.acknowledged.len(),
            "read_back_after_failover": read_back,
            "rules_that_denied": denied,
            "rules_that_approved": approved,
            "ledgers_replayed_of_nodes": ledgers_replayed,
            "decisions_replayed": decisions_replayed,
            "steps": self.steps.json(),
        })
    }

    fn last_lines(&self) -> String {
        let Tally { read_back, denied, approved, ledgers_replayed, decisions_replayed } =
            &self.tally;
        let written = self.acknowledged.len();
        format!(
            "\nwrites acknowledged             {written}\n\
             read back after the failover    {read_back}, every one acknowledged before it\n\
             rules that denied n3            {}\n\
             rules that approved n2          {}\n\
             ledgers replayed                of {ledgers_replayed} nodes, {decisions_replayed} \
             decisions, all the same",
            ids(denied),
            ids(approved)
        )
    }
}

fn ids(rules: &[RuleId]) -> String {
    rules.iter().map(|rule| rule.id()).collect::<Vec<_>>().join(", ")
}

/// A reason of the demo's own.
pub(super) fn reason(text: &str) -> Result<Reason, DemoError> {
    Reason::new(text).map_err(|error| DemoError::system("give a reason", error))
}
