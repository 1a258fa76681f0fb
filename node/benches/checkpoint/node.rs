//! The node under measurement, as a child process.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aerodb_core::id::{Address, Reason};
use aerodb_http_api::client::{Client, ClientError, ReadOptions};
use aerodb_http_api::types::{CheckpointRequest, Encoding, TxnOp, TxnRequest};
use tokio::runtime::Runtime;

use crate::support::{BINARY, found};

const VALUE_BYTES: usize = 100;
const OPS_IN_A_TXN: u32 = 1000;
/// A node that does not answer for so long counts as hung.
const PATIENCE: Duration = Duration::from_secs(120);

/// A node of its own cluster; it ends with this value.
pub(crate) struct Process {
    child: Child,
    dir: PathBuf,
    pub(crate) port: u16,
    address: Address,
    runtime: Runtime,
    client: Client,
}

fn failed(error: impl ToString) -> io::Error {
    io::Error::other(error.to_string())
}

fn serve(dir: &Path) -> io::Result<Child> {
    Command::new(BINARY)
        .arg("serve")
        .arg("--data-dir")
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::options().create(true).append(true).open(dir.with_extension("log"))?)
        .spawn()
}

impl Process {
    /// Founds a cluster that takes checkpoints on request only, and serves it.
    pub(crate) fn start(dir: &Path) -> io::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        found(dir, &format!("127.0.0.1:{port}"))?;
        let config = dir.join("aerodb.toml");
        let text = fs::read_to_string(&config)?;
        let kept = text.lines().filter(|line| !line.starts_with("checkpoint_wal_bytes"));
        let lines: Vec<&str> = kept.chain(["checkpoint_wal_bytes = 1099511627776"]).collect();
        fs::write(&config, lines.join("\n") + "\n")?;
        let address = Address::new(format!("http://127.0.0.1:{port}")).map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = Client::new(address.clone());
        let (child, dir) = (serve(dir)?, dir.to_owned());
        let node = Self { child, dir, port, address, runtime, client };
        node.wait(async |client| client.status(false).await.map(drop))?;
        Ok(node)
    }

    /// Asks until there is an answer.
    fn wait(&self, ask: impl AsyncFn(&Client) -> Result<(), ClientError>) -> io::Result<()> {
        let started = Instant::now();
        while let Err(error) = self.runtime.block_on(ask(&self.client)) {
            if started.elapsed() > PATIENCE {
                return Err(failed(error));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Writes so many keys, a thousand with each commit.
    pub(crate) fn fill(&self, keys: u32) -> io::Result<Duration> {
        let started = Instant::now();
        for first in (0..keys).step_by(OPS_IN_A_TXN as usize) {
            let put = |number: u32| TxnOp::Put {
                key: format!("key{number:013}"),
                value: format!("{number:0VALUE_BYTES$}"),
                encoding: Encoding::Utf8,
            };
            let ops = (first..keys.min(first + OPS_IN_A_TXN)).map(put).collect();
            let txn = TxnRequest { conditions: Vec::new(), ops };
            self.runtime.block_on(self.client.txn(&txn)).map_err(failed)?;
        }
        Ok(started.elapsed())
    }

    /// Takes a checkpoint, and says what is in it.
    pub(crate) fn checkpoint(&self) -> io::Result<String> {
        // Asked beside the load, so with a runtime and connections of its own.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let reason = Reason::new("measured").map_err(failed)?;
        let request = CheckpointRequest { reason };
        let client = Client::new(self.address.clone());
        let taken = runtime.block_on(client.take_checkpoint(&request)).map_err(failed)?;
        Ok(taken.checkpoint.map_or_else(
            || "it goes on".to_owned(),
            |it| format!("{} keys, {} versions, {} bytes", it.keys, it.versions, it.snapshot_bytes),
        ))
    }

    /// Kills the process and starts another one; how long until that has served a read.
    pub(crate) fn kill_and_read(&mut self) -> io::Result<Duration> {
        self.child.kill()?;
        self.child.wait()?;
        let started = Instant::now();
        self.child = serve(&self.dir)?;
        self.wait(async |client| {
            client.read("key0000000000007", ReadOptions::default()).await.map(drop)
        })?;
        Ok(started.elapsed())
    }

    /// What the node counts, and what the system says that it has.
    pub(crate) fn memory(&self) -> io::Result<String> {
        let store = self.runtime.block_on(self.client.status(false)).map_err(failed)?.data.store;
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let resident = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
        Ok(format!(
            "{} versions of {} keys counted as {} MiB; {}",
            store.versions,
            store.keys,
            store.bytes >> 20,
            resident.split_whitespace().collect::<Vec<_>>().join(" ")
        ))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The directory goes with the benchmark: nothing in it has to be closed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
