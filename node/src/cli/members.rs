//! `members`: the nodes that were ever admitted; with `admit` and `remove`, who takes part from now on.

use aerodb_core::hash::PublicKey;
use aerodb_core::id::{Address, Epoch, NodeId, Reason};
use aerodb_http_api::types::AdmitRequest;
use clap::{Args, Subcommand};

use crate::cli::arguments::epoch;
use crate::cli::authority::done;
use crate::cli::status::{notes, word};
use crate::cli::table::{Rows, short};
use crate::cli::{Context, Failure, Shown};

/// The arguments; without a subcommand the members are listed.
#[derive(Debug, Args)]
pub(super) struct Members {
    #[command(subcommand)]
    change: Option<Change>,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Let a node take part; asked of the holder. `join` does it by itself.
    Admit(Admit),
    /// Let a node take part no more; asked of the holder. Its id is spent.
    Remove(Remove),
}

#[derive(Debug, Args)]
struct Admit {
    /// Its id, never used before.
    node_id: NodeId,
    /// Its key.
    #[arg(long, value_name = "HEX")]
    public_key: PublicKey,
    /// Where it is reached.
    #[arg(long, value_name = "URL")]
    address: Address,
    /// Why; recorded in the ledger.
    #[arg(long, value_name = "TEXT")]
    reason: Reason,
}

#[derive(Debug, Args)]
struct Remove {
    /// The node.
    node_id: NodeId,
    /// The epoch that you believe to be in force.
    #[arg(long, value_name = "N", value_parser = epoch)]
    expected_epoch: Epoch,
    /// Why; recorded in the ledger.
    #[arg(long, value_name = "TEXT")]
    reason: Reason,
}

impl Members {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        match self.change {
            None => list(context).await,
            Some(Change::Admit(Admit { node_id, public_key, address, reason })) => {
                let request = AdmitRequest { node_id, public_key, address, reason };
                done(context.client.admit(&request).await)
            }
            Some(Change::Remove(Remove { node_id, expected_epoch, reason })) => {
                done(context.client.remove(&node_id, expected_epoch, &reason).await)
            }
        }
    }
}

async fn list(context: &Context) -> Result<Shown, Failure> {
    let members = context.client.members().await?;
    let mut rows = Rows::new(["NODE", "MEMBERSHIP", "ADDRESS", "PUBLIC KEY"]);
    for view in &members.data {
        let member = &view.member;
        let key = short(&member.public_key);
        rows.add([
            member.node_id.to_string(),
            word(&view.membership),
            member.address.to_string(),
            key,
        ]);
    }
    Ok(Shown::new(&members, rows.render() + &notes(&members.notes)))
}
