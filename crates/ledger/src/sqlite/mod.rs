//! The SQLite file: opening it, its schema, its columns.

pub mod columns;
pub mod connect;
pub mod pool;
pub mod schema;

pub use connect::Source;
pub use pool::Pool;
