//! What clients and operators ask, in the words of the routes' port, and what operators do on stopped nodes'
//! disks with the production functions behind `aerodb --data-dir`.

use std::sync::Arc;
use std::time::Duration;

use aerodb_core::authority::{Annotation, Member, SignedDecline};
use aerodb_core::decision::read::Consistency;
use aerodb_core::id::{Boundary, CommitId, Epoch, Reason};
use aerodb_core::wal::{Condition as WriteCondition, Expect, Op};
use aerodb_http_api::extract::Principal;
use aerodb_http_api::port::{Call, NodePort, Reply};
use aerodb_http_api::threads::RequestThread;
use aerodb_http_api::types::{
    AdmitRequest, AuthorityAction, AuthorityCommand, BootstrapRequest, CheckpointRequest,
    DeclineRequest, DiscardRequest, Evidence, FollowRequest, PromoteRequest, ReadRequest,
    ResumeRequest, Write, WriteKind,
};
use aerodb_node::discard::discard;
use aerodb_node::http::Http;
use aerodb_node::stopped::{Declining, Relinquishing, decline, relinquish};
use bytes::Bytes;

use super::action::{Action, Condition, Naming, Reading};
use super::client::{Asked, Done, Slot};
use super::cluster::{Cluster, Event};

/// How long callers wait; time passes only when an action says so.
pub(super) const DEADLINE_MS: u64 = 2000;
const DEADLINE: Duration = Duration::from_millis(DEADLINE_MS);

fn reason() -> Reason {
    Reason::new("simulated").expect("a reason")
}

fn call() -> Call {
    Call { principal: Principal::local(), deadline: DEADLINE }
}

pub(super) async fn admit(http: Arc<Http>, member: Member, slot: Slot) {
    let Member { node_id, public_key, address } = member;
    let request = AdmitRequest { node_id, public_key, address, reason: reason() };
    let done = http.admit(request, call()).await;
    slot.put(Done::Commanded(done.map(|done| format!("entry {}", done.entry.seq))));
}

fn key(number: u8) -> Bytes {
    Bytes::from(format!("k{number}"))
}

/// What a client asks.
pub(super) fn client(cluster: &mut Cluster, action: Action) -> bool {
    match action {
        Action::Put(n, key_, condition) => {
            let put = Op::Put { key: key(key_), value: cluster.clients.value().into() };
            let expect = match condition {
                Condition::None => None,
                Condition::Absent => Some(Expect::Absent),
                Condition::LastSeen => CommitId::new(cluster.seen).map(Expect::Version),
            };
            let conditions = expect.map(|expect| WriteCondition { key: key(key_), expect });
            write(cluster, n, WriteKind::Put, conditions.into_iter().collect(), vec![put])
        }
        Action::Delete(n, key_) => {
            let delete = Op::Delete { key: key(key_) };
            write(cluster, n, WriteKind::Delete, Vec::new(), vec![delete])
        }
        Action::Txn(n, first, second) => {
            let keys = if first == second { vec![first] } else { vec![first, second] };
            let ops = keys.into_iter().map(|it| {
                let value = cluster.clients.value().into();
                Op::Put { key: key(it), value }
            });
            let ops = ops.collect();
            write(cluster, n, WriteKind::Txn, Vec::new(), ops)
        }
        Action::Read(n, key_, reading) => read(cluster, n, key_, reading),
        _ => false,
    }
}

fn write(
    cluster: &mut Cluster,
    place: usize,
    kind: WriteKind,
    conditions: Vec<WriteCondition>,
    ops: Vec<Op>,
) -> bool {
    let asked = Asked::Write(ops.clone());
    let (principal, thread) = (Principal::local(), RequestThread::default());
    let write = Write { kind, conditions, ops, deadline: DEADLINE, principal, thread };
    cluster.ask(place, asked, |http, slot| async move {
        slot.put(Done::Written(http.write(write).await));
    })
}

fn read(cluster: &mut Cluster, place: usize, number: u8, reading: Reading) -> bool {
    let seen = cluster.seen;
    let (consistency, at) = match reading {
        Reading::Default => (None, None),
        Reading::Linearizable => (Some(Consistency::Linearizable), None),
        Reading::Snapshot => (Some(Consistency::Snapshot), None),
        Reading::At(below) => (None, Some(seen.saturating_sub(u64::from(below)))),
    };
    let asked = Asked::Read { key: key(number).to_vec(), consistency, seen, at };
    let request = ReadRequest {
        key: key(number),
        at: at.map(Boundary::new),
        min_commit: None,
        consistency,
        deadline: DEADLINE,
    };
    cluster.ask(place, asked, |http, slot| async move {
        slot.put(Done::Read(Box::new(http.read(request).await)));
    })
}

