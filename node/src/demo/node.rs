//! A node of the demo: a child process of the same binary.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aerodb_core::id::{Address, NodeId};
use aerodb_http_api::client::Client;
use aerodb_http_api::envelope::View;
use aerodb_http_api::types::{Lifecycle, StatusData};
use rustix::process::{Pid, Signal, kill_process};

use super::error::DemoError;
use super::wait::wait_for;

/// A node.
#[derive(Debug)]
pub(super) struct DemoNode {
    pub id: NodeId,
    pub dir: PathBuf,
    pub listen: SocketAddr,
    pub address: Address,
    pub client: Client,
    child: Option<Child>,
}

impl DemoNode {
    pub(super) fn new(id: &str, place: &Path, listen: SocketAddr) -> Result<Self, DemoError> {
        let id = NodeId::new(id).map_err(|error| DemoError::system("name a node", error))?;
        let address = Address::new(format!("http://{listen}"))
            .map_err(|error| DemoError::system("address a node", error))?;
        let (dir, client) = (place.join(id.as_str()), Client::new(address.clone()));
        Ok(Self { id, dir, listen, address, client, child: None })
    }

    /// Its directory as it stands in a command line.
    pub(super) fn dir_text(&self) -> String {
        self.dir.display().to_string()
    }

    /// The process id while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Starts it and waits until it serves. Its process group is its own: what a terminal sends to the
    /// demo does not reach it.
    pub(super) async fn serve(&mut self) -> Result<(), DemoError> {
        let path = self.dir.with_extension("log");
        let log = File::options().create(true).append(true).open(&path);
        let log = log.map_err(|error| DemoError::system("open the node's log", error))?;
        let child = Command::new(binary()?)
            .args(["serve", "--data-dir", &self.dir_text()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn();
        let child = child.map_err(|error| DemoError::system("start a node", error))?;
        let child = self.child.insert(child);
        let client = &self.client;
        wait_for(format!("{} to serve", self.id), async || {
            if let Ok(Some(ended)) = child.try_wait() {
                return Err(format!("it has ended, {ended}, see {}", path.display()));
            }
            match client.status(false).await {
                Ok(status) if status.data.lifecycle == Lifecycle::Running => Ok(()),
                Ok(status) => Err(format!("{:?}", status.data.lifecycle)),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
    }

    /// `kill -9`: the process gets no chance to do anything more.
    pub(super) fn kill(&mut self) -> Result<(), DemoError> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let killed = child.kill().and_then(|()| child.wait());
        killed.map(|_| ()).map_err(|error| DemoError::system("kill a node", error))
    }

    /// Asks it to stop, and waits until it has; it is killed when it cannot be asked.
    pub(super) fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let asked = pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
        if !asked {
            // It has ended by itself then; killing it again changes nothing.
            let _ = child.kill();
        }
        let _ = child.wait();
    }

    /// Lets it run on after the demo.
    pub(super) fn release(&mut self) -> Option<u32> {
        self.child.take().map(|child| child.id())
    }

    /// Its status with the digest of its state.
    pub(super) async fn status(&self) -> Result<View<StatusData>, DemoError> {
        Ok(self.client.status(true).await?)
    }
}

impl Drop for DemoNode {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The binary that is running now.
fn binary() -> Result<PathBuf, DemoError> {
    std::env::current_exe().map_err(|error| DemoError::system("find the binary", error))
}

/// Runs a command of the binary to its end and gives what it printed; its exit code must be 0.
pub(super) fn aerodb(args: &[&str]) -> Result<String, DemoError> {
    let run = Command::new(binary()?).args(args).stdin(Stdio::null()).output();
    let run = run.map_err(|error| DemoError::system("run a command", error))?;
    if run.status.success() {
        return Ok(String::from_utf8_lossy(&run.stdout).trim_end().to_owned());
    }
    Err(DemoError::Command {
        line: line(args),
        code: run.status.to_string(),
        stderr: String::from_utf8_lossy(&run.stderr).trim_end().to_owned(),
    })
}

/// The command as it is typed.
pub(super) fn line(args: &[&str]) -> String {
    let words = args.iter().map(|arg| match arg.contains(' ') {
        true => format!(" '{arg}'"),
        false => format!(" {arg}"),
    });
    std::iter::once("aerodb".to_owned()).chain(words).collect()
}
