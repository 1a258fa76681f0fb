//! Serving a data directory until told to stop.
//!
//! Threads: the WAL's, the supervisor's, those that serve requests, and one for whatever else the node waits
//! for. Nothing of promotion runs outside of an attempt (P6-PN2).
//!
//! Keeps: P6-PN2, P6-PN1, P6-RT5, P3-M4, M-P24, M-O06.

mod assemble;
mod crew;
mod error;
#[cfg(test)]
mod other_rules;
#[cfg(test)]
mod power_loss;
mod stepwise;
#[cfg(test)]
pub(crate) mod tests_support;

use std::sync::Arc;

use aerodb_http_api::extract::Limits;
use aerodb_http_api::threads::RequestThreads;
use aerodb_http_api::{Site, server};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::Failover;
use crate::directory::DataDir;
use crate::http::Http;
use crate::open::{Opened, open};
use crate::world::World;

use assemble::{Assembled, assemble};
use error::system;

pub use error::ServeError;
pub use stepwise::Stepwise;

/// Why serving ended without a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The process was told to stop.
    Stopped,
    /// A snapshot was installed: what is in memory is of the past, and the process starts again.
    Restart,
}

/// Serves the directory until SIGINT or SIGTERM, until a snapshot was installed, or until the disk fails. Blocks.
///
/// # Errors
/// [`ServeError`].
pub fn run(dir: &DataDir) -> Result<Ended, ServeError> {
    abort_on_panic();
    let world = World::real();
    let opened = tracing::info_span!("open", dir = %dir.path().display()).in_scope(|| {
        tracing::info!("AERODB_STARTUP_BEGIN");
        open(dir.clone(), &world.disk)
    })?;
    // Whatever the node itself waits for; requests have threads of their own.
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = system("start the runtime", runtime)?;
    let threads = RequestThreads::start(opened.config.request_threads);
    let threads = system("start the request threads", threads)?;
    let served = runtime.block_on(serve(opened, world, &threads));
    // Requests that still wait have been answered or have nobody to answer them.
    threads.shut_down();
    runtime.shutdown_background();
    served
}

/// A violated invariant ends the process, in a build that unwinds too: a supervisor that has died alone
/// would leave an owner that goes on acknowledging, and nobody to seal, halt or promote.
fn abort_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
}

async fn serve(
    opened: Opened,
    world: World,
    threads: &RequestThreads,
) -> Result<Ended, ServeError> {
    // Before anything can be asked of the node: whoever sees it answer may stop it.
    let told_to_stop = system("listen for signals", told_to_stop())?;
    let listen = opened.config.listen;
    let listener = system("listen", TcpListener::bind(listen).await)?;
    let value_bytes_max = opened.config.value_bytes_max;
    let (fatal, failed) = watch::channel(None);
    let (Assembled { http, supervisor, lock: _lock }, crew) = assemble(opened, world, fatal)?;
    crew.start()?;
    tracing::info!(%listen, "AERODB_SERVING");

    let (shared, mut ended) = (Arc::clone(&http.shared), failed.clone());
    let mut restarting = http.shared.restarting.subscribe();
    let restart = restarting.clone();
    let stop = async move {
        tokio::select! {
            () = told_to_stop => tracing::info!("stopping"),
            _ = ended.wait_for(Option::is_some) => {}
            _ = restarting.wait_for(|restarting| *restarting) => {}
        }
        shared.stopping.send_replace(true);
    };
    server::serve(listener, site(Arc::new(http), value_bytes_max), threads, stop).await;
    if failed.borrow().is_none() {
        supervisor.stop().await;
    }
    // What failed while it stopped counts too.
    let failure = failed.borrow().clone();
    let ended = if *restart.borrow() { Ended::Restart } else { Ended::Stopped };
    failure.map_or(Ok(ended), |fatal| Err(ServeError::Fatal(fatal)))
}

/// What the node answers over HTTP.
fn site(http: Arc<Http>, value_bytes_max: usize) -> Site<Http> {
    let limits = Limits { value_bytes_max, ..Limits::default() };
    match http.shared.failover {
        Failover::Enabled => Site::new(http, limits),
        Failover::Disabled => Site::without_failover(http, limits),
    }
}

/// Completes when the process is told to stop; the signals count from now on.
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
