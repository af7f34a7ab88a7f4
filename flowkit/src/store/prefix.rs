//! The beginning of a run's id: of the long id, with or without its dashes, or of the short one.
//!
//! Pure. Upper and lower case are the same.

use uuid::Uuid;

use crate::model::FlowRunId;

/// The beginning of an id, as a user typed it.
#[derive(Debug)]
pub(crate) struct Prefix {
    /// What short ids begin with.
    pub(crate) short: String,
    /// The first and the last id whose long form begins like this, if any does.
    pub(crate) ids: Option<(FlowRunId, FlowRunId)>,
}

impl Prefix {
    pub(crate) fn of(typed: &str) -> Self {
        let short = typed.to_ascii_lowercase();
        let ids = range(&short);
        Self { short, ids }
    }

    pub(crate) fn begins(&self, id: FlowRunId) -> bool {
        self.ids.is_some_and(|(first, last)| first <= id && id <= last) || id.short().starts_with(&self.short)
    }
}

fn range(typed: &str) -> Option<(FlowRunId, FlowRunId)> {
    let digits: String = typed.chars().filter(|letter| *letter != '-').collect();
    if digits.len() > 32 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let filled = |filling: &str| {
        let padded = format!("{digits}{}", filling.repeat(32 - digits.len()));
        u128::from_str_radix(&padded, 16).ok().map(Uuid::from_u128)
    };
    let (first, last) = (filled("0")?, filled("f")?);
    // Dashes are where an id has them, or there are none.
    let is_written_so = digits == typed || first.to_string().starts_with(typed);
    is_written_so.then(|| (FlowRunId::new(first), FlowRunId::new(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_of_either_form_finds_an_id() {
        let id = FlowRunId::new(Uuid::from_u128(0x0192_f0c1_2345_7abc_8def_0123_4567_89ab));
        for typed in [
            "",
            "0",
            "0192f0c1",
            "0192F0C1-",
            "0192f0c1-23",
            "0192f0c123",
            "0192f0c1-2345-7abc-8def-0123456789ab",
        ] {
            assert!(Prefix::of(typed).begins(id), "{typed}");
        }
        for typed in
            ["1", "-", "0192-f0c1", "0192f0c1--", "0192f0c1-2345-7abc-8def-0123456789ab0", "0192f0c1g", "é"]
        {
            assert!(!Prefix::of(typed).begins(id), "{typed}");
        }
        assert!(Prefix::of(&id.short().to_uppercase()).begins(id));
    }
}
