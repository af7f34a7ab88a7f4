//! Names that calls give their task at run time: each is a declaration of its own, made once.
//!
//! Everything that goes by a task's name has a `&'static Declaration` and reads it from there, so nothing else knows of this.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::model::Declaration;

/// The declarations by the address of the one in the code, and by name.
type Renamed = HashMap<usize, HashMap<&'static str, &'static Declaration>>;

/// Returns the declaration of a task under another name. It is never freed: a program has as many as it has kinds of tasks.
pub(crate) fn renamed(declared: &'static Declaration, name: &str) -> &'static Declaration {
    static RENAMED: Mutex<Option<Renamed>> = Mutex::new(None);
    if name == declared.name {
        return declared;
    }
    let mut renamed = RENAMED.lock();
    let names = renamed.get_or_insert_default().entry(std::ptr::from_ref(declared).addr()).or_default();
    if let Some(known) = names.get(name) {
        return known;
    }
    let name: &'static str = Box::leak(name.into());
    let declaration: &'static Declaration = Box::leak(Box::new(Declaration { name, ..*declared }));
    names.insert(name, declaration);
    declaration
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    static WORK: Declaration =
        Declaration::__new(Kind::Task, "work", "lib::work", "", None, &[], 7, "lib.rs", 1);

    #[test]
    fn a_task_has_one_declaration_per_name_and_all_of_them_have_its_path() {
        let align = renamed(&WORK, "align");
        assert!(std::ptr::eq(align, renamed(&WORK, "align")));
        assert!(std::ptr::eq(&raw const WORK, renamed(&WORK, "work")));
        assert_eq!((align.name, align.path, align.source_hash), ("align", "lib::work", 7));
        assert_eq!(renamed(&WORK, "trim").name, "trim");
    }
}
