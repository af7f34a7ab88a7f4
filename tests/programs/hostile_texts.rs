//! Texts that a terminal obeys, that hide, or that pretend to be a separate line; each with words to find it by.

pub(crate) const TEXTS: &[&str] = &[
    "clear\u{1b}[2J\u{1b}[3;3Hscreen",
    "clip\u{1b}]52;c;Y2FuYXJ5\u{7}board",
    "title\u{1b}]0;stolen\u{1b}\\bar",
    "device\u{1b}P+q544e\u{1b}\\control",
    "colour\u{1b}[5;41;97mloud",
    "answer\u{1b}[6n\u{1b}[cback",
    "eight\u{9b}31mbit",
    "eight\u{9d}52;c;Y2FuYXJ5\u{9c}clip",
    "carriage\r2026-01-01T00:00:00.000000Z INFO forged: line",
    "line\n2026-01-01T00:00:00.000000Z INFO forged: line",
    "crlf\r\n✓ forged Completed",
    "next\u{85}line\u{2028}separated\u{2029}here",
    "back\u{8}\u{8}\u{8}space\u{7f}delete",
    "form\u{c}feed\u{b}tab",
    "null\0byte",
    "bidi\u{202e}gpj.exe\u{202c}over",
    "isolate\u{2066}x\u{2069}d",
    "zero\u{200b}width\u{feff}mark\u{ad}soft",
    "shift\u{e}out\u{f}in",
];
