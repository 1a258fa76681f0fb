//! An attempt that was cut short, found again, and step 5: the new directory gets its name.

use std::sync::Arc;

use aerodb_core::authority::EntryBody;
use aerodb_core::decision::fork::ForkFacts;
use aerodb_core::decision::record::Lasting;
use aerodb_core::explain::{Recorded, explain};
use aerodb_core::hash::ClusterId;
use aerodb_core::id::Seq;
use aerodb_ledger::authority::AuthorityLedger;
use aerodb_ledger::disk::Disk;

use super::Founded;
use super::facts::ancestor_of;
use crate::declines::decline_of;
use crate::directory::{DataDir, check_vacant, publish, staged};
use crate::identity::{IdentityError, IdentityFile};
use crate::stopped::StoppedError;
use crate::stopped::contents::{Contents, last_of};
use crate::witness::frame;

/// The cluster of an attempt that was cut short between steps 3 and 4, if nothing has moved since.
pub(super) fn begun(
    contents: &Contents,
    facts: &ForkFacts,
    into: &DataDir,
    disk: &Arc<dyn Disk>,
) -> Result<Option<ClusterId>, StoppedError> {
    let before = recorded(contents, None).filter(|(_, (before, _))| &before.facts == facts);
    let Some((_, (_, cluster))) = before else { return Ok(None) };
    Ok(is_of(&staged(into), disk, cluster)?.then_some(cluster))
}

/// The last fork that the record tells of; of this cluster, if one is named.
fn recorded(
    contents: &Contents,
    wanted: Option<ClusterId>,
) -> Option<(Seq, (Recorded<ForkFacts>, ClusterId))> {
    last_of(&contents.decisions, |lasting| match lasting {
        Lasting::Forked(decision, cluster) if wanted.is_none_or(|wanted| wanted == cluster) => {
            Some((decision.clone(), cluster))
        }
        Lasting::Forked(..) | Lasting::Declined(_) | Lasting::Relocated(_) => None,
    })
}

/// Whether a complete directory of that cluster lies there: the identity is written last.
fn is_of(dir: &DataDir, disk: &Arc<dyn Disk>, cluster: ClusterId) -> Result<bool, StoppedError> {
    match IdentityFile::read(&**disk, dir.path()) {
        Ok(identity) => Ok(identity.cluster == cluster),
        Err(IdentityError::Missing { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Step 5, unless it was done before. `None` when the new directory is neither here nor in the making here.
pub(super) fn finish(
    contents: &Contents,
    into: &DataDir,
    disk: &Arc<dyn Disk>,
    cluster: ClusterId,
    dry_run: bool,
) -> Result<Option<Founded>, StoppedError> {
    let staging = staged(into);
    let lies_in = if is_of(into, disk, cluster)? {
        into
    } else if !is_of(&staging, disk, cluster)? {
        return Ok(None);
    } else if dry_run {
        &staging
    } else {
        check_vacant(into, &**disk)?;
        publish(&staging, into, &**disk)?;
        into
    };
    let identity = IdentityFile::read(&**disk, lies_in.path())?;
    let owner = identity.key().public_key();
    let seen = frame(identity.stamp.authority_frame);
    let ledger =
        AuthorityLedger::open_read_only(&**disk, &lies_in.authority_ledger(), Some(&owner), seen)?;
    let first = ledger.entries.entry(Seq::FIRST);
    let genesis = first.as_ref().map(|stored| &stored.entry.entry.body);
    let told = recorded(contents, Some(cluster));
    let (Some(EntryBody::Genesis(genesis)), Some((_, (decision, _)))) = (genesis, told) else {
        return Ok(None);
    };
    let next = decision.facts.authority.epoch.next();
    let decline = next.and_then(|next| decline_of(&contents.decisions, next));
    Ok(Some(Founded {
        cluster,
        founder: genesis.founder.clone(),
        ancestor: ancestor_of(&decision.facts),
        start: genesis.start(&cluster),
        decline: decline.map(|(_, certificate)| certificate),
        explanation: explain(&decision.facts),
    }))
}
