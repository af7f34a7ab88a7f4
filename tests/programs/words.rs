//! What `chatty` prints, so that a test knows it, too.

/// Numbers that look random, and are the same for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678)
    }

    /// Returns a number below `end`. The generator is xorshift64*.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % end
    }
}

/// Returns the n-th line of talker `k`: as it is printed, and as it reads.
pub(crate) fn line(seed: u64, k: u64, n: u64) -> (String, String) {
    let mut random = Random::new(seed ^ (k << 20) ^ (n << 40));
    let length = usize::try_from(random.below(30)).unwrap_or(0);
    let (printed, reads) = match random.below(6) {
        0 => ("x".repeat(length * 20), "x".repeat(length * 20)),
        1 => ("データ".repeat(length), "データ".repeat(length)),
        2 => (format!("\u{1b}[1;31m{}\u{1b}[0m", "red".repeat(length)), "red".repeat(length)),
        // It is left on, and a later line ends it or none does.
        3 => ("\u{1b}[32mgreen".to_owned(), "green".to_owned()),
        4 => (format!("\u{1b}]8;;http://x/{n}\u{1b}\\link\u{1b}]8;;\u{1b}\\"), "link".to_owned()),
        _ => (String::new(), String::new()),
    };
    (format!("<{k}.{n}|{printed}|{k}.{n}>"), format!("<{k}.{n}|{reads}|{k}.{n}>"))
}
