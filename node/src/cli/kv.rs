//! `get`, `put`, `delete`: one key.

use std::io::Read as _;
use std::path::PathBuf;

use aerodb_core::id::{Boundary, CommitId};
use aerodb_http_api::client::{ClientError, PutIf, Read, ReadOptions};
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use aerodb_http_api::types::{Consistency, Encoding, WriteReceipt};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::arguments::{boundary, commit};
use crate::cli::{Context, Failure, Shown};

/// How fresh a read must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Freshness {
    /// It shows every write acknowledged before it began.
    Linearizable,
    /// It shows one acknowledged state of the node.
    Snapshot,
}

/// The arguments that choose a read view.
#[derive(Debug, Args)]
pub(super) struct ReadView {
    /// Read at this commit.
    #[arg(long, value_name = "COMMIT", value_parser = boundary)]
    at: Option<Boundary>,
    /// Read at this commit or a later one.
    #[arg(long, value_name = "COMMIT", value_parser = boundary)]
    min_commit: Option<Boundary>,
    /// How fresh the read must be; linearizable on the holder and snapshot on a replica when left out.
    #[arg(long, value_enum)]
    consistency: Option<Freshness>,
}

impl ReadView {
    pub(super) fn options(&self) -> ReadOptions {
        let consistency = self.consistency.map(|freshness| match freshness {
            Freshness::Linearizable => Consistency::Linearizable,
            Freshness::Snapshot => Consistency::Snapshot,
        });
        ReadOptions { at: self.at, min_commit: self.min_commit, consistency }
    }
}

/// The arguments of `get`.
#[derive(Debug, Args)]
pub(super) struct Get {
    /// The key.
    key: String,
    #[command(flatten)]
    view: ReadView,
}

impl Get {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        match context.client.read(&self.key, self.view.options()).await? {
            Some(read) => Ok(found(&self.key, read)),
            None => {
                let detail = format!("{:?} is absent in the read view", self.key);
                Err(ClientError::Problem(Problem::new(Code::KeyNotFound, detail)).into())
            }
        }
    }
}

fn found(key: &str, read: Read) -> Shown {
    let Read { value, version, commit_id } = read;
    let (text, encoding) = Encoding::encode(&value);
    let data = json!({
        "key": key,
        "value": text,
        "encoding": encoding,
        "version": version,
        "commit_id": commit_id,
    });
    Shown::value(&json!({ "data": data }), value)
}

/// The arguments of `put`.
#[derive(Debug, Args)]
pub(super) struct Put {
    /// The key.
    key: String,
    /// The value; `-` reads it from standard input.
    #[arg(required_unless_present = "file", conflicts_with = "file", allow_hyphen_values = true)]
    value: Option<String>,
    /// Read the value from a file.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Write only if the key's version is of this commit.
    #[arg(long, value_name = "COMMIT", value_parser = commit, conflicts_with = "if_absent")]
    if_match: Option<CommitId>,
    /// Write only if the key has no value.
    #[arg(long)]
    if_absent: bool,
}

impl Put {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let condition = if self.if_absent { PutIf::Absent } else { version(self.if_match) };
        let value = value(self.value, self.file)?;
        let receipt = context.client.put(&self.key, value, condition).await?;
        Ok(written(&receipt))
    }
}

fn value(given: Option<String>, file: Option<PathBuf>) -> Result<Vec<u8>, Failure> {
    match (given, file) {
        (_, Some(path)) => std::fs::read(&path).map_err(|error| {
            Failure::Unreadable(format!("cannot read {}: {error}", path.display()))
        }),
        (Some(given), None) if given == "-" => {
            let mut value = Vec::new();
            std::io::stdin().read_to_end(&mut value).map_err(|error| {
                Failure::Unreadable(format!("cannot read standard input: {error}"))
            })?;
            Ok(value)
        }
        (given, None) => Ok(given.unwrap_or_default().into_bytes()),
    }
}

fn version(given: Option<CommitId>) -> PutIf {
    given.map_or(PutIf::Always, PutIf::Version)
}

fn written(receipt: &WriteReceipt) -> Shown {
    let WriteReceipt { commit_id, epoch, durability, .. } = receipt;
    let durability = durability.as_str();
    let text = format!("acknowledged: commit {commit_id}, epoch {epoch}, {durability} durability");
    Shown::new(&json!({ "data": receipt }), text)
}

/// The arguments of `delete`.
#[derive(Debug, Args)]
pub(super) struct Delete {
    /// The key.
    key: String,
    /// Delete only if the key's version is of this commit.
    #[arg(long, value_name = "COMMIT", value_parser = commit)]
    if_match: Option<CommitId>,
}

impl Delete {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let receipt = context.client.delete(&self.key, version(self.if_match)).await?;
        Ok(written(&receipt))
    }
}
