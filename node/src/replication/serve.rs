//! Serving one pull. The node is passive here: it answers from what is durable, and the only thing that
//! a pull changes is what is known of the peer.
//!
//! Order: who asks, does its history agree with this one, what does its receipt prove, what may it have.
//!
//! Keeps: F-P1, F-P2, RW-1, RW-3, RA-1, M-R03, M-C14.

use std::sync::Arc;

use aerodb_core::authority::{Authority, ReceiptClaim};
use aerodb_core::decision::acknowledge::{check_receipt, ledger_covered};
use aerodb_core::decision::serving::{
    PeerRefused, check_history, check_ledger, check_not_ahead, due, owed_to, serves,
};
use aerodb_core::hash::{Chain, ClusterId, Hash, PublicKey};
use aerodb_core::id::{Boundary, NodeId, Seq};
use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::connection::ConnectionGuard;
use aerodb_http_api::problem::Problem;
use aerodb_http_api::stream::{PullAnswer, PullRequest};
use aerodb_ledger::crash::Point;
use bytes::{Bytes, BytesMut};

use crate::replication::ways;
use crate::shared::Shared;
use crate::supervisor::{Receipt, SupervisorHandle};

/// The most bytes of batches in one answer.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// The most ledger entries in one answer; with their decisions they fit into one frame of a ledger.
const ENTRIES_MAX: usize = 64;

/// Answers one pull, waiting for something to say when the peer asked for that.
///
/// # Errors
/// A [`Problem`] when the peer is foreign, its history or ledger has parted from this one, or this node
/// serves nobody now.
pub async fn serve(
    shared: &Arc<Shared>,
    supervisor: &SupervisorHandle,
    request: PullRequest,
    connection: ConnectionGuard,
) -> Result<PullAnswer, Problem> {
    check_peer(shared, &request)?;
    let claim = check_histories(shared, &request)?;
    if let Some(claim) = &claim {
        attach(shared, &request, claim, &connection)?;
    }

    // Subscribed before the first look, so that no change in between is missed.
    let (mut bounds, mut barriers) = (shared.acks.subscribe(), shared.barriers.subscribe());
    let mut view = shared.view_changed.subscribe();
    loop {
        // Again after every wait: the peer may have been removed, or this node have halted, and a receipt
        // may have arrived before the obligation that it answers was published.
        check_peer(shared, &request)?;
        if let Some(claim) = &claim {
            count_receipt(shared, supervisor, &request, claim);
        }
        if let Some(answer) = answer(shared, &request)? {
            if !answer.batches.is_empty() {
                shared.world.hands.reached(Point::ShipBeforeSend);
            }
            return Ok(answer);
        }
        let changed = tokio::select! {
            changed = bounds.changed() => changed.is_ok(),
            changed = barriers.changed() => changed.is_ok(),
            changed = view.changed() => changed.is_ok(),
            () = shared.stopped() => false,
        };
        if !changed {
            return Err(Problem::new(Code::Recovering, "the node is stopping"));
        }
    }
}

fn check_peer(shared: &Shared, request: &PullRequest) -> Result<(), Problem> {
    check_member(shared, &request.cluster, &request.node_id, &request.public_key)
}

/// Checks that this node serves peers now, and that the one who asks is an admitted member of its cluster.
///
/// # Errors
/// A [`Problem`].
pub fn check_member(
    shared: &Shared,
    cluster: &ClusterId,
    node_id: &NodeId,
    public_key: &PublicKey,
) -> Result<(), Problem> {
    let view = shared.view.load();
    if *cluster != shared.identity.cluster {
        let detail = format!("this node is of cluster {}", shared.identity.cluster);
        return Err(Problem::new(Code::ForeignCluster, detail)
            .with("cluster_id", shared.identity.cluster)
            .remedies(ways::foreign_cluster(node_id)));
    }
    if !serves(view.role.role_name()) {
        let remedies = ways::halted(&shared.identity.node_id);
        let detail = "a halted node serves nobody";
        return Err(Problem::new(Code::Halted, detail).rule(RuleId::Rm5, remedies));
    }
    let known = view.authority.admitted(node_id);
    if known.is_none_or(|member| member.public_key != *public_key) {
        let detail = format!("{node_id} with that key is not an admitted member");
        let holder = view.authority.holder();
        let remedies = ways::foreign_member(node_id, public_key, holder, view.authority.epoch());
        return Err(Problem::new(Code::ForeignMember, detail).remedies(remedies));
    }
    Ok(())
}

