//! The holder's side: one chunk after the other of the snapshot that its checkpoint names.

use std::path::Path;
use std::sync::Arc;

use aerodb_core::explain::Remedy;
use aerodb_core::id::NodeId;
use aerodb_core::machine::RoleName;
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::connection::ConnectionGuard;
use aerodb_http_api::problem::Problem;
use aerodb_http_api::stream::{SNAPSHOT_CHUNK_BYTES, SnapshotChunk, SnapshotRequest};
use aerodb_ledger::disk::{Access, Disk, DiskError};
use bytes::Bytes;
use serde_json::json;

use super::handed::Handout;
use crate::replication::{check_member, unreadable_history};
use crate::shared::Shared;

/// Answers one chunk. The first one asked for decides which snapshot it is; a checkpoint is taken where there is
/// none.
///
/// # Errors
/// A [`Problem`] when the peer is foreign, this node is not the holder, or it has no snapshot that may be shown.
pub async fn serve(
    shared: &Arc<Shared>,
    request: SnapshotRequest,
    connection: ConnectionGuard,
) -> Result<SnapshotChunk, Problem> {
    check_member(shared, &request.cluster, &request.node_id, &request.public_key)?;
    check_holder(shared)?;
    let source = match &request.manifest {
        Some(manifest) => shared
            .handed
            .find(&request.node_id, &connection, manifest)
            .ok_or_else(|| refused("this snapshot is not being pulled over this connection"))?,
        None => begin(shared, &request.node_id, &connection).await?,
    };
    check_acknowledged(shared, &source)?;
    let (offset, path) = (request.offset, source.path.clone());
    let left = source.bytes.checked_sub(offset).filter(|left| *left > 0);
    let left = left.ok_or_else(|| refused("the chunk starts past the end of the snapshot"))?;
    let length = usize::try_from(left).unwrap_or(usize::MAX).min(SNAPSHOT_CHUNK_BYTES);
    let disk = Arc::clone(&shared.world.disk);
    let read = shared.world.hands.beside(move || read(&*disk, &path, offset, length)).await;
    let read = read.ok_or_else(|| Problem::new(Code::Recovering, "the node is stopping"))?;
    let bytes = read.map_err(|error| {
        let remedies = unreadable_history(&shared.identity.node_id);
        Problem::new(Code::Halted, format!("the snapshot cannot be read: {error}"))
            .rule(RuleId::P3D9, remedies)
    })?;
    Ok(SnapshotChunk {
        cluster: shared.identity.cluster,
        node_id: shared.identity.node_id.clone(),
        manifest: source.manifest,
        cut: source.cut,
        bytes_total: source.bytes,
        offset,
        bytes,
    })
}

/// The attempt is over; what is left of it is of no use (RS-3).
fn refused(detail: impl Into<String>) -> Problem {
    let remedy = Remedy {
        rule: RuleId::Rs3,
        action: "on the replica: begin another attempt",
        node_id: None,
        method: "POST",
        path: "/v1/replication/bootstrap",
        body: Some(json!({ "reason": "" })),
    };
    Problem::new(Code::CommandRefused, detail).rule(RuleId::Rs3, vec![remedy])
}

/// A replica never serves a snapshot: only the holder can say what is acknowledged (DIS-27).
fn check_holder(shared: &Shared) -> Result<(), Problem> {
    let view = shared.view.load();
    match view.role.role_name() {
        RoleName::PrimaryActive | RoleName::PrimarySealed => Ok(()),
        RoleName::ReplicaActive | RoleName::Uninitialized | RoleName::ReplicationHalted => {
            let holder = view.authority.holder();
            let detail = format!("a snapshot comes from the holder, which is {holder}");
            let action = "have the replica follow the holder, and ask for the snapshot again";
            let remedy = Remedy::look(RuleId::Rs1, action, Some(holder.clone()), "/v1/authority");
            Err(Problem::new(Code::NotHolder, detail)
                .rule(RuleId::Rs1, vec![remedy])
                .with("holder", holder))
        }
    }
}

/// Nothing above the acknowledged bound is shown. A snapshot is taken below it, but after a restart under
/// obligation nobody knows how much of that stands.
fn check_acknowledged(shared: &Shared, source: &Handout) -> Result<(), Problem> {
    if shared.acks.bounds().acknowledged.is_some_and(|bound| source.cut <= bound) {
        return Ok(());
    }
    let detail = "what is acknowledged is unknown until a receipt covers the recovered tip";
    let action = "see whether the successor is pulling; aerodb resume on it lets it";
    let remedy = Remedy::look(RuleId::Au12, action, None, "/v1/replication");
    Err(Problem::new(Code::ReadUnsafe, detail).rule(RuleId::Au12, vec![remedy]))
}

async fn begin(
    shared: &Arc<Shared>,
    node: &NodeId,
    connection: &ConnectionGuard,
) -> Result<Handout, Problem> {
    let hold = match shared.shelf.hold() {
        Some(hold) => hold,
        None => {
            let taken = shared.checkpoints.take().await;
            taken.map_err(|error| refused(format!("there is no snapshot here: {error}")))?;
            shared.shelf.hold().ok_or_else(|| refused("there is no snapshot here"))?
        }
    };
    let source = shared.handed.begin(node, connection, hold);
    tracing::info!(peer = %node, cut = %source.cut, bytes = source.bytes, "a snapshot is being pulled");
    let (shared, node, connection) = (Arc::clone(shared), node.clone(), connection.clone());
    tokio::spawn(async move {
        connection.closed().await;
        shared.handed.end(&node, &connection);
    });
    Ok(source)
}

fn read(disk: &dyn Disk, path: &Path, offset: u64, length: usize) -> Result<Bytes, DiskError> {
    let file = disk.open(path, Access::Read)?;
    let mut bytes = vec![0; length];
    file.read_at(offset, &mut bytes)?;
    Ok(bytes.into())
}
