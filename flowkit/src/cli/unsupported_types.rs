//! What the types of a flow's parameters allow: whether it can be called from a command line, and whether its runs can be
//! resumed. Not whether a value can be written, which only shows when there is one.

use crate::engine::spec::FlowSpec;
use crate::value::parameters::Parameter;

/// Says why a flow cannot be run from here, and what to do; `None` if it can.
pub(super) fn unread(flow: &FlowSpec) -> Option<String> {
    faults(flow, "Deserialize", |parameter| parameter.is_read)
}

/// Says why the arguments of a flow are not kept, and what to do; `None` if its types let them be.
pub(super) fn unpersisted(flow: &FlowSpec) -> Option<String> {
    faults(flow, "Serialize", |parameter| parameter.is_written)
}

/// Says what cannot be done with a flow, why, and what to do.
pub(super) fn fault(flow: &FlowSpec) -> Option<String> {
    let unread = unread(flow).map(|why| format!("it cannot be run from here: {why}"));
    unread.or_else(|| unpersisted(flow).map(|why| format!("its runs cannot be resumed: {why}")))
}

fn faults(flow: &FlowSpec, missing: &str, is_well: fn(&Parameter) -> bool) -> Option<String> {
    let faults: Vec<String> = flow
        .all_parameters()
        .iter()
        .filter(|parameter| !is_well(parameter))
        .map(|parameter| words(parameter.name, parameter.type_name, missing))
        .collect();
    (!faults.is_empty()).then(|| faults.join("; "))
}

fn words(name: &str, of_type: &str, missing: &str) -> String {
    let what = format!("its parameter `{name}` (`{of_type}`)");
    if of_type.contains(['&', '\'']) {
        return format!("{what} borrows; take something that owns its data, such as `String`");
    }
    format!("{what} is not `{missing}`; derive `serde::{missing}` for `{}`", innermost(of_type))
}

/// The type of the items of a list, or of what may be there: it is the one to derive something for.
fn innermost(of_type: &str) -> &str {
    let inner = ["Vec<", "Option<"].iter().find_map(|around| of_type.strip_prefix(around)?.strip_suffix('>'));
    inner.map_or(of_type, innermost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_the_parameter_its_type_and_what_to_derive() {
        assert_eq!(
            words("modes", "Option<Vec<Mode>>", "Serialize"),
            "its parameter `modes` (`Option<Vec<Mode>>`) is not `Serialize`; derive `serde::Serialize` for `Mode`"
        );
        assert!(words("name", "&'static str", "Deserialize").contains("such as `String`"));
    }
}
