//! What holds for the tape of every plan: V9 to V16.
//!
//! They read a tape and its plan, nothing else, so that they can check a forged tape.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{Content, Kind, Mood, Plan, Way};
use super::tape::Line;
use crate::world::End;

type Promise = fn(&Plan, &[Line]) -> Result<(), String>;

pub(crate) const PROMISES: [(&str, Promise); 8] = [
    ("V9 a value is the one of its arguments and of what its inputs are now", values_of_their_inputs),
    ("V10 what may run at most once begins at most once", at_most_once),
    ("V11 an idempotency key belongs to one call, and a call to one key", keys_of_their_calls),
    ("V12 a race has one winner", one_winner),
    ("V13 a run that is stopped and resumed comes to what an undisturbed one does", as_if_undisturbed),
    ("V14 what is kept reads back as it was", reads_back),
    ("V15 what was run again on request is not run again for that", rerun_once),
    ("V16 nothing begins once the program was told to stop", nothing_begins_any_more),
];

/// Holds a tape against every promise.
pub(crate) fn check(plan: &Plan, lines: &[Line]) -> Result<(), String> {
    for (name, promise) in PROMISES {
        promise(plan, lines).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(())
}

/// Splits a tape where processes begin, each with its number.
fn processes(lines: &[Line]) -> impl Iterator<Item = (u64, &[Line])> {
    let mut starts: Vec<_> = lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| if let Line::Process { number } = line { Some((*number, at)) } else { None })
        .collect();
    starts.push((0, lines.len()));
    starts.windows(2).map(|pair| (pair[0].0, &lines[pair[0].1..pair[1].1])).collect::<Vec<_>>().into_iter()
}

/// The attempts of a flow, without what comes before the first.
fn attempts(lines: &[Line]) -> impl Iterator<Item = &[Line]> {
    lines.split(|line| matches!(line, Line::Attempt | Line::Process { .. }))
}

