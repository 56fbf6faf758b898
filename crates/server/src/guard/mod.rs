//! What a request passes before its route.

pub mod access_log;
pub mod caller;
pub mod headers;
pub mod keys;
pub mod origin;
pub mod request_id;

pub use caller::{Caller, WhoAsks};
pub use request_id::RequestId;
