//! One digest per type: what its `Deserialize` asks a deserializer for.
//!
//! A store saves it with each value, so that a value of an older version of a type is not taken for one of the current version. A
//! deserializer that answers every question with a dummy runs the type's `Deserialize`, again and again, until it has seen each
//! variant of each enum. It reads no data and needs no value. The digest is not a schema: nothing is read back from it.
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
pub use param_type::{ParamType, param_type_of};
use recorder::Recorder;
use walk::{Limits, Walk};

/// The name, to serde, of the struct for a described file, such as a `Dataset`.
pub(crate) const TRACKED: &str = "Tracked";

/// How often the walk through a recursive type starts again, each time one level deeper.
const ROUNDS_MAX: usize = 4;

/// The number of levels per round. Only a recursive type without a name, or one nested this deep, needs a second round.
const DEPTH_PER_ROUND: usize = 16;

/// Returns the digest of the shape of `T`: the same for the same type in every process, with every compiler.
///
/// Takes about 10 µs for a small struct, 200 µs where serde buffers, and about 20 ms at most: compute it once per type.
///
/// # What is different
/// - structs, enums and newtypes with different names to serde: a `#[serde(rename)]` counts, a path does not;
/// - types with a field or variant that was added, removed or renamed, or whose type has another shape, at any level;
/// - `u32` and `u64`, `T` and `Option<T>`, tuples of different lengths, sequences and maps.
///
/// # What is equal
/// - structs whose fields were reordered, and enums whose variants were: JSON identifies them by name;
/// - types that ask for the same: `Vec` and `HashSet`, `HashMap` and `BTreeMap`, `T` and `Box<T>`;
/// - types that differ in what the walk cannot see: a default, the meaning of a field, `skip_serializing`.
///
/// # Where the walk ends
/// - A recursive type is followed for up to four levels.
/// - A hand-written `Deserialize` is tried with a few numbers and texts (an id, a date, an address). If it accepts none of them,
///   the walk continues at the next field, and what was asked for up to there counts.
/// - In `flatten`ed structs and in `untagged` and internally tagged enums, only the names of required fields are known, and of
///   their types only which dummies they accept. All integers are equal there, and a struct behind an `untagged` enum is not seen.
///   Buffered values inside buffered values are followed for three levels.
/// - An alias is a name, too: adding one changes the digest.
///
/// If a change cannot be seen in the shape, set or change the task's `version`.
///
/// # Panics
/// Only if the `Deserialize` of `T` does: it gets values that are valid for serde but that it may not expect. The caller wraps
/// this in `catch_unwind`; no state is left behind.
///
/// ```
/// # use flowkit::value::shape::shape_of;
/// assert_eq!(shape_of::<Vec<u32>>(), shape_of::<Vec<u32>>());
/// assert_ne!(shape_of::<Vec<u32>>(), shape_of::<Vec<Option<u32>>>());
/// ```
#[must_use]
pub fn shape_of<T: Deserialize<'static>>() -> Digest {
    type_shape::<T>().digest
}

/// What a walk through a type finds.
pub(crate) struct TypeShape {
    pub(crate) digest: Digest,
    /// The forms of its values; `None` if a value may read back as another one.
    pub(crate) forms: Option<Forms>,
    /// Whether a value may contain a [`Tracked`](crate::Tracked) file.
    pub(crate) describes_files: bool,
}

/// Walks through `T`.
///
/// # Panics
/// As [`shape_of`].
pub(crate) fn type_shape<T: Deserialize<'static>>() -> TypeShape {
    let mut best: Option<Walk> = None;
    // If a recursive type branches, the first branch would use up the budget in depth-first order. So each round goes one level
    // deeper in all branches, and the last round that completed counts.
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

/// Runs the `Deserialize` of `T` until another run finds nothing new.
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
