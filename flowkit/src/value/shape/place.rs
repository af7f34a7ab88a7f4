//! One place in a type: what is asked for there, the possible answers, and the outcome of each.

use std::collections::BTreeMap;

use crate::value::canonical::Encoder;

/// What a type asks for. Fingerprints depend on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum ShapeKind {
    Root = 0,
    Any = 1,
    Bool = 2,
    I8 = 3,
    I16 = 4,
    I32 = 5,
    I64 = 6,
    I128 = 7,
    U8 = 8,
    U16 = 9,
    U32 = 10,
    U64 = 11,
    U128 = 12,
    F32 = 13,
    F64 = 14,
    Char = 15,
    Text = 16,
    Bytes = 17,
    Option = 18,
    Unit = 19,
    UnitStruct = 20,
    Newtype = 21,
    Sequence = 22,
    Tuple = 23,
    TupleStruct = 24,
    Map = 25,
    Struct = 26,
    Enum = 27,
    Name = 28,
    Ignored = 29,
    UnitVariant = 30,
    NewtypeVariant = 31,
    /// A field whose name was accepted but whose value was not asked for: the alias of another one.
    Alias = 32,
}

/// What serde passes with a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ShapeFact {
    pub(super) kind: ShapeKind,
    /// The name of the struct or enum; empty for others.
    pub(super) name: &'static str,
    /// The names of the fields or variants.
    pub(super) names: &'static [&'static str],
    /// The length of the tuple.
    pub(super) length: usize,
}

impl ShapeFact {
    pub(super) const fn of(kind: ShapeKind) -> Self {
        Self { kind, name: "", names: &[], length: 0 }
    }

    pub(super) const fn named(kind: ShapeKind, name: &'static str, names: &'static [&'static str]) -> Self {
        Self { kind, name, names, length: 0 }
    }

    pub(super) const fn tuple(kind: ShapeKind, name: &'static str, length: usize) -> Self {
        Self { kind, name, names: &[], length }
    }
}

/// The step from a place to one inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ShapeStep {
    At(usize),
    Field(&'static str),
}

/// A place and the answer given there: an index into `Walk::places` and one into `ShapeNode::ways`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) place: usize,
    pub(super) way: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShapeOutcome {
    Untried,
    Taken,
    Refused,
}

/// One of the answers to a question.
#[derive(Clone, Debug)]
pub(super) struct ShapeAnswer {
    pub(super) outcome: ShapeOutcome,
    /// Whether a successful run had this answer. Before that, an accepted answer may still be refused later: by a conversion of
    /// the value, or when serde reads what it has buffered.
    pub(super) is_confirmed: bool,
    /// Whether everything below has been seen.
    pub(super) is_finished: bool,
    /// The places below. One step leads to several places if later questions depend on earlier answers.
    pub(super) inside: BTreeMap<(ShapeStep, ShapeFact), usize>,
    /// The keys of this map that were found to be required.
    pub(super) keys: Vec<&'static str>,
}

impl ShapeAnswer {
    fn new() -> Self {
        Self {
            outcome: ShapeOutcome::Untried,
            is_confirmed: false,
            is_finished: false,
            inside: BTreeMap::new(),
            keys: Vec::new(),
        }
    }

    fn is_open(&self) -> bool {
        self.outcome != ShapeOutcome::Refused && !self.is_finished
    }
}

#[derive(Clone, Debug)]
pub(super) struct ShapeNode {
    pub(super) fact: ShapeFact,
    pub(super) ways: Vec<ShapeAnswer>,
    /// The answer that led here.
    pub(super) around: Answer,
    /// Whether every answer counts, as for the variants of an enum; otherwise one that is accepted is enough.
    is_every: bool,
    /// The answer that was chosen last.
    pub(super) last_way: usize,
    /// The texts that are accepted here, if they were found out.
    pub(super) variants: Option<&'static [&'static str]>,
}

impl ShapeNode {
    pub(super) fn new(fact: ShapeFact, around: Answer, ways: usize, is_every: bool) -> Self {
        Self { fact, ways: vec![ShapeAnswer::new(); ways], around, is_every, last_way: 0, variants: None }
    }

    /// Makes these texts the answers. Each of them counts.
    pub(super) fn learn_variants(&mut self, variants: &'static [&'static str]) {
        self.variants = Some(variants);
        self.ways = vec![ShapeAnswer::new(); variants.len()];
        self.is_every = true;
        self.last_way = 0;
    }

    /// Whether every answer counts, not only the first that is accepted.
    pub(super) fn counts_every_way(&self) -> bool {
        self.is_every
    }

    /// Whether every answer was refused.
    pub(super) fn is_broken(&self) -> bool {
        self.ways.iter().all(|way| way.outcome == ShapeOutcome::Refused)
    }

    pub(super) fn is_done(&self) -> bool {
        let is_settled = |way: &ShapeAnswer| way.outcome == ShapeOutcome::Taken && way.is_finished;
        self.is_broken()
            || if self.is_every {
                !self.ways.iter().any(ShapeAnswer::is_open)
            } else {
                self.ways.iter().any(is_settled)
            }
    }

    /// Chooses the answer for this run; `None` if all were refused.
    pub(super) fn choose(&self, may_explore: bool) -> Option<usize> {
        let open = self.ways.iter().position(ShapeAnswer::is_open);
        let taken = self.ways.iter().position(|way| way.outcome == ShapeOutcome::Taken);
        let usable = self.ways.iter().position(|way| way.outcome != ShapeOutcome::Refused);
        if !self.is_every {
            usable
        } else if may_explore || taken.is_none() {
            open.or(taken)
        } else {
            taken
        }
    }

    /// Encodes what was found here and below.
    pub(super) fn encode(&self, places: &[Self], encoder: &mut Encoder) {
        encoder.unsigned(self.fact.kind as u128);
        encoder.text(self.fact.name);
        encoder.unsigned(self.fact.length as u128);
        let mut names = self.fact.names.to_vec();
        names.sort_unstable();
        encode_all(&names, encoder, |name, encoder| encoder.text(name));
        let labels =
            self.variants.unwrap_or(if self.fact.kind == ShapeKind::Enum { self.fact.names } else { &[] });
        let mut ways: Vec<_> = self
            .ways
            .iter()
            .enumerate()
            .map(|(index, way)| (labels.get(index).copied().unwrap_or(""), way))
            .collect();
        // By name, not by position. Stable, so that answers without a name stay in order.
        ways.sort_by_key(|(label, _)| *label);
        encode_all(&ways, encoder, |(label, way), encoder| {
            encoder.text(label);
            way.encode(places, encoder);
        });
    }
}

impl ShapeAnswer {
    fn encode(&self, places: &[ShapeNode], encoder: &mut Encoder) {
        encoder.unsigned(self.outcome as u128);
        let inside: Vec<_> = self.inside.iter().collect();
        encode_all(&inside, encoder, |((edge, _), place), encoder| {
            match edge {
                ShapeStep::At(index) => encoder.unsigned(*index as u128),
                ShapeStep::Field(name) => encoder.text(name),
            }
            places[**place].encode(places, encoder);
        });
    }
}

fn encode_all<T>(items: &[T], encoder: &mut Encoder, encode: impl Fn(&T, &mut Encoder)) {
    encoder.unsigned(items.len() as u128);
    for item in items {
        encode(item, encoder);
    }
}
