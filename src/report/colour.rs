//! Colours of text in a terminal.

use anstyle::{AnsiColor, Style};

/// Whether text carries colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// It does.
    On,
    /// It does not.
    Off,
}

/// Text in a style, or plain.
pub(crate) fn painted(colour: Colour, style: Style, text: &str) -> String {
    match colour {
        Colour::On => format!("{style}{text}{style:#}"),
        Colour::Off => text.to_owned(),
    }
}

pub(crate) fn green() -> Style {
    AnsiColor::Green.on_default().bold()
}

pub(crate) fn red() -> Style {
    AnsiColor::Red.on_default().bold()
}

pub(crate) fn dimmed() -> Style {
    Style::new().dimmed()
}
