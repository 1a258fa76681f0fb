//! `members`: the nodes that were ever admitted.

use crate::cli::status::{notes, word};
use crate::cli::table::{Rows, short};
use crate::cli::{Context, Failure, Shown};

pub(super) async fn run(context: &Context) -> Result<Shown, Failure> {
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
