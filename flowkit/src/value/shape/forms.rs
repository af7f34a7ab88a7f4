//! The types whose values read back as they were if all of their fields are written: found by the walk, once per type.
//!
//! Each value of another type is read back before callers get it. This is not a proof: the walk does not see what a hand-written
//! `Serialize` does.

use std::collections::{BTreeMap, BTreeSet};

use super::place::{ShapeAnswer, ShapeFact, ShapeKind, ShapeNode, ShapeOutcome};
use crate::value::secret::SECRET;

/// The name of a struct with an empty text, or the names of an enum and of its variant.
type Name = (&'static str, &'static str);

/// The structs and variants that a type asks for when it is deserialized.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forms {
    /// The number of fields of each; `None` if two of the same name differ.
    fields: BTreeMap<Name, Option<usize>>,
    /// Whether the type asks for maps.
    maps: bool,
}

impl Forms {
    /// Whether a struct or variant that is written with this number of fields is complete.
    pub(crate) fn is_whole(&self, name: Name, fields: usize) -> bool {
        self.fields.get(&name) == Some(&Some(fields))
    }

    /// Whether the type asks for maps, so that a written map is expected.
    pub(crate) fn has_maps(&self) -> bool {
        self.maps
    }

    /// Returns the forms of a type; `None` if a value may be read as something else than was written.
    pub(super) fn of(places: &[ShapeNode]) -> Option<Self> {
        let mut forms = Found { places, seen: BTreeSet::new(), fields: BTreeMap::new() };
        forms.seen.extend(places.iter().filter(|place| !place.ways.is_empty()).map(|place| place.fact));
        let mut maps = false;
        for place in places {
            match place.fact.kind {
                // Structs that are read from anything, or from a map: `flatten` and `untagged`.
                ShapeKind::Any | ShapeKind::Name => return None,
                // A secret writes the mask.
                ShapeKind::Newtype if place.fact.name == SECRET => return None,
                ShapeKind::Alias | ShapeKind::Root => continue,
                ShapeKind::Map => maps = true,
                _ => {}
            }
            forms.add(place)?;
        }
        let fields = forms.fields.into_iter().map(|(name, found)| (name, found.map(|(_, fields)| fields)));
        Some(Self { fields: fields.collect(), maps })
    }
}

/// The forms that were found so far in the places of a type.
struct Found<'p> {
    places: &'p [ShapeNode],
    /// Everything that was asked for and answered anywhere.
    seen: BTreeSet<ShapeFact>,
    /// The names of the fields and their number, for each form.
    fields: BTreeMap<Name, Option<(&'static [&'static str], usize)>>,
}

impl Found<'_> {
    /// Adds the form at a place; `None` if the type does not accept every value there.
    fn add(&mut self, place: &ShapeNode) -> Option<()> {
        if place.ways.is_empty() {
            return self.is_inside_itself(place).then_some(());
        }
        // A text that is parsed, or a number that is checked, is refused for some values.
        let is_taken = |way: &ShapeAnswer| way.outcome == ShapeOutcome::Taken || self.leads_into_itself(way);
        let is_plain =
            if place.counts_every_way() { place.ways.iter().all(is_taken) } else { is_taken(&place.ways[0]) };
        if !is_plain {
            return None;
        }
        let fact = place.fact;
        match fact.kind {
            ShapeKind::Struct if !fact.name.is_empty() => self.add_form((fact.name, ""), fact.names, place),
            ShapeKind::Enum => {
                for (variant, way) in fact.names.iter().zip(&place.ways) {
                    let content = &self.places[*way.inside.values().next()?];
                    let is_struct = content.fact.kind == ShapeKind::Struct;
                    self.add_form(
                        (fact.name, variant),
                        if is_struct { content.fact.names } else { &[] },
                        content,
                    );
                }
            }
            _ => {}
        }
        Some(())
    }

    fn add_form(&mut self, name: Name, names: &'static [&'static str], place: &ShapeNode) {
        // An alias is not a field of its own. In a recursive type, some aliases are not found.
        let inside = place.ways.first().into_iter().flat_map(|way| way.inside.values());
        let aliases = inside.filter(|inside| self.places[**inside].fact.kind == ShapeKind::Alias).count();
        let fields = names.len() - aliases;
        let known = self.fields.entry(name).or_insert(Some((names, fields)));
        *known = known.filter(|(known, _)| *known == names).map(|(_, least)| (names, least.min(fields)));
    }

    /// Whether a place was not followed because it equals one around it.
    fn is_inside_itself(&self, place: &ShapeNode) -> bool {
        place.ways.is_empty() && !place.fact.name.is_empty() && self.seen.contains(&place.fact)
    }

    fn leads_into_itself(&self, way: &ShapeAnswer) -> bool {
        let mut inside = way.inside.values().map(|place| &self.places[*place]);
        inside.any(|place| {
            self.is_inside_itself(place) || place.ways.iter().any(|way| self.leads_into_itself(way))
        })
    }
}
