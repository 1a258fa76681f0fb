//! AeroDB as it is shipped, on a fresh data directory.

use std::fs::File;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::found;

const PATIENCE: Duration = Duration::from_secs(30);

/// A node of its own cluster as a child process; it ends with this value.
pub(crate) struct NodeProcess {
    child: Child,
    pub(crate) port: u16,
}

impl NodeProcess {
    /// Makes the directory and serves it, with these lines added to the configuration.
    pub(crate) fn start(dir: &Path, binary: &Path, config: &[String]) -> io::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        found(dir, &format!("127.0.0.1:{port}"))?;
        configure(dir, config)?;
        let child = Command::new(binary)
            .arg("serve")
            .arg("--data-dir")
            .arg(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(dir.with_extension("log"))?)
            .spawn()?;
        let node = Self { child, port };
        node.wait()?;
        Ok(node)
    }

    fn wait(&self) -> io::Result<()> {
        let started = Instant::now();
        while let Err(error) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) {
            if started.elapsed() > PATIENCE {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

/// Lines that are given replace the ones with the same key.
fn configure(dir: &Path, lines: &[String]) -> io::Result<()> {
    let path = dir.join("aerodb.toml");
    let text = std::fs::read_to_string(&path)?;
    let key = |line: &str| line.split('=').next().map(|key| key.trim().to_owned());
    let mut file = File::create(path)?;
    for line in text.lines().filter(|line| !lines.iter().any(|new| key(new) == key(line))) {
        writeln!(file, "{line}")?;
    }
    for line in lines {
        writeln!(file, "{line}")?;
    }
    file.sync_all()
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // The directory goes with the benchmark: nothing in it has to be closed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