fn parted(peer: &NodeId, rule: RuleId, detail: String) -> Problem {
    let remedies = ways::parted(rule, peer);
    Problem::new(Code::CommandRefused, detail).rule(rule, remedies).with("diverged", true)
}

/// What a peer says of itself, and this node's chain where the peer's history ends; `None` where that is
/// beyond this node's own.
struct Heard {
    claim: ReceiptClaim,
    chain_here: Option<Chain>,
}

/// The problem of a peer that is sent away; one that has parted for good is told so, and halts.
fn sent_away(peer: &NodeId, refused: &PeerRefused) -> Problem {
    let detail = format!("{peer} is not served: {refused}");
    if refused.is_parted() {
        parted(peer, refused.rule(), detail)
    } else {
        let remedies = ways::ahead(refused.rule(), peer);
        Problem::new(Code::CommandRefused, detail).rule(refused.rule(), remedies)
    }
}

/// Checks that the peer's ledger and history are prefixes of this node's. A history may also run ahead of
/// this one, where there is nothing to serve, unless this node is the holder.
fn check_histories(shared: &Shared, request: &PullRequest) -> Result<Option<Heard>, Problem> {
    let Some(ledger) = request.ledger else { return Ok(None) };
    let authority = &shared.view.load().authority;
    let refused = |refused| sent_away(&request.node_id, &refused);
    check_ledger(&ledger, entry_hash(shared, authority, ledger.seq)).map_err(refused)?;
    let Some(position) = request.position else { return Ok(None) };
    let durable = shared.acks.bounds().durable;
    let this = &shared.identity.node_id;
    check_not_ahead(authority, this, &position, durable).map_err(refused)?;
    let chain_here = chain_at(shared, authority, position.boundary)?;
    check_history(&position, durable, chain_here).map_err(refused)?;
    let claim = claim(shared, request, position, ledger);
    Ok(Some(Heard { claim, chain_here }))
}

/// The hash of a durable ledger entry. A peer may have the newest entry, and ask again, before the state
/// that it leads to is published here; so the state alone does not say which entries there are.
fn entry_hash(shared: &Shared, published: &Authority, seq: Seq) -> Option<Hash> {
    let durable = || shared.authority_entries.entry(seq).map(|stored| stored.entry.entry.hash());
    published.hash_at(seq).or_else(durable)
}

fn chain_at(
    shared: &Shared,
    authority: &Authority,
    boundary: Boundary,
) -> Result<Option<Chain>, Problem> {
    if boundary == Boundary::ORIGIN {
        return Ok(Some(Position::origin(authority.cluster()).chain));
    }
    let end = shared.wal.batch_end_at(boundary);
    let end = end.map_err(|fault| unreadable(shared, fault))?;
    Ok(end.map(|position| position.chain))
}

/// What was truncated away is no failure: the peer needs a snapshot (DIS-22).
fn unreadable(shared: &Shared, fault: aerodb_ledger::Fault) -> Problem {
    if let aerodb_ledger::Fault::Removed { commit, kept } = fault {
        let detail = format!("{fault}; aerodb bootstrap on the replica takes a snapshot over");
        return Problem::new(Code::BootstrapRequired, detail)
            .rule(RuleId::Dis22, ways::bootstrap())
            .with("needs_commit_id", commit)
            .with("kept_from_commit_id", kept);
    }
    let remedies = ways::unreadable_history(&shared.identity.node_id);
    let detail = format!("the history cannot be read: {fault}");
    Problem::new(Code::Halted, detail).rule(RuleId::P3D9, remedies)
}

fn claim(
    shared: &Shared,
    request: &PullRequest,
    position: Position,
    ledger: LedgerHead,
) -> ReceiptClaim {
    ReceiptClaim {
        cluster: shared.identity.cluster,
        node_id: request.node_id.clone(),
        epoch: request.epoch,
        position,
        ledger,
    }
}

