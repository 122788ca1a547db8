//! What a space holds: pages in storage format, generated or from real documents.

mod corpus;
pub mod documents;
pub(crate) mod handed;
pub mod space;
pub mod storage;
