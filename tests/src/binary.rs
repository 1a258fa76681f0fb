//! The shipped binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The path of the binary, built for this run.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let features: &[&str] =
            if cfg!(feature = "crash-points") { &["--features", "crash-points"] } else { &[] };
        // The profile that this was built with itself: measurements are made with `--release`.
        let (profile, folder): (&[&str], &str) =
            if cfg!(debug_assertions) { (&[], "debug") } else { (&["--release"], "release") };
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "aerodb-node", "--bin", "aerodb"])
            .args(features)
            .args(profile)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the binary does not build");
        target().join(folder).join("aerodb")
    })
}

/// Where everything is built.
pub(crate) fn target() -> PathBuf {
    // Test executables lie in <target>/<profile>/deps, others in <target>/<profile>.
    let running = std::env::current_exe().expect("a test has a path");
    let mut folders = running.ancestors();
    let profile = folders.find(|dir| dir.ends_with("debug") || dir.ends_with("release"));
    profile.and_then(Path::parent).expect("the target directory").to_owned()
}

/// What a command came to.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
}

impl Output {
    /// Its standard output as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }
}

/// Runs the binary to its end.
#[must_use]
pub fn aerodb(args: &[&str]) -> Output {
    aerodb_with(args, &[])
}

/// The same with these variables in its environment.
#[must_use]
pub(crate) fn aerodb_with(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(path());
    command.args(args).envs(variables.iter().copied()).stdin(Stdio::null());
    let output = command.output().expect("the binary starts");
    Output {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
