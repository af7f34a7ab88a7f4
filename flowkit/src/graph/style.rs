//! The glyph of a state, and its tone, which has a colour in each picture.
//!
//! Never colour alone: every picture prints the glyph and [`State::name`] as well. The colours are
//! those of Okabe and Ito, which stay apart for colour-blind readers
//! (<https://jfly.uni-koeln.de/color/>), darkened or lightened to be read on their background.

use crate::graph::{Graph, Node};
use crate::model::State;

/// What states of one colour have in common. Its variants are the class names in the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tone {
    Good,
    Reused,
    Active,
    Again,
    Idle,
    Stopped,
    Blocked,
    Bad,
}

/// The colours of one tone: the inside of a box, its border, and its glyph.
pub(crate) struct Colours {
    pub fill: &'static str,
    pub line: &'static str,
    pub ink: &'static str,
}

/// The glyph of a state. It is in the fonts of every desktop system and is no emoji, which would
/// bring colours of its own.
pub(crate) const fn glyph(state: State) -> &'static str {
    match state {
        State::Scheduled => "◷",
        State::Pending => "○",
        State::Waiting => "◌",
        State::Running => "◐",
        State::AwaitingRetry => "↻",
        State::Cancelling | State::Cancelled => "⊖",
        State::Suspended => "◫",
        State::Completed => "✓",
        State::Cached => "≡",
        State::Failed => "✗",
        State::TimedOut => "◔",
        State::Crashed => "↯",
        State::UpstreamFailed | State::Skipped => "⊘",
    }
}

/// The glyph of a run that completed although task runs failed.
pub(crate) const WITH_FAILURES: &str = "!";

impl Tone {
    pub(crate) const fn of(state: State) -> Tone {
        match state {
            State::Completed => Tone::Good,
            State::Cached => Tone::Reused,
            State::Running => Tone::Active,
            State::AwaitingRetry => Tone::Again,
            State::Scheduled | State::Pending | State::Waiting | State::Suspended => Tone::Idle,
            State::Cancelling | State::Cancelled => Tone::Stopped,
            State::UpstreamFailed | State::Skipped => Tone::Blocked,
            State::Failed | State::TimedOut | State::Crashed => Tone::Bad,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Reused => "reused",
            Tone::Active => "active",
            Tone::Again => "again",
            Tone::Idle => "idle",
            Tone::Stopped => "stopped",
            Tone::Blocked => "blocked",
            Tone::Bad => "bad",
        }
    }

    /// The colours on a light page.
    pub(crate) const fn light(self) -> Colours {
        match self {
            Tone::Good => colours("#e9f7f2", "#009e73", "#00704f"),
            Tone::Reused => colours("#eaf5fc", "#56b4e9", "#1a6ea3"),
            Tone::Active => colours("#e5f0f8", "#0072b2", "#005c90"),
            Tone::Again => colours("#fdf4e1", "#e69f00", "#8a5c00"),
            Tone::Idle => colours("#f6f7f8", "#98a1ab", "#5a636d"),
            Tone::Stopped => colours("#faeff5", "#cc79a7", "#93406d"),
            Tone::Blocked => colours("#f1f1f1", "#767676", "#555555"),
            Tone::Bad => colours("#fdeee6", "#d55e00", "#a84300"),
        }
    }

    /// The colours on a dark page.
    pub(crate) const fn dark(self) -> Colours {
        match self {
            Tone::Good => colours("#0d2a22", "#009e73", "#3fd0a4"),
            Tone::Reused => colours("#10283a", "#56b4e9", "#8accf2"),
            Tone::Active => colours("#0d2740", "#2f8fce", "#6db8ec"),
            Tone::Again => colours("#33260a", "#e69f00", "#f5bd45"),
            Tone::Idle => colours("#1b2027", "#6e7782", "#a6afb9"),
            Tone::Stopped => colours("#331f2b", "#cc79a7", "#e4a6c8"),
            Tone::Blocked => colours("#212121", "#8a8a8a", "#b5b5b5"),
            Tone::Bad => colours("#381c0b", "#d55e00", "#ff9550"),
        }
    }
}

const fn colours(fill: &'static str, line: &'static str, ink: &'static str) -> Colours {
    Colours { fill, line, ink }
}

/// Returns the tones a picture of `graph` needs, each once, in a fixed order.
pub(crate) fn tones_of(graph: &Graph) -> Vec<Tone> {
    let mut tones: Vec<Tone> = graph.nodes().iter().map(|node| Tone::of(node.state)).collect();
    tones.sort_unstable();
    tones.dedup();
    tones
}

/// Returns the line under a node's label: `Completed · 2 attempts · 0.4s`.
pub(crate) fn caption(node: &Node) -> String {
    let mut parts = vec![node.state.name().to_owned()];
    if node.attempts > 1 {
        parts.push(format!("{} attempts", node.attempts));
    }
    parts.extend(node.duration.map(crate::text::columns::duration));
    parts.join(" · ")
}
