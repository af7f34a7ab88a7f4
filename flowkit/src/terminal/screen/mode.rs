//! In which form a program shows its runs: decided once, from its options and its environment.

/// The form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::terminal) enum Mode {
    /// A live area on a terminal.
    Live,
    /// One line per fact, to standard error.
    Lines,
    /// One JSON object per event, to standard output.
    Json,
    /// Nothing, except how a run ended that did not go well.
    Quiet,
}

/// What the form depends on besides the options.
pub(super) struct Environment<'a> {
    /// Standard error is a terminal whose size is known.
    pub(super) is_terminal: bool,
    /// Standard output is a pipe, whose reader may write to the same terminal as standard error, as `tee` does.
    pub(super) is_piped: bool,
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
}

/// What a program asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes {
    pub(super) json: bool,
    pub(super) quiet: bool,
    pub(super) owns_output: bool,
}

impl Environment<'_> {
    /// Whether the user wants lines, and the output of the program left alone.
    pub(super) fn wants_plain_progress(&self) -> bool {
        (self.variable)("FLOWKIT_PROGRESS").is_some_and(|set| set == "plain")
    }
}

impl Mode {
    /// Decides. A live area overwrites what others print, so only a program that leaves its whole output to flowkit gets one,
    /// and none whose output goes through a pipe: what the reader of a pipe prints cannot be captured.
    pub(super) fn of(wishes: Wishes, environment: &Environment<'_>) -> Self {
        let is_dumb = (environment.variable)("TERM").is_some_and(|term| term == "dumb");
        let is_plain = is_dumb || environment.wants_plain_progress();
        if wishes.json {
            Self::Json
        } else if wishes.quiet {
            Self::Quiet
        } else if wishes.owns_output && environment.is_terminal && !environment.is_piped && !is_plain {
            Self::Live
        } else {
            Self::Lines
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(json: bool, owns_output: bool, is_terminal: bool, variable: (&str, &str)) -> Mode {
        let variable = |name: &str| (name == variable.0).then(|| variable.1.to_owned());
        let wishes = Wishes { json, owns_output, ..Wishes::default() };
        Mode::of(wishes, &Environment { is_terminal, is_piped: false, variable: &variable })
    }

    #[test]
    fn a_live_area_needs_a_terminal_and_all_of_the_output() {
        let term = ("TERM", "xterm");
        assert_eq!(mode(false, true, true, term), Mode::Live);
        assert_eq!(mode(false, false, true, term), Mode::Lines);
        assert_eq!(mode(false, true, false, term), Mode::Lines);
        assert_eq!(mode(true, true, true, term), Mode::Json);
        assert_eq!(mode(false, true, true, ("TERM", "dumb")), Mode::Lines);
        assert_eq!(mode(false, true, true, ("FLOWKIT_PROGRESS", "plain")), Mode::Lines);
    }

    #[test]
    fn the_reader_of_a_pipe_may_write_to_the_terminal_so_nothing_is_drawn_there() {
        let piped = Environment { is_terminal: true, is_piped: true, variable: &|_| None };
        let wishes = Wishes { owns_output: true, ..Wishes::default() };
        assert_eq!(Mode::of(wishes, &piped), Mode::Lines);
        assert_eq!(Mode::of(Wishes { json: true, ..wishes }, &piped), Mode::Json);
    }

    #[test]
    fn a_quiet_program_is_quiet_on_a_terminal_too() {
        let terminal = Environment { is_terminal: true, is_piped: false, variable: &|_| None };
        let wishes = Wishes { quiet: true, owns_output: true, json: false };
        assert_eq!(Mode::of(wishes, &terminal), Mode::Quiet);
    }
}
