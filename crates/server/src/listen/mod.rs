//! How bytes become requests: connections, their number, their time.

mod stalled;

use crate::error::ApiError;
use crate::limits::{HEADER_LINES_MAX, TURNED_AWAY_MAX};
use crate::site::{Phase, Site};
use crate::start::Stop;
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::metrics::gauge::Gauge;
use stalled::WriteGuard;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

/// Pause after an error of the system, such as too many open files: it does not go away at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Time that answers have to send their last frame after they were ended.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Time that one who is turned away has to read why.
const FAREWELL: Duration = Duration::from_secs(1);

/// The client's address, for the log.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Takes connections until told to stop, and then lets them end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    site: Arc<Site>,
    mut stop: watch::Receiver<Stop>,
) {
    let seats = Arc::new(Semaphore::new(site.limits.connections_max));
    let farewells = Arc::new(Semaphore::new(TURNED_AWAY_MAX));
    let (closing, closed) = watch::channel(false);
    let drained = drained(&site, &mut stop);
    tokio::pin!(drained);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut drained => break,
        };
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Ok(seat) = Arc::clone(&seats).try_acquire_owned() else {
            site.metrics.turned_away.inc();
            if let Ok(permit) = Arc::clone(&farewells).try_acquire_owned() {
                tokio::spawn(turn_away(stream, permit));
            }
            continue;
        };
        let connection =
            Connection { router: router.clone(), site: Arc::clone(&site), closed: closed.clone() };
        tokio::spawn(connection.run(stream, peer, seat));
    }
    drop(listener);
    closing.send_replace(true);
    let all = u32::try_from(site.limits.connections_max).unwrap_or(u32::MAX);
    // Who has not read the last words by then does not get them.
    let _ = tokio::time::timeout(LAST_WORDS, seats.acquire_many(all)).await;
    if let Some(service) = site.loaded() {
        // Accounts of readers that went away are settled behind their backs.
        let _ = tokio::time::timeout(LAST_WORDS, service.unsettled().idle()).await;
    }
}

/// Comes back when the server was told to stop and nothing runs any more, or its time is over.
async fn drained(site: &Site, stop: &mut watch::Receiver<Stop>) {
    if stop.wait_for(|stop| *stop != Stop::No).await.is_err() {
        // Nobody can stop it any more: it runs until the process ends.
        std::future::pending::<()>().await;
    }
    let idle = site.open_requests.idle();
    if tokio::time::timeout(site.limits.shutdown_drain, idle).await.is_err() {
        site.advance(Phase::Ending);
        let _ = tokio::time::timeout(LAST_WORDS, site.open_requests.idle()).await;
    }
}

/// One connection.
struct Connection {
    router: Router,
    site: Arc<Site>,
    closed: watch::Receiver<bool>,
}

impl Connection {
    async fn run(mut self, stream: TcpStream, peer: SocketAddr, _seat: OwnedSemaphorePermit) {
        let _counted = Counted::one_more(&self.site.metrics.connections);
        // Small frames must leave at once; without it they still arrive, only later.
        let _ = stream.set_nodelay(true);
        let limits = &self.site.limits;
        let stream = WriteGuard::new(stream, limits.write_stall);
        let router = self.router;
        let began = Arc::new(Notify::new());
        let first_request = Arc::clone(&began);
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            began.notify_one();
            request.extensions_mut().insert(Peer(peer));
            router.clone().oneshot(request)
        });
        // hyper's time for headers runs between requests too. The first request of a connection
        // has a shorter one, since whoever connects has something to say.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.idle.max(limits.header_read))
            .max_buf_size(limits.header_bytes_max)
            .max_headers(HEADER_LINES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let silent = async {
            if tokio::time::timeout(limits.header_read, first_request.notified()).await.is_ok() {
                std::future::pending::<()>().await;
            }
        };
        // An error is the client's doing: it left, sent nonsense or read nothing. hyper answers
        // what can be answered.
        tokio::select! {
            _ = connection.as_mut() => return,
            () = silent => return,
            _ = self.closed.wait_for(|closed| *closed) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}

/// Counts while it is there.
struct Counted(Gauge);

impl Counted {
    fn one_more(gauge: &Gauge) -> Counted {
        gauge.inc();
        Counted(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Tells a client that there is no room, and reads what it has to say so that it gets to read it.
async fn turn_away(mut stream: TcpStream, _permit: OwnedSemaphorePermit) {
    let error = ApiError::unavailable("Too many connections are open; try again", 1);
    let body = error.with_code("too_many_connections").to_json().to_string();
    let response = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
         retry-after: 1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let goodbye = async {
        stream.write_all(response.as_bytes()).await?;
        stream.shutdown().await?;
        let mut unread = [0u8; 1024];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    // It is gone either way.
    let _ = tokio::time::timeout(FAREWELL, goodbye).await;
}
