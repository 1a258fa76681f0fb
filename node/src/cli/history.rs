//! `history`: the epochs so far.

use crate::cli::table::Rows;
use crate::cli::{Context, Failure, Shown};

pub(super) async fn run(context: &Context) -> Result<Shown, Failure> {
    let epochs = context.client.history().await?;
    let mut rows = Rows::new(["EPOCH", "HOLDER", "STARTS AFTER COMMIT", "BASIS"]);
    for epoch in &epochs {
        rows.add([
            epoch.epoch.to_string(),
            epoch.holder.to_string(),
            epoch.start_commit_id.to_string(),
            epoch.basis.clone(),
        ]);
    }
    Ok(Shown::new(&epochs, rows.render()))
}
