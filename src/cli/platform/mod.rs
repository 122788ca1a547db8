//! What systems do differently: signals, rights, and what tells one file from another.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(super) use self::other::{
    CtrlC as Signals, ask_to_end, check_folder, is_private, is_stream, make_private, numbers,
};
#[cfg(unix)]
pub(super) use self::unix::{
    Signals, ask_to_end, check_folder, is_private, is_stream, make_private, numbers,
};
