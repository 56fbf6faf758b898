//! A request's body as JSON, with every bound checked before the memory is taken.

use crate::error::ApiError;
use crate::limits::{JSON_DEPTH_MAX, JSON_VALUES_MAX};
use crate::site::Site;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// Memory that a JSON value takes, in bytes, beside its text: an entry of an object, with the room
/// that its object keeps for more.
const VALUE_BYTES: usize = 200;

/// Bytes of a body that is too large which are read and forgotten.
const REFUSED_BYTES_MAX: usize = 64 << 20;

/// Time in which they are.
const REFUSED_TIME_MAX: Duration = Duration::from_secs(2);

/// The JSON object that a request's body holds.
pub struct JsonBody {
    /// The object's fields, in the order sent.
    pub fields: Map<String, Value>,
    /// The request's share of the memory for requests; given back when this is dropped.
    pub share: RequestShare,
}

/// A part of the memory that all requests have together.
#[derive(Default)]
pub struct RequestShare {
    bytes: usize,
    kib: usize,
    permit: Option<OwnedSemaphorePermit>,
}

impl FromRequest<Arc<Site>> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Self, ApiError> {
        let mut share = RequestShare::default();
        let bytes = read_all(request, site, &mut share).await?;
        let shape = Shape::of(&bytes);
        shape.check()?;
        share.grow(site, shape.value_count * VALUE_BYTES)?;
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|error| ApiError::bad_request(format!("The body is not JSON: {error}")))?;
        match value {
            Value::Object(fields) => Ok(JsonBody { fields, share }),
            _ => Err(ApiError::bad_request("The body must be a JSON object")),
        }
    }
}

impl RequestShare {
    /// Takes `bytes` more: of all of them together, however small the pieces are.
    fn grow(&mut self, site: &Site, bytes: usize) -> Result<(), ApiError> {
        self.bytes += bytes;
        let more = self.bytes.div_ceil(1024) - self.kib;
        if more == 0 {
            return Ok(());
        }
        let kib = u32::try_from(more).unwrap_or(u32::MAX);
        let permit = Arc::clone(&site.request_memory).try_acquire_many_owned(kib);
        let full = |_| {
            ApiError::unavailable("Too many large requests are being read; try again", 1)
                .with_code("request_memory_full")
        };
        let permit = permit.map_err(full)?;
        self.kib += more;
        match &mut self.permit {
            Some(all) => all.merge(permit),
            None => self.permit = Some(permit),
        }
        Ok(())
    }
}

/// Reads the body within its limits of bytes and time.
async fn read_all(
    request: Request,
    site: &Site,
    share: &mut RequestShare,
) -> Result<Vec<u8>, ApiError> {
    let bytes_max = site.limits.body_bytes_max;
    let told = request.headers().get(header::CONTENT_LENGTH);
    let told = told.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|length| length > bytes_max) {
        read_away(request).await;
        return Err(too_large(bytes_max));
    }
    let read = async {
        let mut body = request.into_body();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame
                .map_err(|_| ApiError::bad_request("The body ended before it was complete"))?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > bytes_max {
                return Err(too_large(bytes_max));
            }
            share.grow(site, data.len())?;
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    };
    let limit = site.limits.body_read;
    tokio::time::timeout(limit, read).await.unwrap_or_else(|_| {
        let message = format!("The body must arrive within {} seconds", limit.as_secs());
        Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, message)
            .with_code("request_timeout")
            .with_header(header::CONNECTION, header::HeaderValue::from_static("close")))
    })
}

/// Reads a body that is refused, a while: most clients send all of it before they read an answer,
/// and lose the answer with the connection. Who waits to be told to go on is not told to.
async fn read_away(request: Request) {
    if request.headers().contains_key(header::EXPECT) {
        return;
    }
    let read = async {
        let (mut body, mut bytes) = (request.into_body(), 0);
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, |data| data.len());
            if bytes > REFUSED_BYTES_MAX {
                break;
            }
        }
    };
    // It is refused either way.
    let _ = tokio::time::timeout(REFUSED_TIME_MAX, read).await;
}

fn too_large(bytes_max: usize) -> ApiError {
    let message = format!("The body may have at most {bytes_max} bytes");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
        .with_header(header::CONNECTION, header::HeaderValue::from_static("close"))
}

/// What a text would become as JSON, found without parsing it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    depth: usize,
    value_count: usize,
}

impl Shape {
    /// Counts brackets, commas and colons outside of strings: every value follows one of them.
    fn of(text: &[u8]) -> Shape {
        let mut shape = Shape { depth: 0, value_count: 1 };
        let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
        for &byte in text {
            if in_string {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => in_string = true,
                b'[' | b'{' => {
                    depth += 1;
                    shape.depth = shape.depth.max(depth);
                    shape.value_count += 1;
                }
                b']' | b'}' => depth = depth.saturating_sub(1),
                b',' => shape.value_count += 1,
                _ => {}
            }
        }
        shape
    }

    fn check(&self) -> Result<(), ApiError> {
        if self.depth > JSON_DEPTH_MAX {
            let message = format!("JSON may be nested at most {JSON_DEPTH_MAX} deep");
            return Err(ApiError::bad_request(message));
        }
        if self.value_count > JSON_VALUES_MAX {
            let message = format!("JSON may hold at most {JSON_VALUES_MAX} values");
            return Err(ApiError::bad_request(message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_is_found_without_parsing() {
        let shape = |text: &str| {
            let shape = Shape::of(text.as_bytes());
            (shape.depth, shape.value_count)
        };
        assert_eq!(shape("1"), (0, 1));
        assert_eq!(shape(r#"{"a": [1, 2, {"b": 3}]}"#), (3, 6));
        assert_eq!(shape(r#"{"a": "[[[,,,\"[["}"#), (1, 2));
        assert_eq!(shape("]]]]"), (0, 1));
    }

    #[test]
    fn deep_and_wide_texts_are_refused() {
        assert!(Shape::of("[".repeat(101).as_bytes()).check().is_err());
        assert!(Shape::of("[".repeat(100).as_bytes()).check().is_ok());
        assert!(Shape::of(",".repeat(JSON_VALUES_MAX).as_bytes()).check().is_err());
    }
}
