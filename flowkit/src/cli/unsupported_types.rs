//! What the types of a flow's parameters allow: whether it can be called from a command line, and whether its runs can
//! be resumed. Whether a given value can be serialized shows only at run time.

use crate::engine::spec::FlowSpec;
use crate::value::parameters::Parameter;

/// Why a flow cannot be run from here, with the remedy; `None` if it can.
pub(super) fn unread(flow: &FlowSpec) -> Option<String> {
    faults(flow, "Deserialize", |parameter| parameter.is_read)
}

/// Why the arguments of a flow are not persisted, with the remedy; `None` if its types allow it.
pub(super) fn unpersisted(flow: &FlowSpec) -> Option<String> {
    faults(flow, "Serialize", |parameter| parameter.is_written)
}

/// The message: what cannot be done with a flow, why, and what to do.
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

/// The inner type of a list or an `Option`: the one that needs the derive.
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