fn values_of_their_inputs(_: &Plan, lines: &[Line]) -> Result<(), String> {
    for attempt in attempts(lines) {
        let mut sources: BTreeMap<usize, Option<u64>> = BTreeMap::new();
        for line in attempt {
            match line {
                Line::Source { source, value } => {
                    sources.insert(*source, *value);
                }
                Line::Took { content, source, value: Some(value), .. } => {
                    let input = match source.map(|source| sources.get(&source).copied().flatten()) {
                        None => 0,
                        Some(Some(value)) => value,
                        // Its source was stopped, and what depends on it with it.
                        Some(None) => continue,
                    };
                    let expected = expected(*content, input);
                    if *value != expected {
                        return Err(format!("{content:?} came to {value}, and of {input} it is {expected}"));
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn expected(content: Content, input: u64) -> u64 {
    match content.kind {
        Kind::Mapped => content.value(input) + content.value(input + 1),
        _ => content.value(input),
    }
}

fn at_most_once(plan: &Plan, lines: &[Line]) -> Result<(), String> {
    let mut begun = BTreeSet::new();
    let mut placed = 0;
    for line in lines {
        match line {
            Line::Ran { content, input, .. } if content.kind == Kind::AtMostOnce => {
                // A value is part of what makes the call; a handle is one argument, whatever comes of it.
                let by_handle =
                    plan.find(*content).is_some_and(|call| matches!(call.source, Some((_, Way::Handle))));
                if !begun.insert((*content, (!by_handle).then_some(*input))) {
                    return Err(format!("{content:?} begins a second time"));
                }
            }
            Line::Placed { .. } => placed += 1,
            _ => {}
        }
    }
    if placed > 1 { Err(format!("the order is placed {placed} times")) } else { Ok(()) }
}

/// A key that was given to two calls makes a receiver drop one of them; two keys for one call make it act twice.
fn keys_of_their_calls(plan: &Plan, lines: &[Line]) -> Result<(), String> {
    let mut calls: BTreeMap<usize, (Content, u64)> = BTreeMap::new();
    let mut keys: BTreeMap<(Content, u64), usize> = BTreeMap::new();
    for line in lines {
        let Line::Ran { content, input, key } = line else { continue };
        let call = (*content, *input);
        let known = calls.entry(*key).or_insert(call);
        if *known != call {
            return Err(format!("one key for {known:?} and {call:?}"));
        }
        let is_one_of_several = plan.calls.iter().filter(|call| call.content == *content).count() > 1;
        // A call that cannot be compared has a new key each time that it is made.
        if content.dress.is_known() && !is_one_of_several {
            let first = keys.entry(call).or_insert(*key);
            if first != key {
                return Err(format!("two keys for {call:?}"));
            }
        }
    }
    Ok(())
}

fn one_winner(_: &Plan, lines: &[Line]) -> Result<(), String> {
    let winners: BTreeSet<_> = lines
        .iter()
        .filter_map(|line| if let Line::Placed { winner } = line { Some(winner) } else { None })
        .collect();
    if winners.len() > 1 { Err(format!("{winners:?} have won")) } else { Ok(()) }
}

fn as_if_undisturbed(plan: &Plan, lines: &[Line]) -> Result<(), String> {
    let mood = |content: &Content| plan.find(*content).map_or(Mood::Well, |call| call.mood);
    let mut last = (0, &lines[..0]);
    for (number, process) in processes(lines) {
        if process.contains(&Line::Hangs) {
            return Err(format!("process {number} hangs"));
        }
        let shuts_down = plan.told_to_stop_at(number).is_some();
        let hooked = process.iter().find_map(|line| match line {
            Line::Hook { content } if !matches!(mood(content), Mood::FailsBefore(_)) => Some(content),
            _ => None,
        });
        if let Some(content) = hooked.filter(|content| shuts_down && content.kind != Kind::AtMostOnce) {
            return Err(format!("the failure of {content:?} is told while the program is being stopped"));
        }
        last = (number, process);
    }
    let (number, process) = last;
    match process.iter().find(|line| matches!(line, Line::Over { .. })) {
        Some(Line::Over { completed: true }) => {}
        // It died with the last entry, or got the signal to stop, and was not asked again.
        None if matches!(ending(plan, number), Some(End::Dies { .. } | End::ShutsDown { .. })) => {
            return Ok(());
        }
        over => return Err(format!("the flow came to {over:?}")),
    }
    // What may run once is refused if it had begun in a process that ended before it did; nothing else makes it fail.
    let refused: BTreeSet<_> = processes(lines)
        .flat_map(|(process, lines)| lines.iter().map(move |line| (process, line)))
        .filter_map(|(process, line)| match line {
            Line::Took { content, refused: true, .. } | Line::Hook { content } if process > 0 => {
                Some(*content)
            }
            Line::Ran { content, .. } if process < number => Some(*content),
            _ => None,
        })
        .collect();
    let final_attempt = attempts(process).last().unwrap_or_default();
    let missing = final_attempt.iter().find_map(|line| match line {
        Line::Took { content, value: None, .. } => {
            let may_refuse = content.kind == Kind::AtMostOnce && refused.contains(content);
            // The flow was over before the signal to stop.
            let failed_in_time =
                matches!(mood(content), Mood::FailsBefore(_)) && plan.told_to_stop_at(number).is_some();
            (!may_refuse && !failed_in_time).then_some(content)
        }
        _ => None,
    });
    missing.map_or(Ok(()), |content| Err(format!("{content:?} came to nothing in the end")))
}

fn ending(plan: &Plan, process: u64) -> Option<End> {
    plan.processes.get(usize::try_from(process).ok()?)?.end
}

fn reads_back(_: &Plan, lines: &[Line]) -> Result<(), String> {
    let wrong = lines.iter().find(|line| matches!(line, Line::Awkward { equal: false, .. }));
    wrong.map_or(Ok(()), |line| Err(format!("{line:?}")))
}

fn rerun_once(plan: &Plan, lines: &[Line]) -> Result<(), String> {
    let Some(rerun) = plan.rerun else { return Ok(()) };
    let (mut made, mut settled) = (BTreeSet::new(), BTreeSet::new());
    for (_, process) in processes(lines).filter(|(number, _)| *number >= rerun) {
        for line in process {
            match line {
                Line::Made { source } if plan.sources[*source].is_persisted => {
                    if settled.contains(source) {
                        return Err(format!("source {source} is made again after it was made for the rerun"));
                    }
                    made.insert(*source);
                }
                Line::Settled => settled.clone_from(&made),
                _ => {}
            }
        }
    }
    Ok(())
}

fn nothing_begins_any_more(plan: &Plan, lines: &[Line]) -> Result<(), String> {
    // What waits for a store to answer has begun, although its body has not.
    let answers_at_once = |number: u64| {
        let process = usize::try_from(number).ok().and_then(|number| plan.processes.get(number));
        process.is_some_and(|process| process.slow_one_in == 0 && process.outage.is_none())
    };
    for (number, process) in processes(lines).filter(|(number, _)| answers_at_once(*number)) {
        let after = process.iter().skip_while(|line| **line != Line::Told);
        let begins =
            |line: &&Line| matches!(line, Line::Ran { .. } | Line::Made { .. } | Line::Placed { .. });
        if let Some(line) = after.into_iter().find(begins) {
            return Err(format!("{line:?}, although process {number} was told to stop"));
        }
    }
    Ok(())
}