/// The epoch that an operator names: what the node shows, or next to it.
fn named(cluster: &Cluster, place: usize, naming: Naming) -> Option<Epoch> {
    let shown = cluster.shared(place)?.view.load().authority.epoch();
    Some(match naming {
        Naming::Shown => shown,
        Naming::Stale => Epoch::new(shown.get() - 1).unwrap_or(shown),
        Naming::Ahead => shown.next().unwrap_or(shown),
    })
}

/// What an operator asks of a running node.
pub(super) fn command(cluster: &mut Cluster, action: Action) -> bool {
    match action {
        Action::Designate(n, to, e) => {
            let Some(node) = cluster.nodes.get(to) else { return false };
            let action = AuthorityAction::Designate(node.id.clone());
            authority(cluster, n, "designate", action, e)
        }
        Action::Release(n, e) => {
            authority(cluster, n, "release", AuthorityAction::Release(None), e)
        }
        Action::Relinquish(n, to, e) => {
            let Some(node) = cluster.nodes.get(to) else { return false };
            let action = AuthorityAction::Relinquish(node.id.clone());
            authority(cluster, n, "relinquish", action, e)
        }
        Action::EndObligation(n, of) => {
            let Some(decline) = declined(cluster, of) else { return false };
            let action = AuthorityAction::EndObligation(decline);
            authority(cluster, n, "end obligation", action, Naming::Shown)
        }
        Action::Decline(n, e) => {
            let Some(expected_epoch) = named(cluster, n, e) else { return false };
            let request = DeclineRequest { expected_epoch, request_id: None, reason: reason() };
            cluster.ask(n, Asked::Command("decline"), |http, slot| async move {
                let declined = http.decline(request, call()).await;
                slot.put(Done::Declined(Box::new(declined.map(|done| done.decline))));
            })
        }
        Action::Promote(n, e) => promote(cluster, n, e, None, false),
        Action::PromoteOnDecline(n, of) => {
            let Some(decline) = declined(cluster, of) else { return false };
            promote(cluster, n, Naming::Shown, Some(decline), false)
        }
        Action::DryRun(n) => promote(cluster, n, Naming::Shown, None, true),
        Action::Follow(n, to) => {
            let Some(upstream) = cluster.nodes.get(to).map(|node| node.address.clone()) else {
                return false;
            };
            let request = FollowRequest { upstream, reason: reason(), request_id: None };
            commanded(cluster, n, "follow", move |http: Arc<Http>| async move {
                http.follow(request, call()).await.map(|done| format!("from {}", done.upstream))
            })
        }
        Action::Resume(n) => {
            let request =
                ResumeRequest { failure: None, upstream: None, reason: reason(), request_id: None };
            commanded(cluster, n, "resume", move |http: Arc<Http>| async move {
                http.resume(request, call()).await.map(|done| format!("from {}", done.upstream))
            })
        }
        Action::ClearFailure(n) => {
            let halt = cluster.shared(n).and_then(|shared| shared.view.load().halt());
            let Some(failure) = halt else { return false };
            cluster.note(Event::Cleared(n));
            let request = ResumeRequest {
                failure: Some(failure),
                upstream: None,
                reason: reason(),
                request_id: None,
            };
            commanded(cluster, n, "clear", move |http: Arc<Http>| async move {
                http.resume(request, call()).await.map(|_| "cleared".to_owned())
            })
        }
        Action::Discard(n) => {
            cluster.note(Event::Cleared(n));
            let request = DiscardRequest { reason: reason(), request_id: None };
            commanded(cluster, n, "discard", move |http: Arc<Http>| async move {
                let done = http.discard_suffix(request, false, call()).await;
                done.map(|done| format!("{} commits", done.commits_total))
            })
        }
        Action::Bootstrap(n) => {
            cluster.note(Event::Cleared(n));
            let request = BootstrapRequest { reason: reason(), request_id: None };
            commanded(cluster, n, "bootstrap", move |http: Arc<Http>| async move {
                http.bootstrap(request, call()).await.map(|_| "begun".to_owned())
            })
        }
        Action::Checkpoint(n) => {
            let request = CheckpointRequest { reason: reason() };
            commanded(cluster, n, "checkpoint", move |http: Arc<Http>| async move {
                let done = http.take_checkpoint(request, call()).await;
                done.map(|done| if done.complete { "complete" } else { "begun" }.to_owned())
            })
        }
        Action::Remove(n, whom) => {
            let Some(node) = cluster.nodes.get(whom).map(|node| node.id.clone()) else {
                return false;
            };
            let Some(epoch) = named(cluster, n, Naming::Shown) else { return false };
            commanded(cluster, n, "remove", move |http: Arc<Http>| async move {
                let done = http.remove(node, epoch, reason(), call()).await;
                done.map(|done| format!("entry {}", done.entry.seq))
            })
        }
        _ => false,
    }
}

