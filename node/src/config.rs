//! `aerodb.toml`: what an operator sets. Unknown keys are refused, and no key can weaken safety.
//!
//! Keeps: CORE-O2, RC-2.

use std::net::SocketAddr;
use std::path::Path;

use aerodb_core::id::Address;
use aerodb_ledger::disk::{Disk, DiskError, read_file};
use serde::{Deserialize, Serialize};

/// When a replica that lost its upstream pulls again (DESIGN section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reconnect {
    /// When an operator says `resume`, or at process start.
    #[default]
    OnRequest,
    /// By itself, one attempt a second, each attempt an event.
    Automatic,
}

/// Whether this node can be promoted (DESIGN section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failover {
    /// When asked to, and proven.
    #[default]
    Enabled,
    /// Never: routes, machine and metrics of promotion are not there. Everything else is as ever, an existing
    /// obligation too.
    Disabled,
}

/// The configuration file, with the defaults of every key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the node listens.
    pub listen: SocketAddr,
    /// Where others reach it; `http://` and `listen` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advertise: Option<Address>,
    /// Where a replica pulls from at first; a later `follow` is recorded in the decision ledger and wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Address>,
    /// When a replica that lost its upstream pulls again.
    #[serde(default)]
    pub reconnect: Reconnect,
    /// Whether this node can be promoted; `enabled` by default.
    #[serde(default)]
    pub failover: Failover,
    /// Writes are refused with `MEMORY_LIMIT` when the store holds this many bytes.
    #[serde(default = "default_store_bytes_max")]
    pub store_bytes_max: u64,
    /// So many commits below the acknowledged bound stay readable with `at=`; older versions are pruned. In
    /// commits, 100,000 by default.
    #[serde(default = "default_retain_commits")]
    pub retain_commits: u64,
    /// A checkpoint is taken when the log past the last one has this many bytes, or as many as its snapshot
    /// if that is larger. In bytes, 268435456 by default, at least 1048576.
    #[serde(default = "default_checkpoint_wal_bytes")]
    pub checkpoint_wal_bytes: u64,
    /// The largest value, in bytes; at most 4 MiB.
    #[serde(default = "default_value_bytes_max")]
    pub value_bytes_max: usize,
    /// The most commits under one fsync; 1 turns group commit off.
    #[serde(default = "default_group_commit_max")]
    pub group_commit_max: usize,
    /// Threads that serve requests.
    #[serde(default = "default_request_threads")]
    pub request_threads: usize,
}

const fn default_store_bytes_max() -> u64 {
    4 << 30
}

const fn default_retain_commits() -> u64 {
    100_000
}

const fn default_checkpoint_wal_bytes() -> u64 {
    256 << 20
}

const fn default_value_bytes_max() -> usize {
    1 << 20
}

const fn default_group_commit_max() -> usize {
    1024
}

const fn default_request_threads() -> usize {
    2
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// It is not UTF-8.
    #[error("{path} is not a valid configuration: {source}")]
    Encoding {
        /// The file.
        path: String,
        /// Where.
        source: std::string::FromUtf8Error,
    },
    /// It is not TOML, misses a key, or has one that is not known.
    #[error("{path} is not a valid configuration: {source}")]
    Parse {
        /// The file.
        path: String,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A value is out of bounds.
    #[error("{key} must be {bounds}")]
    Bounds {
        /// The key.
        key: &'static str,
        /// What it must be.
        bounds: &'static str,
    },
}

impl Config {
    /// The defaults, for a node that listens here.
    #[must_use]
    pub const fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            advertise: None,
            upstream: None,
            reconnect: Reconnect::OnRequest,
            failover: Failover::Enabled,
            store_bytes_max: default_store_bytes_max(),
            retain_commits: default_retain_commits(),
            checkpoint_wal_bytes: default_checkpoint_wal_bytes(),
            value_bytes_max: default_value_bytes_max(),
            group_commit_max: default_group_commit_max(),
            request_threads: default_request_threads(),
        }
    }

    /// Reads and checks the file.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file or the key.
    pub fn load(disk: &dyn Disk, path: &Path) -> Result<Self, ConfigError> {
        let name = || path.display().to_string();
        let text = String::from_utf8(read_file(disk, path)?)
            .map_err(|source| ConfigError::Encoding { path: name(), source })?;
        let config: Self = toml::from_str(&text)
            .map_err(|source| ConfigError::Parse { path: name(), source: Box::new(source) })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let bounds = [
            ("value_bytes_max", (1..=4 << 20).contains(&self.value_bytes_max), "from 1 to 4194304"),
            ("group_commit_max", (1..=65_536).contains(&self.group_commit_max), "from 1 to 65536"),
            ("request_threads", (1..=64).contains(&self.request_threads), "from 1 to 64"),
            ("checkpoint_wal_bytes", self.checkpoint_wal_bytes >= 1 << 20, "at least 1048576"),
            ("store_bytes_max", self.store_bytes_max >= 1 << 20, "at least 1048576"),
        ];
        match bounds.into_iter().find(|(_, holds, _)| !holds) {
            Some((key, _, bounds)) => Err(ConfigError::Bounds { key, bounds }),
            None => Ok(()),
        }
    }

    /// The file's text.
    #[must_use]
    pub fn render(&self) -> String {
        // A table of plain values always serialises.
        toml::to_string(self).unwrap_or_default()
    }

    /// Where others reach the node.
    ///
    /// # Errors
    /// When `listen` makes no address, which a socket address always does.
    pub fn address(&self) -> Result<Address, aerodb_core::id::InvalidId> {
        self.advertise.clone().map_or_else(|| Address::new(format!("http://{}", self.listen)), Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rendered_reads_back() {
        let mut config = Config::new("127.0.0.1:7401".parse().unwrap());
        config.upstream = Some(Address::new("http://127.0.0.1:7400").unwrap());
        assert_eq!(toml::from_str::<Config>(&config.render()).unwrap(), config);
    }

    /// Proves: CORE-O2, RC-2.
    #[test]
    fn unknown_keys_and_values_out_of_bounds_are_refused() {
        let parse = |extra: &str| {
            toml::from_str::<Config>(&format!("listen = \"127.0.0.1:1\"\n{extra}"))
                .ok()
                .map(|c| c.check())
        };
        assert!(matches!(parse(""), Some(Ok(()))));
        assert!(parse("fsync = false").is_none());
        assert!(matches!(parse("group_commit_max = 0"), Some(Err(ConfigError::Bounds { .. }))));
        assert!(matches!(
            parse("value_bytes_max = 5000000"),
            Some(Err(ConfigError::Bounds { .. }))
        ));
    }
}
