//! Starting and stopping the server.

use crate::guard::keys::KeyCheck;
use crate::limits::SEND_BUFFER_BYTES;
use crate::listen;
use crate::routes;
use crate::site::{Phase, Site};
use ledger::{Ledger, LedgerError};
use policy::config::Server;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

/// Connections that the kernel keeps until they are taken.
const BACKLOG: u32 = 1024;

/// Threads for what takes long beside the connections: templates, tokenizing, grammars. The cores
/// belong to the engine.
const BLOCKING_THREADS_MAX: usize = 4;

/// What a server is made of, before its models are loaded.
pub struct Setup {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// The settings under `server`. Most count until it stops.
    pub settings: Server,
    /// Where its keys are.
    pub ledger: Ledger,
    /// A key that opens it beside those.
    pub own_key: Option<String>,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: std::io::Error,
    },
    /// Others could reach it and nothing would keep them out.
    #[error(
        "{address} can be reached from other machines, and there is no key that holds strangers off"
    )]
    NoKeys {
        /// Where.
        address: SocketAddr,
    },
    /// The keys cannot be read.
    #[error(transparent)]
    Keys(#[from] LedgerError),
    /// The machine gives no thread.
    #[error("cannot start the server's thread: {0}")]
    Thread(std::io::Error),
}

/// How the server is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It goes on.
    No,
    /// Running answers may end first.
    Drain,
}

/// A server that listens. Dropping it leaves it running; see [`Running::shutdown`].
pub struct Running {
    address: SocketAddr,
    site: Arc<Site>,
    stop: watch::Sender<Stop>,
    pub(crate) ended: watch::Receiver<bool>,
    thread: JoinHandle<()>,
}

/// Starts a server on a thread of its own. It is loading until [`Site::serve`] gives it its models.
///
/// # Errors
/// When the address is taken, when it is open to strangers and no key exists, when the keys cannot
/// be read, or when the machine has no thread left.
pub fn start(setup: Setup) -> Result<Running, StartError> {
    let Setup { address, settings, ledger, own_key } = setup;
    let keys = KeyCheck::new(ledger.clone(), own_key.as_deref())?;
    let is_loopback = address.ip().to_canonical().is_loopback();
    if !is_loopback && !keys.needed() && !settings.allow_no_keys {
        return Err(StartError::NoKeys { address });
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("http-work")
        .build()
        .map_err(StartError::Thread)?;
    let in_listen = |error| StartError::Listen { address, error };
    let listener = {
        let _inside = runtime.enter();
        bind(address).map_err(in_listen)?
    };
    let address = listener.local_addr().map_err(in_listen)?;
    let site = Arc::new(Site::new(&settings, keys, is_loopback));
    let router = routes::router(Arc::clone(&site));
    let (stop, stopped) = watch::channel(Stop::No);
    let (end, ended) = watch::channel(false);
    let served = Arc::clone(&site);
    let run = move || {
        runtime.block_on(listen::serve(listener, router, served, stopped));
        if let Err(error) = ledger.flush() {
            tracing::error!(%error, "the ledger could not be written to its end");
        }
        end.send_replace(true);
    };
    let thread = std::thread::Builder::new().name("http".to_string()).spawn(run);
    let thread = thread.map_err(StartError::Thread)?;
    Ok(Running { address, site, stop, ended, thread })
}

/// A listener whose connections keep little in the kernel for readers that are behind.
fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Running {
    /// Where it listens, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its routes share.
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// Tells it to stop: from now on new work is refused, and running answers have
    /// `shutdown_drain` to end. Returns at once.
    pub fn shutdown(&self) {
        self.site.advance(Phase::Draining);
        self.stop.send_replace(Stop::Drain);
    }

    /// Waits until it has stopped.
    pub fn join(self) {
        // A panic of the thread has been printed; there is nothing left to stop.
        let _ = self.thread.join();
    }
}
