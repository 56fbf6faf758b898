//! One line in the log for each request, when its answer is complete: what was asked for, what
//! became of it, how long it took. Never a text, a header's value or a key.

use crate::error::ErrorCode;
use crate::guard::caller::WhoAsks;
use crate::guard::request_id::{RequestId, X_REQUEST_ID};
use crate::listen::Peer;
use crate::open_requests::OpenRequest;
use crate::site::Site;
use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// The outermost layer: gives the request its id, counts it while it is open, and logs its end.
pub async fn layer(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let mut entry = Entry {
        _open: site.open_requests.enter(),
        began: Instant::now(),
        method: request.method().clone(),
        route: request.extensions().get::<MatchedPath>().cloned(),
        peer: request.extensions().get::<Peer>().copied(),
        id,
        status: StatusCode::OK,
        error: None,
        key: None,
        entry: None,
        header_ms: None,
        complete: false,
    };
    let mut response = next.run(request).await;
    entry.status = response.status();
    entry.error = response.extensions().get::<ErrorCode>().map(|code| code.0.clone());
    entry.key = response
        .extensions()
        .get::<WhoAsks>()
        .and_then(|who| who.0.as_ref().map(|caller| caller.key_id.clone()));
    if let Some(name) = response.headers().get(X_REQUEST_ID) {
        entry.id.or_entry(name);
        entry.entry = name.to_str().ok().map(str::to_owned);
    }
    if let Some(code) = &entry.error {
        site.metrics.refused(entry.status.as_u16(), code);
    }
    entry.header_ms = Some(entry.began.elapsed().as_secs_f64() * 1e3);
    response.headers_mut().insert(X_REQUEST_ID, entry.id.header());
    response.map(|body| Body::new(LoggedBody { body, entry }))
}

/// What is known of a request. It is written to the log when this is dropped.
struct Entry {
    _open: OpenRequest,
    began: Instant,
    method: Method,
    /// The route's pattern; the path itself is the client's text.
    route: Option<MatchedPath>,
    peer: Option<Peer>,
    id: RequestId,
    status: StatusCode,
    error: Option<Cow<'static, str>>,
    key: Option<String>,
    /// None for what is not in the ledger.
    entry: Option<String>,
    /// None when the client left before there was an answer.
    header_ms: Option<f64>,
    complete: bool,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let total_ms = self.began.elapsed().as_secs_f64() * 1e3;
        tracing::info!(
            target: "access",
            id = self.id.text(),
            method = %self.method,
            route = self.route.as_ref().map_or("-", MatchedPath::as_str),
            status = self.status.as_u16(),
            error = self.error.as_deref(),
            key = self.key.as_deref(),
            entry = self.entry.as_deref(),
            peer = self.peer.map(|peer| tracing::field::display(peer.0.ip())),
            header_ms = self.header_ms.map(|ms| (ms * 10.0).round() / 10.0),
            total_ms = (total_ms * 10.0).round() / 10.0,
            left = (!self.complete).then_some(true),
        );
    }
}

/// A body whose end is the end of the request.
struct LoggedBody {
    body: Body,
    entry: Entry,
}

impl http_body::Body for LoggedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.entry.complete = true;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
