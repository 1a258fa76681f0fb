//! One of two ledgers that are compared: of a directory, or of a node.

use std::sync::Arc;

use aerodb_core::authority::{Authority, SignedEntry};
use aerodb_core::id::{Address, NodeId};
use aerodb_http_api::client::{Client, ClientError};
use aerodb_http_api::types::{LedgerEntryView, LogName};
use aerodb_ledger::authority::admit_entry;
use aerodb_ledger::disk::RealDisk;
use aerodb_ledger::verify::{Completeness, FaultKind, FaultReport, Integrity, verify_authority};

use super::directory::{Offline, Part};
use crate::cli::Failure;
use crate::cli::listing::Stop;
use crate::cli::progress::WatchedDisk;
use crate::cli::table::short;

/// Entries asked for at once.
const PAGE: usize = 500;

/// Where a ledger is read.
#[derive(Debug)]
pub(super) enum Source {
    /// A directory.
    Directory(Box<Offline>),
    /// A node.
    Node(Box<Client>),
}

/// A ledger that was read to its end, each entry checked; of the entries their hashes are kept.
#[derive(Debug)]
pub(super) struct Side {
    /// `a` or `b`.
    pub name: &'static str,
    /// The argument.
    pub argument: String,
    /// Where it is.
    pub source: Source,
    /// Whose ledger it is, where that is known.
    pub node: Option<NodeId>,
    /// Whether it is genuine.
    pub integrity: Integrity,
    /// Whether all is there that is known to have been.
    pub completeness: Completeness,
    /// What it says; `None` after a fault.
    pub authority: Option<Arc<Authority>>,
}

impl Source {
    /// The URL of a node, or else a directory.
    pub(super) fn of(argument: &str) -> Result<Self, Failure> {
        if argument.contains("://") {
            let address = Address::new(argument)
                .map_err(|error| Failure::Usage(format!("{argument}: {error}")))?;
            return Ok(Self::Node(Box::new(Client::new(address))));
        }
        Ok(Self::Directory(Box::new(Offline::open(argument.into())?)))
    }
}

impl Side {
    /// Reads the ledger and checks it.
    pub(super) async fn read(
        name: &'static str,
        argument: String,
        source: Source,
        disk: &WatchedDisk,
    ) -> Result<Self, Failure> {
        match source {
            Source::Directory(offline) => Ok(Self::of_directory(name, argument, offline, disk)),
            Source::Node(client) => Self::of_node(name, argument, client).await,
        }
    }

    fn of_directory(
        name: &'static str,
        argument: String,
        offline: Box<Offline>,
        disk: &WatchedDisk,
    ) -> Self {
        let (dir, known) = (offline.dir.authority_ledger(), offline.known());
        let Ok(ledger) =
            verify_authority(disk, &dir, &known, &mut |_| Ok::<(), std::convert::Infallible>(()));
        let node = offline.node_id().cloned();
        // A directory whose identity is damaged is not genuine, whatever its ledger says.
        let integrity = match &offline.identity {
            Integrity::Ok => ledger.report.integrity,
            Integrity::Fault(_) => offline.identity.clone(),
        };
        Self {
            name,
            argument,
            source: Source::Directory(offline),
            node,
            integrity,
            completeness: ledger.report.completeness,
            authority: ledger.authority,
        }
    }

    async fn of_node(
        name: &'static str,
        argument: String,
        client: Box<Client>,
    ) -> Result<Self, Failure> {
        let (mut authority, mut integrity) = (None, Integrity::Ok);
        let (mut after, mut node) = (0, None);
        loop {
            let view = client.ledger(LogName::Authority, after, PAGE).await?;
            node = node.or(Some(view.observed.node_id));
            let (found, Some(last)) = (view.data.len(), view.data.last()) else { break };
            after = last.seq.get();
            if let Err(fault) = admit(&mut authority, &view.data, &argument) {
                (authority, integrity) = (None, Integrity::Fault(fault));
                break;
            }
            if found < PAGE {
                break;
            }
        }
        if authority.is_none() && integrity == Integrity::Ok {
            let (address, what) = (client.address().clone(), "it shows no entry".to_owned());
            return Err(ClientError::Protocol { address, what }.into());
        }
        let completeness = Completeness::Unknown;
        let source = Source::Node(client);
        Ok(Self { name, argument, source, node, integrity, completeness, authority })
    }

    /// The ledger as a part that was checked.
    pub(super) fn part(&self) -> Part<'_> {
        let head = self.authority.as_ref().map(|authority| authority.head());
        let found = head.map_or_else(String::new, |head| {
            let whose = self.node.as_ref().map_or("-", NodeId::as_str);
            format!(
                "{}, of {whose}: {} entries, hash {}",
                self.argument,
                head.seq,
                short(&head.hash)
            )
        });
        let completeness = Some(&self.completeness);
        Part { name: self.name, integrity: &self.integrity, completeness, found }
    }

    /// Shows the entries after `after` up to `last` to `visit`.
    pub(super) async fn entries(
        &self,
        after: u64,
        last: u64,
        visit: &mut dyn FnMut(LedgerEntryView) -> Result<(), Stop>,
    ) -> Result<Result<(), Stop>, Failure> {
        match &self.source {
            Source::Directory(offline) => Ok(stored(offline, after, last, visit)),
            Source::Node(client) => told(client, after, last, visit).await,
        }
    }
}

/// What was checked a moment ago: only the entries are of interest.
fn stored(
    offline: &Offline,
    after: u64,
    last: u64,
    visit: &mut dyn FnMut(LedgerEntryView) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let (dir, known) = (offline.dir.authority_ledger(), offline.known());
    verify_authority(&RealDisk, &dir, &known, &mut |stored| {
        let seq = stored.entry.entry.seq.get();
        if seq > last {
            return Err(Stop::Enough);
        }
        if seq > after { visit((&*stored.entry).into()) } else { Ok(()) }
    })
    .map(drop)
}

async fn told(
    client: &Client,
    mut after: u64,
    last: u64,
    visit: &mut dyn FnMut(LedgerEntryView) -> Result<(), Stop>,
) -> Result<Result<(), Stop>, Failure> {
    while after < last {
        let limit = usize::try_from(last - after).unwrap_or(PAGE).min(PAGE);
        let view = client.ledger(LogName::Authority, after, limit).await?;
        let Some(end) = view.data.last().map(|entry| entry.seq.get()).filter(|end| *end > after)
        else {
            break;
        };
        after = end;
        if let Err(stop) = view.data.into_iter().try_for_each(&mut *visit) {
            return Ok(Err(stop));
        }
    }
    Ok(Ok(()))
}

/// Takes what a node tells through the same gate as what lies on a disk.
fn admit(
    authority: &mut Option<Arc<Authority>>,
    views: &[LedgerEntryView],
    argument: &str,
) -> Result<(), FaultReport> {
    for view in views {
        let fault = |rule, what: String| {
            let what = format!("{argument}, entry {}: {what}", view.seq);
            FaultReport { kind: FaultKind::Damage, rule, file: None, offset: None, what }
        };
        let signed: SignedEntry = view.authority_entry().ok_or_else(|| {
            let what = "what it says does not give its hash".to_owned();
            fault(aerodb_core::rules::RuleId::P3D4, what)
        })?;
        admit_entry(authority, &signed)
            .map_err(|rejected| fault(rejected.rule(), rejected.to_string()))?;
    }
    Ok(())
}
