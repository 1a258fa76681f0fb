//! One node: its directory, its process, and what can be asked of it.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use aerodb_ledger::disk::{Disk, RealDisk};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::binary;
use crate::http::{Answer, send};

/// How long a state is waited for before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the nodes listen.
const PORTS: Range<u16> = 12_000..32_000;

/// A node.
#[derive(Debug)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// Its data directory.
    pub dir: PathBuf,
    /// Its port.
    pub port: u16,
    child: Option<Child>,
    /// How long its log was when its process started.
    logged: usize,
}

/// A port that stays this node's while its process is down: below the range from which the kernel gives
/// outgoing connections theirs, and not given twice by this process.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let apart = std::process::id().wrapping_mul(67);
    loop {
        let drawn = apart.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start
            + u16::try_from(drawn % u32::from(PORTS.end - PORTS.start)).expect("16 bits");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Node {
    /// A node that does not exist yet, in a directory of its own under `root`.
    #[must_use]
    pub fn new(root: &Path, id: &str) -> Self {
        Self { id: id.to_owned(), dir: root.join(id), port: free_port(), child: None, logged: 0 }
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its directory as a command line argument.
    ///
    /// # Panics
    /// When the path is not UTF-8.
    #[must_use]
    pub fn dir_arg(&self) -> &str {
        self.dir.to_str().expect("a UTF-8 path")
    }

    /// Starts it and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn start(&mut self) {
        self.spawn();
        self.wait("answers", || self.try_get("/livez").map(|_| ()));
    }

    /// Starts its process without waiting for anything.
    ///
    /// # Panics
    /// When there is no process to be had.
    pub fn spawn(&mut self) {
        self.spawn_under(&[]);
    }

    /// Starts it as the child of another program.
    ///
    /// # Panics
    /// When that cannot be started.
    pub fn spawn_under(&mut self, wrapper: &[&str]) {
        self.spawn_with(wrapper, &[]);
    }

    /// Starts its process with these variables in its environment.
    pub(crate) fn spawn_armed(&mut self, variables: &[(&str, &str)]) {
        self.spawn_with(&[], variables);
    }

    /// Starts it with these variables in its environment, and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn start_in(&mut self, variables: &[(&str, &str)]) {
        self.spawn_armed(variables);
        self.wait("answers", || self.try_get("/livez").map(|_| ()));
    }

    fn spawn_with(&mut self, wrapper: &[&str], variables: &[(&str, &str)]) {
        self.logged = self.log().len();
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.with_extension("log"))
            .expect("a log");
        let binary = binary::path().to_str().expect("a UTF-8 path");
        let line = [wrapper, &[binary, "serve", "--data-dir", self.dir_arg()]].concat();
        let child = Command::new(line[0])
            .args(&line[1..])
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the node starts");
        self.child = Some(child);
    }

    /// The number of its process.
    ///
    /// # Panics
    /// When it is not running.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.child.as_ref().expect("a running node").id()
    }

    fn pid(&self) -> Option<Pid> {
        self.child.as_ref().and_then(|child| Pid::from_raw(i32::try_from(child.id()).ok()?))
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            kill_process(pid, signal).expect("a signal");
        }
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// When it is not running.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.child.take().expect("a running node").wait().expect("an exit");
    }

    /// `kill -9` while others hold the node; [`Node::start_again`] takes note of it.
    pub fn kill_shared(&self) {
        self.signal(Signal::KILL);
    }

    /// Starts it after [`Node::kill_shared`].
    ///
    /// # Panics
    /// When it was not running, or does not start.
    pub fn start_again(&mut self) {
        self.child.take().expect("a killed node").wait().expect("an exit");
        self.start();
    }

    /// `kill -9` and a start.
    pub fn restart(&mut self) {
        self.kill();
        self.start();
    }

    /// Stops the process without ending it (SIGSTOP).
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it run again.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// SIGTERM, and the exit code.
    ///
    /// # Panics
    /// When it is not running.
    pub fn stop(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.exit_code()
    }

    /// Waits for the process to end, and gives how.
    pub(crate) fn ended(&mut self) -> std::process::ExitStatus {
        self.child.take().expect("a started node").wait().expect("an exit")
    }

    /// Whether its process has ended; it is still to be waited for.
    pub(crate) fn has_ended(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process_id()));
        // The state follows the name, which stands in brackets.
        stat.map_or(true, |text| text.rsplit(')').next().is_some_and(|it| it.starts_with(" Z")))
    }

    /// Waits for the process to end by itself.
    ///
    /// # Panics
    /// When it was not started.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.child.take().expect("a started node").wait().expect("an exit").code()
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.with_extension("log")).unwrap_or_default()
    }

    /// What its process has logged since it was started.
    pub(crate) fn said(&self) -> String {
        self.log().split_off(self.logged)
    }

    /// Sends a request; `None` when no answer comes.
    #[must_use]
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Option<Answer> {
        send(method, &format!("{}{path}", self.url()), headers, body)
    }

    /// GET; `None` when no answer comes.
    #[must_use]
    pub fn try_get(&self, path: &str) -> Option<Answer> {
        self.try_send("GET", path, &[], None)
    }

    /// GET.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.try_get(path).unwrap_or_else(|| panic!("{} does not answer: {}", self.id, self.log()))
    }

    /// POST of a JSON body.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body)
            .unwrap_or_else(|| panic!("{} does not answer: {}", self.id, self.log()))
    }

    /// POST of a JSON body; `None` when no answer comes.
    #[must_use]
    pub fn try_post(&self, path: &str, body: &Value) -> Option<Answer> {
        let bytes = body.to_string().into_bytes();
        self.try_send("POST", path, &[("content-type", "application/json")], Some(&bytes))
    }

    /// PUT of a value; `None` when no answer comes.
    #[must_use]
    pub fn try_put(&self, key: &str, value: &str) -> Option<Answer> {
        self.try_send("PUT", &format!("/v1/kv/{key}"), &[], Some(value.as_bytes()))
    }

    /// PUT of a value.
    ///
    /// # Panics
    /// When no answer comes.
    #[must_use]
    #[track_caller]
    pub fn put(&self, key: &str, value: &str) -> Answer {
        self.try_put(key, value)
            .unwrap_or_else(|| panic!("{} does not answer: {}", self.id, self.log()))
    }

    /// The `data` of an inspection answer.
    #[must_use]
    #[track_caller]
    pub fn data(&self, path: &str) -> Value {
        self.get(path).expect(200).body["data"].clone()
    }

    /// The current epoch by its ledger.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[track_caller]
    pub fn epoch(&self) -> u64 {
        self.data("/v1/authority")["epoch"].as_u64().expect("an epoch")
    }

    /// Waits for a state.
    ///
    /// # Panics
    /// When it does not come.
    #[track_caller]
    pub fn wait<T>(&self, what: &str, state: impl Fn() -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = state() {
                return found;
            }
            assert!(started.elapsed() < PATIENCE, "{} never {what}:\n{}", self.id, self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the applied history ends here or later.
    #[track_caller]
    pub fn wait_applied(&self, commit: u64) {
        self.wait(&format!("applied commit {commit}"), || {
            let status = self.try_get("/v1/status")?;
            (status.body["data"]["tips"]["applied"].as_u64()? >= commit).then_some(())
        });
    }

    /// Waits until what reads show ends here or later.
    #[track_caller]
    pub fn wait_shown(&self, commit: u64) {
        self.wait(&format!("showed commit {commit}"), || {
            let status = self.try_get("/v1/status")?;
            (status.body["data"]["tips"]["acknowledged"].as_u64()? >= commit).then_some(())
        });
    }

    /// Has a successor designated, and waits until that is effective.
    #[track_caller]
    pub fn designate(&self, successor: &str) {
        let body =
            json!({ "successor": successor, "expected_epoch": self.epoch(), "reason": "test" });
        let done = self.post("/v1/authority/designate", &body).expect(200);
        assert_eq!(done.body["data"]["covered"], true, "{}", done.text);
    }

    /// Lets a replica pull again, if it is not pulling.
    #[track_caller]
    pub fn resume(&self) {
        let _ = self.post("/v1/replication/resume", &json!({ "reason": "test" })).expect(200);
    }

    /// Waits until the replica says that only a bootstrap helps.
    #[track_caller]
    pub fn wait_bootstrap_required(&self) {
        self.wait("needs a bootstrap", || {
            let data = self.try_get("/v1/replication")?.body["data"].clone();
            let why = data["blocking_reason"].as_str()?;
            (data["bootstrap_required"] == true && why.contains("BOOTSTRAP_REQUIRED")).then_some(())
        });
    }

    /// Waits until the bootstrap has come so far: `NotStarted`, `InProgress`, `Complete`.
    #[track_caller]
    pub fn wait_bootstrap(&self, state: &str) {
        self.wait(&format!("has its bootstrap {state}"), || {
            let data = self.try_get("/v1/replication")?.body["data"].clone();
            (data["snapshot_bootstrap_state"] == state).then_some(())
        });
    }

    /// Has the node follow another one.
    #[track_caller]
    pub fn follow(&self, upstream: &Self) -> Answer {
        self.post(
            "/v1/replication/follow",
            &json!({ "upstream": upstream.url(), "reason": "test" }),
        )
    }

    /// The way back of a node that was deposed, as it is documented: follow; where it halts over what it has
    /// past the later grant (F-V2), set that aside, and follow again. Gives how often it had to.
    ///
    /// # Panics
    /// When it halts over something else, or more often than its log and its ledger can account for.
    #[track_caller]
    pub fn come_back(&self, holder: &Self) -> usize {
        for discarded in 0..3 {
            let followed = self.follow(holder);
            if followed.status == 200 {
                return discarded;
            }
            followed.refused(503, "HALTED");
            assert_eq!(followed.body["rule"], "F-V2", "{}", followed.text);
            let body = json!({ "reason": "none of it was acknowledged" });
            let done = self.post("/v1/replication/discard-suffix", &body).expect(200);
            assert_eq!(done.body["data"]["cleared"], "F-V2");
            self.wait("started again", || {
                let status = self.try_get("/v1/status")?.body["data"].clone();
                (status["halt"].is_null() && status["role"].is_string()).then_some(())
            });
        }
        panic!("{} does not come back: {}", self.id, self.log());
    }

    /// Asks for the node's promotion out of this epoch.
    #[track_caller]
    #[must_use]
    pub fn promote(&self, epoch: u64) -> Answer {
        self.post("/v1/promotions", &json!({ "expected_epoch": epoch, "reason": "test" }))
    }

    /// The state digest and the commit that it is of.
    #[must_use]
    #[track_caller]
    pub fn digest(&self) -> (Value, Value) {
        let status = self.data("/v1/status?digest=true");
        let state = &status["state_digest"];
        (state["commit_id"].clone(), state["digest"].clone())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.thaw();
            self.kill();
        }
    }
}

/// Every file of a directory with its bytes: equal before and after means that nothing was touched. Where a node runs on
/// it, the segment that it is making is waited for.
///
/// # Panics
/// When the directory cannot be read.
#[must_use]
pub fn directory_digest(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    while is_served(dir) && is_segment_in_the_making(dir) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut files = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                files.insert(path.clone(), fs::read(&path).expect("a file"));
            }
        }
    }
    files
}

/// Whether a node runs on this directory, or on the one that it lies in.
fn is_served(dir: &Path) -> bool {
    let locks = [dir.join("LOCK"), dir.join("../LOCK")];
    locks.iter().any(|lock| RealDisk.is_locked(lock).unwrap_or(false))
}

fn is_segment_in_the_making(dir: &Path) -> bool {
    let names = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().map(|it| it.path());
    let logs = names(dir).filter(|path| path.is_dir()).chain([dir.to_owned()]);
    let is_made = |path: PathBuf| path.to_string_lossy().ends_with(".seg.tmp");
    logs.flat_map(|log| names(&log).collect::<Vec<_>>()).any(is_made)
}
