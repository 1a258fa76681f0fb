//! `scan`: a range of keys, one page of one read view.

use aerodb_http_api::client::ScanOptions;
use aerodb_http_api::types::Encoding;
use clap::Args;

use crate::cli::kv::ReadView;
use crate::cli::table::Rows;
use crate::cli::{Context, Failure, Shown};

/// The arguments.
#[derive(Debug, Args)]
pub(super) struct Scan {
    /// Only keys that begin with it.
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Only keys at or above it.
    #[arg(long, value_name = "KEY")]
    start: Option<String>,
    /// Only keys below it.
    #[arg(long, value_name = "KEY")]
    end: Option<String>,
    /// At most so many, 1 to 1,000.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Go on where the page before ended.
    #[arg(long, value_name = "TOKEN")]
    page_token: Option<String>,
    #[command(flatten)]
    view: ReadView,
}

impl Scan {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let options = ScanOptions {
            read: self.view.options(),
            prefix: self.prefix,
            start: self.start,
            end: self.end,
            limit: Some(self.limit),
            page_token: self.page_token,
        };
        let page = context.client.scan(&options).await?;
        let mut rows = Rows::new(["KEY", "COMMIT", "VALUE"]);
        for item in &page.data.items {
            let value = match item.encoding {
                Encoding::Utf8 => item.value.clone(),
                Encoding::Base64 => format!("base64:{}", item.value),
            };
            rows.add([item.key.clone(), item.commit_id.to_string(), value]);
        }
        let more = page.data.next_page_token.as_ref();
        let more = more.map(|token| format!("more: --page-token {token}\n")).unwrap_or_default();
        Ok(Shown::new(&page, rows.render() + &more))
    }
}
