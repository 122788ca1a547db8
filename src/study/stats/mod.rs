//! Statistics over seeds.

pub mod paired;
pub mod sign_test;
pub mod wilson;
