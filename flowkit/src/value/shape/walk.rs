//! The search: which answer to give in this run, and which one was to blame when a run failed.
//!
//! A run is one call of the type's `Deserialize`. It ends at the first dummy that is refused, and serde does not report which one
//! that was. So each run tries few new answers, and the newest one is blamed.

use super::fault::Fault;
use super::forms::Forms;
use super::place::{Answer, ShapeAnswer, ShapeFact, ShapeKind, ShapeNode, ShapeOutcome, ShapeStep};
use crate::value::canonical::Encoder;

/// The limit of questions in all runs of a walk. A struct of ten fields asks about twenty; at 100 ns each, no round takes more
/// than about five milliseconds.
const QUESTIONS_MAX: usize = 50_000;

/// The limit of places in one type. Each takes a few hundred bytes.
const PLACES_MAX: usize = 8_192;

/// How deep nested calls of `deserialize_any` are followed. Each level multiplies the number of answers to try.
const ANY_IN_ANY_MAX: usize = 3;

/// How far a walk follows a recursive type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) depth: usize,
    /// How often the same struct or enum may be nested in itself, including the outermost.
    pub(super) same_name: usize,
}

/// What a failed answer means for the question around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    /// The next run tries another answer.
    MayRetry,
    /// The place below accepts no answer.
    Broken,
}

/// What the runs have found so far.
#[derive(Debug)]
pub(super) struct Walk {
    limits: Limits,
    places: Vec<ShapeNode>,
    questions: usize,
    is_cut: bool,
    /// Whether the last run succeeded, so that the next one may try something new although it need not.
    may_explore: bool,
    // The following fields are about one run.
    names: Vec<ShapeFact>,
    depth: usize,
    blame: Option<Blame>,
    has_learned: bool,
    is_exploring: bool,
    /// Accepted answers that may still turn out wrong, the newest last.
    trials: Vec<Answer>,
    /// The maps whose keys are found by trial.
    maps: Vec<Answer>,
    /// The field whose name was passed and whose value was not asked for yet.
    named: Option<(Answer, &'static str)>,
}

/// A question that is being answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShapeQuestion {
    pub(super) answer: Answer,
    trials_before: usize,
    maps_before: usize,
}

const ROOT: Answer = Answer { place: 0, way: 0 };

