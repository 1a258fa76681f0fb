//! Step 2: the new directory, with a ledger of its own and the data at the place where its history starts.

use std::sync::Arc;

use aerodb_core::authority::{Authority, Member};
use aerodb_core::decision::fork::ForkFacts;
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::explain::Recorded;
use aerodb_core::hash::{ClusterId, PublicKey};
use aerodb_core::id::Epoch;
use aerodb_ledger::checkpoint::{Checkpoint, WalStart};
use aerodb_ledger::disk::{Disk, create_dir};
use aerodb_ledger::snapshot::{SnapshotFacts, SnapshotWriter};

use super::ForkAsked;
use super::facts::ancestor_of;
use crate::checkpoint::push_retained;
use crate::config::Config;
use crate::directory::{DataDir, Founding, Inherited, fill, genesis, stage};
use crate::stopped::StoppedError;
use crate::stopped::contents::Contents;
use crate::store::ViewSource;

/// Makes it, complete and durable, under no name that starts.
pub(super) fn build(
    dir: &DataDir,
    disk: &Arc<dyn Disk>,
    asked: ForkAsked,
    contents: &Contents,
    decision: &Recorded<ForkFacts>,
) -> Result<ClusterId, StoppedError> {
    let ForkAsked { into, founder, key, nonce, annotation, .. } = asked;
    let mut config = Config::load(&**disk, &dir.config())?;
    config.upstream = None;
    if let Some(listen) = founder.listen {
        (config.listen, config.advertise) = (listen, None);
    }
    config.advertise = founder.advertise.or(config.advertise);
    let invalid = |error: aerodb_core::id::InvalidId| StoppedError::Record(error.to_string());
    let node_id = founder.node_id.unwrap_or_else(|| decision.facts.node.clone());
    let public_key = key.public_key();
    let address = config.address().map_err(invalid)?;
    let authority = &contents.authority;
    let founding = Founding {
        cluster_name: founder.cluster_name.unwrap_or_else(|| authority.cluster_name().clone()),
        nonce,
        founder: Member { node_id: node_id.clone(), public_key, address },
        minimum_durability: founder
            .minimum_durability
            .unwrap_or_else(|| authority.minimum_durability()),
        ancestor: Some(ancestor_of(&decision.facts)),
        annotation: annotation.clone(),
    };
    let first = genesis(founding, &key);
    let new = Authority::found(&first.entry)
        .map_err(|illegal| StoppedError::Record(illegal.to_string()))?;
    let staging = stage(&into, &**disk)?;
    let marker = base(&staging, disk, contents, &new, public_key)?;
    let cluster = *new.cluster();
    let record = DecisionBody::Forked { decision: decision.clone(), cluster };
    let inherited = Inherited { marker: &marker, record, annotation };
    Ok(fill(&staging, disk, &config, &node_id, &key, vec![first], Some(inherited))?)
}

/// The data: a snapshot at the place where the new history starts, and the marker that names it. From there on the
/// new cluster is like one whose log was truncated there.
fn base(
    staging: &DataDir,
    disk: &Arc<dyn Disk>,
    contents: &Contents,
    new: &Authority,
    owner: PublicKey,
) -> Result<Checkpoint, StoppedError> {
    let (start, store) = (new.start(), contents.replayed.store.store());
    let view = store.view_with_history(start.boundary, ViewSource::Internal);
    let not_retained = || StoppedError::Record(format!("commit {} is gone", start.boundary));
    let view = view.ok_or_else(not_retained)?;
    create_dir(&**disk, &staging.snapshots())?;
    let facts = SnapshotFacts {
        cluster: *new.cluster(),
        position: start,
        epoch: Epoch::FIRST,
        ledger: new.head(),
        oldest_retained: view.needs(),
        designation: None,
    };
    let mut writer = SnapshotWriter::create(Arc::clone(disk), &staging.snapshots(), facts)?;
    push_retained(&mut writer, &view)?;
    let snapshot = writer.finish()?;
    let marker = Checkpoint {
        cluster: facts.cluster,
        owner,
        position: start,
        epoch: facts.epoch,
        ledger: facts.ledger,
        designation: None,
        snapshot: snapshot.manifest.hash(),
        wal_start: WalStart { segment: 1, frame_seq: 1, position: start },
    };
    Ok(marker.write(&**disk, staging.path())?.into_inner())
}