fn declined(cluster: &Cluster, of: usize) -> Option<SignedDecline> {
    cluster.nodes.get(of)?.declined.clone()
}

fn commanded<F>(
    cluster: &mut Cluster,
    place: usize,
    what: &'static str,
    request: impl FnOnce(Arc<Http>) -> F + Send + 'static,
) -> bool
where
    F: Future<Output = Reply<String>> + Send + 'static,
{
    cluster.ask(place, Asked::Command(what), |http, slot| async move {
        slot.put(Done::Commanded(request(http).await));
    })
}

fn authority(
    cluster: &mut Cluster,
    place: usize,
    what: &'static str,
    action: AuthorityAction,
    naming: Naming,
) -> bool {
    let Some(expected_epoch) = named(cluster, place, naming) else { return false };
    let command = AuthorityCommand { action, expected_epoch, request_id: None, reason: reason() };
    commanded(cluster, place, what, move |http: Arc<Http>| async move {
        let done = http.command(command, call()).await;
        done.map(|done| format!("entry {}, covered: {}", done.entry.seq, done.covered))
    })
}

fn promote(
    cluster: &mut Cluster,
    place: usize,
    naming: Naming,
    decline: Option<SignedDecline>,
    dry_run: bool,
) -> bool {
    let Some(expected_epoch) = named(cluster, place, naming) else { return false };
    let request = PromoteRequest {
        expected_epoch,
        replica_id: None,
        request_id: None,
        expected_digest: None,
        evidence: decline.map(|decline| vec![Evidence::Decline(decline)]),
        reason: reason(),
    };
    let what = if dry_run { "dry run" } else { "promote" };
    commanded(cluster, place, what, move |http: Arc<Http>| async move {
        let done = http.promote(request, dry_run, call()).await;
        done.map(|done| format!("epoch {} from commit {}", done.epoch, done.start_commit))
    })
}

/// What an operator does on a stopped node's disk.
pub(super) fn offline(cluster: &mut Cluster, action: Action) -> bool {
    let (Action::OfflineRelinquish(n, _) | Action::OfflineDecline(n) | Action::OfflineDiscard(n)) =
        action
    else {
        return false;
    };
    let Some(node) = cluster.nodes.get(n).filter(|node| !node.is_up()) else { return false };
    let (dir, disk) = (node.dir.clone(), node.port());
    let annotation =
        Annotation { received_at_ms: 0, operator: "offline".to_owned(), reason: reason() };
    // An operator reads the epoch where it is shown: of the nodes that run, the latest.
    let shown = (0..cluster.size()).filter_map(|place| named(cluster, place, Naming::Shown)).max();
    let epoch = shown.unwrap_or(Epoch::FIRST);
    let done = match action {
        Action::OfflineRelinquish(_, to) => {
            let Some(heir) = cluster.nodes.get(to).map(|node| node.id.clone()) else {
                return false;
            };
            relinquish(dir, &disk, heir, epoch, annotation).map(|done| match done {
                Relinquishing::Relinquished(_) => "relinquished".to_owned(),
                Relinquishing::Refused(_) => "refused".to_owned(),
            })
        }
        Action::OfflineDecline(_) => {
            let declining = decline(&dir, &disk, epoch, annotation);
            if let Ok(Declining::Declined(_, certificate)) = &declining {
                cluster.nodes[n].declined = Some(certificate.clone());
            }
            declining.map(|done| match done {
                Declining::Declined(..) => "declined".to_owned(),
                Declining::Refused(_) => "refused".to_owned(),
            })
        }
        _ => {
            cluster.note(Event::Cleared(n));
            let done = discard(&dir, &disk, annotation);
            let done = done.map(|done| format!("{} commits", done.commits_total));
            cluster.offline_done(n, done.map_err(|error| error.to_string()));
            return true;
        }
    };
    cluster.offline_done(n, done.map_err(|error| error.to_string()));
    true
}