impl Walk {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            places: vec![ShapeNode::new(ShapeFact::of(ShapeKind::Root), ROOT, 1, false)],
            questions: 0,
            is_cut: false,
            may_explore: false,
            names: Vec::new(),
            depth: 0,
            blame: None,
            has_learned: false,
            is_exploring: false,
            trials: Vec::new(),
            maps: Vec::new(),
            named: None,
        }
    }

    /// Whether a recursive type was not followed to its end, so that a deeper walk may find more.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether everything in the type was followed, and nothing is behind a buffer of serde.
    pub(super) fn has_seen_all(&self) -> bool {
        !self.is_cut && !self.is_spent() && self.places.iter().all(|place| place.fact.kind != ShapeKind::Any)
    }

    /// Whether the walk reached its limits before its end.
    pub(super) fn is_spent(&self) -> bool {
        self.questions >= QUESTIONS_MAX || self.places.len() >= PLACES_MAX
    }

    /// Returns the forms of values that read back as they were; `None` if there may be other values.
    pub(super) fn forms(&self) -> Option<Forms> {
        if self.is_spent() { None } else { Forms::of(&self.places) }
    }

    /// Whether a struct of this name was asked for.
    pub(super) fn has_struct(&self, name: &str) -> bool {
        self.places.iter().any(|place| place.fact.kind == ShapeKind::Struct && place.fact.name == name)
    }

    pub(super) fn encode(&self, encoder: &mut Encoder) {
        self.places[ROOT.place].encode(&self.places, encoder);
    }

    pub(super) fn begin_run(&mut self) {
        self.blame = None;
        self.has_learned = false;
        self.is_exploring = self.may_explore;
        self.trials.clear();
        self.maps.clear();
        self.named = None;
    }

    /// Ends a run; returns whether another one may find more.
    pub(super) fn end_run(&mut self, fault: Option<Fault>) -> bool {
        match fault {
            Some(fault) if self.blame.is_none() => {
                self.blame_inside(fault, ShapeQuestion { answer: ROOT, trials_before: 0, maps_before: 0 });
            }
            Some(_) => {}
            None => {
                for trial in &self.trials {
                    if let Some(way) = self.places[trial.place].ways.get_mut(trial.way) {
                        way.is_confirmed = true;
                    }
                }
            }
        }
        self.may_explore = fault.is_none();
        // A run without exploring may find nothing new although the next one does.
        let is_promising = self.has_learned || self.may_explore && !self.is_exploring;
        is_promising && !self.is_spent() && !self.is_finished_below(ROOT)
    }

    pub(super) fn place(&self, index: usize) -> &ShapeNode {
        &self.places[index]
    }

    /// Notes that the key of a field is passed.
    pub(super) fn name_field(&mut self, around: Answer, field: &'static str) {
        self.named = Some((around, field));
    }

    pub(super) fn value_is_asked_for(&mut self) {
        self.named = None;
    }

    /// Notes that keys of this map are found by trial.
    pub(super) fn begin_map(&mut self, map: Answer) {
        self.maps.push(map);
    }

    /// Whether the value of a field accepts no answer, so that the field is left out.
    pub(super) fn is_broken(&self, around: Answer, edge: ShapeStep) -> bool {
        let inside = &self.way(around).inside;
        let mut places = inside.iter().filter(|((at, _), _)| *at == edge).peekable();
        places.peek().is_some() && places.all(|(_, place)| self.places[*place].is_broken())
    }

    /// Returns the answer at this step if it is a tag, on which the other keys of the map depend.
    pub(super) fn tag_at(&self, around: Answer, edge: ShapeStep) -> Option<Answer> {
        let inside = &self.way(around).inside;
        let tag =
            inside.iter().find(|((at, _), place)| *at == edge && self.places[**place].variants.is_some());
        let place = *tag?.1;
        Some(Answer { place, way: self.places[place].last_way })
    }

    /// Leaves the field that failed out of the next run.
    pub(super) fn leave_out_broken(&mut self) {
        if self.blame == Some(Blame::Broken) {
            self.blame = Some(Blame::MayRetry);
        }
    }

    /// Begins a question and chooses the answer.
    pub(super) fn enter(
        &mut self,
        around: Answer,
        edge: ShapeStep,
        fact: ShapeFact,
        (ways, is_every): (usize, bool),
    ) -> Result<ShapeQuestion, Fault> {
        self.questions += 1;
        if self.is_spent() {
            self.blame = Some(Blame::MayRetry);
            return Err(Fault::Refused);
        }
        let place = self.find_or_add(around, edge, fact, ways, is_every);
        let may_explore = self.may_explore || fact.kind != ShapeKind::Any;
        let Some(way) = self.places[place].choose(may_explore) else {
            self.blame = Some(Blame::Broken);
            return Err(Fault::Refused);
        };
        let answer = Answer { place, way };
        let question =
            ShapeQuestion { answer, trials_before: self.trials.len(), maps_before: self.maps.len() };
        if self.is_trial(answer) {
            // Only one optional guess per run; with more, the wrong one could be blamed.
            self.may_explore &= fact.kind != ShapeKind::Any;
            self.trials.push(answer);
        }
        self.places[place].last_way = way;
        self.depth += 1;
        self.names.push(fact);
        Ok(question)
    }

    fn find_or_add(
        &mut self,
        around: Answer,
        edge: ShapeStep,
        fact: ShapeFact,
        ways: usize,
        is_every: bool,
    ) -> usize {
        if let Some(place) = self.places[around.place].ways[around.way].inside.get(&(edge, fact)) {
            return *place;
        }
        let is_same = |other: &&ShapeFact| **other == fact;
        let inside_itself = self.names.iter().filter(is_same).count();
        let is_cut = self.depth >= self.limits.depth
            || !fact.name.is_empty() && inside_itself >= self.limits.same_name;
        self.is_cut |= is_cut;
        // A later round does not go deeper into values without a type either.
        let is_end = is_cut || fact.kind == ShapeKind::Any && inside_itself >= ANY_IN_ANY_MAX;
        let index = self.places.len();
        self.places.push(ShapeNode::new(fact, around, if is_end { 0 } else { ways }, is_every));
        self.places[around.place].ways[around.way].inside.insert((edge, fact), index);
        self.has_learned = true;
        index
    }

    /// Ends a question: the answer was accepted, or it or something inside was refused.
    pub(super) fn leave(&mut self, question: ShapeQuestion, fault: Option<Fault>) {
        self.depth -= 1;
        self.names.pop();
        match (fault, self.blame) {
            (None, _) => {
                // From the inside out: a map is finished only if the keys that depend on its tag are.
                for at in (question.maps_before..self.maps.len()).rev() {
                    self.settle(self.maps[at]);
                }
                self.settle(question.answer);
                self.blame = None;
            }
            (Some(fault), None) => self.blame_something(fault, question),
            (Some(_), Some(Blame::Broken)) => self.refuse(question.answer),
            (Some(_), Some(Blame::MayRetry)) => {}
        }
    }

    fn way(&self, answer: Answer) -> &ShapeAnswer {
        &self.places[answer.place].ways[answer.way]
    }

    /// Whether an accepted answer may still turn out wrong. A tag may until its variant is finished.
    fn is_trial(&self, answer: Answer) -> bool {
        let way = self.way(answer);
        !way.is_confirmed || self.places[answer.place].variants.is_some() && !way.is_finished
    }

    fn blame_something(&mut self, fault: Fault, question: ShapeQuestion) {
        let own = question.answer;
        if let Some((around, field)) = self.named.take().filter(|(around, _)| *around == own) {
            // The visitor already has this field, by another name.
            self.find_or_add(around, ShapeStep::Field(field), ShapeFact::of(ShapeKind::Alias), 0, false);
            self.blame = Some(Blame::MayRetry);
            return;
        }
        let place = &mut self.places[own.place];
        if let (Fault::Unknown { variants: variants @ [_, ..] }, None, ShapeKind::Text | ShapeKind::Name) =
            (fault, place.variants, place.fact.kind)
        {
            place.learn_variants(variants);
            self.reopen(own);
            self.blame = Some(Blame::MayRetry);
            return;
        }
        if self.blame_inside(fault, question) {
            return;
        }
        // This run found something new inside; this answer is refused only when everything inside was seen.
        if self.has_learned && !self.is_finished_below(own) {
            self.blame = Some(Blame::MayRetry);
            return;
        }
        self.refuse(own);
    }

    /// Blames the newest of the keys and answers that were tried since the question began.
    fn blame_inside(&mut self, fault: Fault, question: ShapeQuestion) -> bool {
        let ShapeQuestion { answer: own, trials_before, maps_before } = question;
        if let Fault::Missing { field } = fault {
            let wants = |map: &&Answer| !self.way(**map).keys.contains(&field);
            if let Some(map) = self.maps[maps_before..].iter().rev().find(wants).copied() {
                self.places[map.place].ways[map.way].keys.push(field);
                self.reopen(map);
                self.blame = Some(Blame::MayRetry);
                return true;
            }
        }
        let is_missing = matches!(fault, Fault::Missing { .. });
        let may_be_wrong = |trial: &&Answer| {
            let place = &self.places[trial.place];
            // Other answers are not the reason for a missing field, unless serde decided by them what to read.
            let decides = place.fact.kind == ShapeKind::Any || place.variants.is_some();
            **trial != own && (decides || !is_missing)
                // The way is gone if the place learned other answers.
                && place.ways.get(trial.way).is_some_and(|way| way.outcome != ShapeOutcome::Refused)
        };
        let Some(trial) = self.trials[trials_before..].iter().rev().find(may_be_wrong).copied() else {
            return false;
        };
        self.refuse(trial);
        self.reopen(trial);
        // With another answer inside, this one may be accepted.
        self.blame = Some(Blame::MayRetry);
        true
    }

    fn refuse(&mut self, answer: Answer) {
        let place = &mut self.places[answer.place];
        let way = &mut place.ways[answer.way];
        self.has_learned |= way.outcome != ShapeOutcome::Refused;
        way.outcome = ShapeOutcome::Refused;
        self.blame = Some(if place.is_broken() { Blame::Broken } else { Blame::MayRetry });
    }

    fn settle(&mut self, answer: Answer) {
        let is_finished = self.is_finished_below(answer);
        let way = &mut self.places[answer.place].ways[answer.way];
        if way.outcome == ShapeOutcome::Refused {
            return;
        }
        self.has_learned |= way.outcome != ShapeOutcome::Taken || way.is_finished != is_finished;
        way.outcome = ShapeOutcome::Taken;
        way.is_finished = is_finished;
    }

    fn is_finished_below(&self, answer: Answer) -> bool {
        self.places[answer.place].ways[answer.way].inside.values().all(|place| self.places[*place].is_done())
    }

    /// Marks everything around an answer as unfinished, since there is something new to see here.
    fn reopen(&mut self, mut answer: Answer) {
        self.has_learned = true;
        while answer != ROOT {
            if let Some(way) = self.places[answer.place].ways.get_mut(answer.way) {
                way.is_finished = false;
            }
            answer = self.places[answer.place].around;
        }
    }
}
