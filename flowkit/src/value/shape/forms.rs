//! Of which types every value reads back as it was written, if only all of it is written: found out by the walk, once per type.
//!
//! Of other types each value has to be read back before anybody relies on it. Not a proof: what a type of the user does in its
//! own `Serialize` is not seen here.

use std::collections::{BTreeMap, BTreeSet};

use super::place::{ShapeAnswer, ShapeFact, ShapeKind, ShapeNode, ShapeOutcome};
use crate::value::secret::SECRET;

/// A struct by its name, or a variant by the names of its enum and its own; the one of a struct is empty.
type Name = (&'static str, &'static str);

/// The structs and variants for which a type asks when it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forms {
    /// With how many fields; `None` if two of one name differ.
    fields: BTreeMap<Name, Option<usize>>,
    /// Whether it asks for maps.
    maps: bool,
}

impl Forms {
    /// Whether all of a struct is written that is written with so many fields, or all of a variant.
    pub(crate) fn is_whole(&self, name: Name, fields: usize) -> bool {
        self.fields.get(&name) == Some(&Some(fields))
    }

    /// Whether a map is written where a map is read.
    pub(crate) fn has_maps(&self) -> bool {
        self.maps
    }

    /// Returns the forms in a type that was walked through; `None` if what was written does not say as what it is read.
    pub(super) fn of(places: &[ShapeNode]) -> Option<Self> {
        let mut forms = Found { places, seen: BTreeSet::new(), fields: BTreeMap::new() };
        forms.seen.extend(places.iter().filter(|place| !place.ways.is_empty()).map(|place| place.fact));
        let mut maps = false;
        for place in places {
            match place.fact.kind {
                // The fields of a struct that is read from anything, or from a map, as by `flatten` and `untagged`.
                ShapeKind::Any | ShapeKind::Name => return None,
                // It writes something else in its place.
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

/// What is found while the places of a type are looked through.
struct Found<'p> {
    places: &'p [ShapeNode],
    /// What was asked for somewhere, and answered.
    seen: BTreeSet<ShapeFact>,
    /// With the names of the fields and how many there are.
    fields: BTreeMap<Name, Option<(&'static [&'static str], usize)>>,
}

impl Found<'_> {
    /// Adds what is in a place; `None` if not all values that may be there are taken.
    fn add(&mut self, place: &ShapeNode) -> Option<()> {
        if place.ways.is_empty() {
            return self.is_inside_itself(place).then_some(());
        }
        // A text that is parsed, or a number that is checked, is not taken whatever it is.
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
        // An alias is no field of its own. Not all are found where a type is inside itself.
        let inside = place.ways.first().into_iter().flat_map(|way| way.inside.values());
        let aliases = inside.filter(|inside| self.places[**inside].fact.kind == ShapeKind::Alias).count();
        let fields = names.len() - aliases;
        let known = self.fields.entry(name).or_insert(Some((names, fields)));
        *known = known.filter(|(known, _)| *known == names).map(|(_, least)| (names, least.min(fields)));
    }

    /// Whether a place was not looked into since it is as one further out.
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
