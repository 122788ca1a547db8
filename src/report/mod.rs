//! Tables, files and pictures of what was measured. Prints, computes nothing.

pub mod best_known;
pub mod changes;
pub mod ci;
pub mod claims;
pub mod colour;
pub mod compare;
pub mod diagnosis;
pub mod draw;
pub mod exposition;
pub mod folder;
pub mod format;
pub mod league;
pub mod limitations;
pub mod limits;
pub mod live_status;
pub mod page;
pub mod pictures;
pub mod plan;
pub mod probe;
pub mod run;
pub mod seeds;
mod swap;
mod table;
pub mod tune;
