//! Reads TOML. Its dates become text, as in the other formats.

use toml::de::{DeFloat, DeInteger, DeTable, DeValue};

use super::{at, not_finite, without_bom};
use crate::value::json::{Json, Members, Number, path_to, position};

/// Reads the values of a text.
pub(in crate::cli) fn read(text: &str) -> Result<Members, String> {
    let text = without_bom(text);
    let table = DeTable::parse(text).map_err(|error| {
        // The full error repeats the line.
        let place = error.span().map(|span| position(text, span.start));
        format!("{}{}", error.message(), at(place))
    })?;
    members(table.into_inner(), "").map_err(|Unfit { path, at }| not_finite(&path, Some(position(text, at))))
}

/// A float that is NaN or infinite.
struct Unfit {
    path: String,
    at: usize,
}

fn members(table: DeTable<'_>, path: &str) -> Result<Members, Unfit> {
    let members = table.into_iter().map(|(name, value)| {
        let name = name.into_inner().into_owned();
        let path = path_to(path, &name);
        let at = value.span().start;
        Ok((name, json(value.into_inner(), at, &path)?))
    });
    members.collect()
}

fn json(value: DeValue<'_>, at: usize, path: &str) -> Result<Json, Unfit> {
    Ok(match value {
        DeValue::String(text) => text.into_owned().into(),
        DeValue::Integer(number) => integer(&number),
        DeValue::Float(number) => {
            float(&number).map(Json::Number).ok_or_else(|| Unfit { path: path.to_owned(), at })?
        }
        DeValue::Boolean(is) => Json::Bool(is),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Array(items) => {
            let items = items.into_iter().map(|item| {
                let at = item.span().start;
                json(item.into_inner(), at, path)
            });
            Json::List(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Json::Object(members(table, path)?),
    })
}

/// Reads an integer, whose radix JSON does not have. One that no type holds stays text, which no parameter takes for a number.
fn integer(number: &DeInteger<'_>) -> Json {
    let digits = number.as_str().trim_start_matches('+');
    let decimal = if number.radix() == 10 { Number::parse(digits) } else { None };
    if let Some(decimal) = decimal {
        return Json::Number(decimal);
    }
    match (u128::from_str_radix(digits, number.radix()), i128::from_str_radix(digits, number.radix())) {
        (Ok(number), _) => number.into(),
        (_, Ok(number)) => number.into(),
        _ => number.to_string().into(),
    }
}

fn float(number: &DeFloat<'_>) -> Option<Number> {
    let text = number.as_str().trim_start_matches('+');
    let float = text.parse::<f64>().ok().filter(|float| float.is_finite())?;
    Number::parse(text).or_else(|| Number::of(float))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_toml_says_becomes_the_same_in_json() {
        for (toml, json) in [
            ("\u{feff}a = 1", r#"{"a":1}"#),
            ("# nothing", "{}"),
            (
                "a = 340282366920938463463374607431768211455",
                r#"{"a":340282366920938463463374607431768211455}"#,
            ),
            (
                "a = -170141183460469231731687303715884105728",
                r#"{"a":-170141183460469231731687303715884105728}"#,
            ),
            ("a = 0xFF\nb = 1_000\nc = +7", r#"{"a":255,"b":1000,"c":7}"#),
            ("a = 1.50\nb = -0.0\nc = 1e-5", r#"{"a":1.50,"b":-0.0,"c":1e-5}"#),
            ("a = 2026-01-31\nb = [true, {c = 'x'}]", r#"{"a":"2026-01-31","b":[true,{"c":"x"}]}"#),
        ] {
            assert_eq!(Json::Object(read(toml).unwrap()).to_string(), json, "{toml}");
        }
    }

    #[test]
    fn what_no_parameter_takes_is_refused_with_its_path_and_position() {
        for (toml, says) in [
            ("[a]\nb = inf", "`a.b` at line 2 column 5 is NaN or infinite"),
            ("a = [1.0, -nan]", "`a` at line 1 column 11 is NaN or infinite"),
            ("a = 1\na = 2", "at line 2 column 1"),
        ] {
            let reason = read(toml).unwrap_err();
            assert!(reason.contains(says), "{toml}: {reason}");
        }
    }
}