/// Takes what the pull says of the peer: that it is there, and how far it is.
fn attach(
    shared: &Arc<Shared>,
    request: &PullRequest,
    Heard { claim, .. }: &Heard,
    connection: &ConnectionGuard,
) -> Result<(), Problem> {
    let (position, ledger) = (Some(claim.position.boundary), Some(claim.ledger.seq));
    let fresh = shared
        .peers
        .heard(&request.node_id, (request.session, request.starts), connection, position, ledger)
        .map_err(|regressed| parted(&request.node_id, regressed.rule(), regressed.to_string()))?;
    if fresh {
        watch_connection(shared, &request.node_id, connection);
    }
    shared.acks.look_again(&request.node_id, |node| shared.peers.is_attached(node));
    Ok(())
}

/// Takes the receipt and the echo, if this node owes them to the peer. Taking them twice changes nothing.
fn count_receipt(
    shared: &Shared,
    supervisor: &SupervisorHandle,
    request: &PullRequest,
    Heard { claim, chain_here }: &Heard,
) {
    let authority = shared.view.load().authority.clone();
    let Some(obligation) = owed_to(&authority, &shared.identity.node_id, &request.node_id) else {
        return;
    };
    if check_receipt(Some(&obligation), claim, *chain_here).is_err() {
        return;
    }
    let covered = ledger_covered(&authority, claim);
    shared.acks.receipt(&obligation, claim.position.boundary, covered);
    if let Some(echo) = request.echo {
        shared.barriers.echo(echo);
    }
    if let Some(signature) = request.signature {
        supervisor.receipt(Receipt { claim: claim.clone(), signature });
    }
}

/// When the connection ends, also between two pulls, the peer is detached.
fn watch_connection(shared: &Arc<Shared>, node: &NodeId, connection: &ConnectionGuard) {
    let (shared, node, connection) = (shared.clone(), node.clone(), connection.clone());
    tracing::info!(peer = %node, "attached");
    tokio::spawn(async move {
        connection.closed().await;
        if shared.peers.is_current(&node, &connection) {
            tracing::warn!(peer = %node, "detached");
        }
        shared.acks.look_again(&node, |node| shared.peers.is_attached(node));
    });
}

/// The answer, or `None` when there is nothing to say and the peer is willing to wait.
fn answer(shared: &Shared, request: &PullRequest) -> Result<Option<PullAnswer>, Problem> {
    let authority = shared.view.load().authority.clone();
    let bounds = shared.acks.bounds();
    let due = due(&authority, &request.node_id, &bounds);
    let entries = entries(shared, request, due.ledger);
    let batches = batches(shared, request, due.wal)?;
    let barrier = owed_to(&authority, &shared.identity.node_id, &request.node_id)
        .and_then(|_| shared.barriers.pending());
    let news = !entries.is_empty()
        || !batches.is_empty()
        || due.acknowledged > request.known_acknowledged
        || barrier.is_some_and(|barrier| request.echo != Some(barrier));
    if !news && request.wait {
        return Ok(None);
    }
    Ok(Some(PullAnswer {
        cluster: shared.identity.cluster,
        node_id: shared.identity.node_id.clone(),
        entries,
        batches,
        acknowledged: due.acknowledged,
        tip: due.wal,
        barrier,
    }))
}

fn entries(shared: &Shared, request: &PullRequest, upto: Option<Seq>) -> Vec<Bytes> {
    let after = request.ledger.map(|head| head.seq);
    let stored = shared.authority_entries.after(after, ENTRIES_MAX);
    let may_have = |entry: &_| Some(stored_seq(entry)) <= upto;
    stored.iter().take_while(|entry| may_have(entry)).map(|entry| entry.bytes.clone()).collect()
}

fn stored_seq(stored: &aerodb_ledger::Stored<aerodb_core::authority::SignedEntry>) -> Seq {
    stored.entry.entry.seq
}

fn batches(
    shared: &Shared,
    request: &PullRequest,
    upto: Option<Boundary>,
) -> Result<Bytes, Problem> {
    let (Some(position), Some(upto)) = (request.position, upto) else { return Ok(Bytes::new()) };
    if position.boundary >= upto {
        return Ok(Bytes::new());
    }
    let raws = shared.wal.read_after(position.boundary, upto, BATCH_BYTES_MAX);
    let raws = raws.map_err(|fault| unreadable(shared, fault))?;
    if let [only] = raws.as_slice() {
        return Ok(only.bytes().clone());
    }
    let mut bytes = BytesMut::with_capacity(raws.iter().map(|raw| raw.bytes().len()).sum());
    raws.iter().for_each(|raw| bytes.extend_from_slice(raw.bytes()));
    Ok(bytes.freeze())
}
