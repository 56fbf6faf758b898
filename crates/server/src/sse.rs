//! Server-sent events: an answer that is written while it comes about.
//!
//! The route gives a future that writes frames. It runs inside the response's body: it goes on only
//! while the client takes what was written, and it is dropped, with all it holds, when the client
//! is gone. So a stream needs no task of its own and a slow reader holds a few frames at most.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use http_body::Frame;
use serde_json::Value;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

/// Frames that may wait for the connection before their writer has to.
const FRAMES_MAX: usize = 16;

/// Writes the frames of one stream.
#[derive(Clone)]
pub struct Frames {
    sender: mpsc::Sender<String>,
}

/// The reader of a stream is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reader of the stream is gone")]
pub struct ReaderGone;

impl Frames {
    /// Writes `data: {value}`; waits while the reader is behind.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub async fn json(&self, value: &Value) -> Result<(), ReaderGone> {
        self.line(format!("data: {value}\n\n")).await
    }

    /// Writes `data: [DONE]`, which ends an OpenAI stream.
    ///
    /// # Errors
    /// As [`Frames::json`].
    pub async fn done(&self) -> Result<(), ReaderGone> {
        self.line("data: [DONE]\n\n".to_owned()).await
    }

    async fn line(&self, line: String) -> Result<(), ReaderGone> {
        self.sender.send(line).await.map_err(|_| ReaderGone)
    }
}

/// A response whose events `write` writes; a comment keeps the connection alive whenever nothing
/// was written for `keep_alive`.
pub fn respond<F>(keep_alive: Duration, write: impl FnOnce(Frames) -> F) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, frames) = mpsc::channel(FRAMES_MAX);
    let body = EventBody {
        writer: Some(Box::pin(write(Frames { sender }))),
        frames,
        quiet: Box::pin(tokio::time::sleep(keep_alive)),
        keep_alive,
    };
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Asks nginx, which is often in front, to pass each event on at once.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

struct EventBody {
    /// None once it is done.
    writer: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    frames: mpsc::Receiver<String>,
    /// Ends when the stream was quiet for too long.
    quiet: Pin<Box<Sleep>>,
    keep_alive: Duration,
}

impl EventBody {
    /// Every frame that is there, as one piece: one write for all of them.
    fn written(&mut self) -> Option<Bytes> {
        let mut text = self.frames.try_recv().ok()?;
        while let Ok(more) = self.frames.try_recv() {
            text.push_str(&more);
        }
        Some(Bytes::from(text))
    }

    fn send(&mut self, bytes: Bytes) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.quiet.as_mut().reset(Instant::now() + self.keep_alive);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let body = &mut *self;
        if let Some(writer) = &mut body.writer
            && writer.as_mut().poll(context).is_ready()
        {
            body.writer = None;
        }
        if let Some(bytes) = body.written() {
            if body.writer.is_some() {
                // The writer may have waited for this room, and nobody else wakes it.
                context.waker().wake_by_ref();
            }
            return body.send(bytes);
        }
        if body.writer.is_none() {
            return Poll::Ready(None);
        }
        if body.quiet.as_mut().poll(context).is_ready() {
            return body.send(Bytes::from_static(b": keep-alive\n\n"));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use serde_json::json;

    async fn text(response: Response) -> String {
        let bytes = response.into_body().collect().await.expect("the body is whole").to_bytes();
        String::from_utf8(bytes.to_vec()).expect("events are text")
    }

    #[tokio::test]
    async fn all_frames_arrive_in_order_however_many_there_are() {
        let response = respond(Duration::from_secs(60), |frames| async move {
            for index in 0..100 {
                frames.json(&json!({"index": index})).await.expect("it is read");
                tokio::task::yield_now().await;
            }
            frames.done().await.expect("it is read");
        });
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        let text = text(response).await;
        let expected: String =
            (0..100).map(|index| format!("data: {{\"index\":{index}}}\n\n")).collect();
        assert_eq!(text, format!("{expected}data: [DONE]\n\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_stream_says_that_it_is_alive() {
        let response = respond(Duration::from_secs(15), |frames| async move {
            tokio::time::sleep(Duration::from_secs(40)).await;
            frames.done().await.expect("it is read");
        });
        let text = text(response).await;
        assert_eq!(text, ": keep-alive\n\n: keep-alive\n\ndata: [DONE]\n\n");
    }

    #[tokio::test]
    async fn a_dropped_body_drops_its_writer() {
        let (alive, gone) = tokio::sync::oneshot::channel::<()>();
        let response = respond(Duration::from_secs(60), |_frames| async move {
            let _alive = alive;
            std::future::pending::<()>().await;
        });
        drop(response);
        assert!(gone.await.is_err(), "the writer was dropped with what it held");
    }
}
