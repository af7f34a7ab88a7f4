//! One digest per type: what serde asks for when it reads a value of the type.
//!
//! A store keeps it beside each value, so that a value of an older type is never taken for one of today's. A
//! deserializer that answers every question with a dummy drives the type's `Deserialize`, again and again, until each
//! variant of each enum was seen. It reads no data and needs no value. Not a schema: nothing is read back from it.
//!
//! Why not `schemars`: users would have to derive one more trait, which knows nothing of a hand-written `Deserialize`. Why not
//! `serde-reflection`: it stops at types that ask for `deserialize_any`, as untagged and internally tagged enums and
//! `flatten` do.

mod answers;
mod compound;
mod fault;
mod forms;
mod param_type;
mod place;
mod recorder;
mod walk;

use serde::Deserialize;

use super::canonical::{Digest, Domain, Encoder};
pub(crate) use forms::Forms;
pub use param_type::{ParamType, outline_of};
use recorder::Recorder;
use walk::{Limits, Walk};

/// The name that a file with a description, such as a `Dataset`, has as a struct of serde.
pub(crate) const TRACKED: &str = "Tracked";

/// How often the walk of a type that contains itself begins anew, each time going one level further.
const ROUNDS_MAX: usize = 4;

/// Levels per round. Only a type that contains itself without a name, or one nested this deep, needs a second round.
const DEPTH_PER_ROUND: usize = 16;

/// Returns the digest of the shape of `T`: the same for the same type in every process, compiler and build.
///
/// Takes about 10 µs for a small struct, 200 µs where serde buffers, and about 20 ms at most: compute it once per type
/// and keep it.
///
/// # What is different
/// - structs, enums and newtypes of other names, as serde has them: a `#[serde(rename)]` counts, a path does not;
/// - a field or variant that was added, removed or renamed, or whose type has another shape, at any level;
/// - `u32` and `u64`, `T` and `Option<T>`, tuples of other lengths, sequences and maps.
///
/// # What is equal
/// - structs whose fields were reordered, and enums whose variants were: JSON goes by name;
/// - types that ask for the same: `Vec` and `HashSet`, `HashMap` and `BTreeMap`, `T` and `Box<T>`;
/// - what no walk can find: a changed default, a changed meaning, `skip_serializing`.
///
/// # Where the walk ends
/// - A type that contains itself is followed for up to four levels.
/// - A hand-written `Deserialize` is tried with a few numbers and texts (an id, a date, an address). If it takes none of
///   them, the walk ends at this place and goes on at the next field: what was asked for up to there counts.
/// - In `flatten`ed structs and in `untagged` and internally tagged enums, only the names of fields that must be there
///   are known, and of their types only which dummies they take. All integers are alike there, and a struct behind an
///   `untagged` enum is not seen. What is buffered inside what is buffered is followed for three levels.
/// - An alias is a name too: adding one gives another digest.
///
/// A user who changes more than can be seen says so with the task's `version`.
///
/// # Panics
/// Only if the `Deserialize` of a user does: it gets values that are valid for serde but may surprise it. The caller
/// wraps this in `catch_unwind`; nothing is left behind.
///
/// ```
/// # use flowkit::value::shape::shape_of;
/// assert_eq!(shape_of::<Vec<u32>>(), shape_of::<Vec<u32>>());
/// assert_ne!(shape_of::<Vec<u32>>(), shape_of::<Vec<Option<u32>>>());
/// ```
#[must_use]
pub fn shape_of<T: Deserialize<'static>>() -> Digest {
    looked_through::<T>().digest
}

/// What a walk through a type finds.
pub(crate) struct TypeShape {
    pub(crate) digest: Digest,
    /// The forms of its values; `None` if some may read back as others than were written.
    pub(crate) forms: Option<Forms>,
    /// Whether there may be a [`Tracked`](crate::Tracked) file in it.
    pub(crate) describes_files: bool,
}

/// Walks through `T`.
///
/// # Panics
/// As [`shape_of`].
pub(crate) fn looked_through<T: Deserialize<'static>>() -> TypeShape {
    let mut best: Option<Walk> = None;
    // A type that branches into itself has too many places in depth-first order: the first branch would use up the
    // budget. So each round looks one level further everywhere, and the last one that came to its end counts.
    for round in 1..=ROUNDS_MAX {
        let walk = walk::<T>(Limits { depth: DEPTH_PER_ROUND * round, same_name: round });
        if walk.is_spent() && best.is_some() {
            break;
        }
        let is_whole = !walk.is_cut();
        best = Some(walk);
        if is_whole {
            break;
        }
    }
    let mut encoder = Encoder::new(Domain::Shape);
    if let Some(walk) = &best {
        walk.encode(&mut encoder);
    }
    TypeShape {
        digest: encoder.finish(),
        forms: best.as_ref().and_then(Walk::forms),
        describes_files: best.is_some_and(|walk| walk.has_struct(TRACKED)),
    }
}

/// Runs the `Deserialize` of `T` until there is nothing new to learn.
fn walk<T: Deserialize<'static>>(limits: Limits) -> Walk {
    let mut walk = Walk::new(limits);
    loop {
        walk.begin_run();
        let result = T::deserialize(Recorder::at_root(&mut walk));
        if !walk.end_run(result.err()) {
            return walk;
        }
    }
}

#[cfg(test)]
mod tests;
