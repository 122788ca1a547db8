//! Tables, files and pictures of what was measured. Prints, computes nothing.

pub mod ci;
pub mod claims;
pub mod compare;
pub mod csv;
mod failures;
pub mod files;
pub mod format;
pub mod guard;
pub mod json;
pub mod league;
pub mod plot;
pub mod prediction;
pub mod quota_use;
pub mod robust;
pub mod series;
mod swap;
mod table;
pub mod text;
pub mod trust;
pub mod tune;
