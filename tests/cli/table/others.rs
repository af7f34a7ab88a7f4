//! Values that are taken from an earlier run, and JSON in code.

use super::{Code, Gets, Like, Row, Says};

pub(super) const ROWS: &[Row] = &[
    (
        "big",
        Like("--v 340282366920938463463374607431768211455"),
        Gets("340282366920938463463374607431768211455"),
    ),
    ("float", Like("--v -0.0"), Gets("-0.0")),
    ("float", Like("--v 5e-324"), Gets("5e-324")),
    ("maybe", Like(""), Gets("None")),
    ("text", Like("--v null"), Gets("\"null\"")),
    ("wait", Like("--v 5µs"), Gets("5µs")),
    ("words", Like("--v '[\"a,b\"]'"), Gets("[\"a,b\"]")),
    (
        "map",
        Like("--v '{\"a\":340282366920938463463374607431768211455}'"),
        Gets("{\"a\": 340282366920938463463374607431768211455}"),
    ),
    ("secret", Like("--v x"), Says(&["`secret` needs `--v <TEXT>`"])),
    (
        "big",
        Code("{\"v\":340282366920938463463374607431768211455}"),
        Gets("340282366920938463463374607431768211455"),
    ),
    ("float", Code("{\"v\":-0.0}"), Gets("-0.0")),
    ("maybe", Code("{}"), Gets("None")),
    ("wait", Code("{\"v\":{\"secs\":1,\"nanos\":5}}"), Gets("1.000000005s")),
    ("byte", Code("{\"v\":256}"), Says(&["parameter `v`: invalid value: integer `256`, expected u8"])),
    ("byte", Code("{}"), Says(&["parameter `v` is missing"])),
    ("byte", Code("{\"v\":1,\"v\":2}"), Says(&["parameter `v` is given twice"])),
    ("byte", Code("{\"w\":1}"), Says(&["parameter `v` is missing", "unknown parameter `w`"])),
    ("byte", Code("[1]"), Says(&["the arguments are not a JSON object"])),
    (
        "map",
        Code("{\"v\":{\"a\":1,\"a\":2}}"),
        Says(&["parameter `v`: `v.a` is given twice, at line 1 column 17"]),
    ),
    ("secret", Code("{\"v\":12345}"), Says(&["parameter `v`: "])),
];
