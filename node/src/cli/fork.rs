//! `fork`: founds a new cluster from what a stopped node's directory holds, where no promotion can be proven safe.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use aerodb_core::hash::Hash;
use aerodb_core::id::{Address, ClusterName, Epoch, NodeId, Reason};
use aerodb_ledger::authority::NodeKey;
use aerodb_ledger::disk::{Disk, RealDisk};
use clap::Args;
use serde_json::{Value, json};

use crate::cli::arguments::epoch;
use crate::cli::decline::{offline, refused};
use crate::cli::explanation::render_explanation;
use crate::cli::init::{MinimumDurability, no_randomness};
use crate::cli::relocate::reason_or_look;
use crate::cli::table::facts;
use crate::cli::{Failure, Shown};
use crate::directory::DataDir;
use crate::stopped::{self, ForkAsked, Forking, Founded, Founder};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Fork {
    /// The stopped node's directory; it is retired, and never starts again.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// The directory to make for the new cluster's founder; nothing may be there yet.
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// The epoch that you believe the directory's ledger to be in.
    #[arg(long, value_name = "N", value_parser = epoch)]
    expected_epoch: Epoch,
    /// The founder's id in the new cluster; that of the old node when left out.
    #[arg(long, value_name = "ID")]
    node_id: Option<NodeId>,
    /// A label for people; that of the old cluster when left out.
    #[arg(long, value_name = "NAME")]
    cluster: Option<ClusterName>,
    /// What an acknowledged write must be durable on; as in the old cluster when left out.
    #[arg(long, value_enum)]
    minimum_durability: Option<MinimumDurability>,
    /// Where the founder listens; where the old node did when left out.
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<SocketAddr>,
    /// Where others reach it.
    #[arg(long, value_name = "URL")]
    advertise: Option<Address>,
    /// Only say what would come of it; nothing is changed.
    #[arg(long)]
    dry_run: bool,
    /// Why; recorded in both nodes' ledgers.
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    reason: Option<Reason>,
}

impl Fork {
    pub(super) fn run(self) -> Result<Shown, Failure> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let (dir, into) = (DataDir::new(self.data_dir), DataDir::new(self.into));
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).map_err(no_randomness)?;
        let asked = ForkAsked {
            into: into.clone(),
            expected_epoch: self.expected_epoch,
            founder: Founder {
                node_id: self.node_id,
                cluster_name: self.cluster,
                minimum_durability: self.minimum_durability.map(MinimumDurability::durability),
                listen: self.listen,
                advertise: self.advertise,
            },
            key: NodeKey::generate().map_err(no_randomness)?,
            nonce: Hash(nonce),
            dry_run: self.dry_run,
            annotation: offline(reason_or_look(self.reason)?),
        };
        match stopped::fork(&dir, &disk, asked)? {
            Forking::Refused(why) => Ok(refused(*why)),
            Forking::Possible(explanation) => {
                let explanation = aerodb_core::explain_value(&*explanation);
                let json = json!({ "dry_run": true, "explanation": explanation });
                Ok(Shown::new(&json, possible(&explanation)))
            }
            Forking::Founded(founded) => Ok(shown(&founded, &dir, &into)),
        }
    }
}

fn possible(explanation: &Value) -> String {
    let commit = &explanation["observed_snapshot"]["commit_id"];
    format!(
        "a cluster would be founded with everything through commit {commit}; what followed it is \
         unknown\n\n{}",
        render_explanation(explanation)
    )
}

fn shown(founded: &Founded, dir: &DataDir, into: &DataDir) -> Shown {
    let Founded { cluster, founder, ancestor, start, decline, explanation } = founded;
    let explanation = aerodb_core::explain_value(explanation);
    let next = format!("aerodb serve --data-dir {}", into.path().display());
    let proven = ancestor.proven.boundary;
    let text = facts([
        ("cluster id", cluster.to_string()),
        ("node id", founder.node_id.to_string()),
        ("address", founder.address.to_string()),
        ("forked from", ancestor.cluster.to_string()),
        ("its epoch", ancestor.epoch.to_string()),
        ("serves", format!("everything through commit {proven}, the last one that is proven")),
        ("after it", "unknown: what the other cluster acknowledged later is not here".to_owned()),
        ("retired", dir.path().display().to_string()),
        ("next", next.clone()),
    ]);
    let declined = match decline {
        Some(_) => {
            "the old node has declined the next epoch of its cluster; --output json writes the \
             certificate, which the holder there takes as release --evidence FILE\n"
        }
        None => "",
    };
    let json = json!({
        "data": {
            "cluster_id": cluster,
            "node_id": founder.node_id,
            "public_key": founder.public_key,
            "address": founder.address,
            "data_dir": into.path(),
            "ancestor": ancestor,
            "start": start,
            "after": "unknown",
            "retired": dir.path(),
            "decline": decline,
            "explanation": explanation,
            "next": next,
        }
    });
    Shown::new(&json, format!("{text}{declined}\n{}", render_explanation(&explanation)))
}
