//! The durations of the finished runs of a task: shortest, longest and an estimate of the median, in constant memory. The
//! estimate is exact to a fifth: durations are counted in classes.

use std::collections::BTreeMap;
use std::time::Duration;

/// With fewer finished runs than this, no duration is usual.
const ENOUGH: u32 = 3;

/// A run that takes less than this is never slow: users do not notice.
const SLOW_MIN: Duration = Duration::from_secs(1);

/// The durations of finished runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Durations {
    count: u32,
    range: Option<(Duration, Duration)>,
    /// How many runs are in each class; four classes are an octave.
    classes: BTreeMap<u16, u32>,
}

impl Durations {
    pub(super) fn add(&mut self, duration: Duration) {
        self.count = self.count.saturating_add(1);
        let (shortest, longest) = self.range.unwrap_or((duration, duration));
        self.range = Some((shortest.min(duration), longest.max(duration)));
        *self.classes.entry(class(duration)).or_default() += 1;
    }

    /// Returns the shortest and the longest duration.
    pub(crate) fn range(&self) -> Option<(Duration, Duration)> {
        self.range
    }

    /// Returns an estimate of the median, rather too high than too low, if there are enough runs.
    pub(crate) fn usual(&self) -> Option<Duration> {
        if self.count < ENOUGH {
            return None;
        }
        let (_, longest) = self.range?;
        let mut below = 0;
        let middle = self.classes.iter().find(|(_, count)| {
            below += **count;
            below * 2 >= self.count
        });
        middle.map(|(class, _)| upper_end(*class).min(longest))
    }

    /// Returns the usual duration, if `duration` is more than three times as long.
    pub(crate) fn slow(&self, duration: Duration) -> Option<Duration> {
        self.usual().filter(|usual| duration >= SLOW_MIN && duration > *usual * 3)
    }
}

/// Returns the class of a duration: four times the logarithm, to the base of 2, of its microseconds.
fn class(duration: Duration) -> u16 {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).max(4);
    let octave = micros.ilog2();
    // The two bits below the highest one tell the fourth of the octave.
    let fourth = (micros >> (octave - 2)) & 3;
    u16::try_from(u64::from(octave) * 4 + fourth).unwrap_or(u16::MAX)
}

fn upper_end(class: u16) -> Duration {
    let (octave, fourth) = (u32::from(class / 4), u64::from(class % 4));
    Duration::from_micros((5 + fourth).saturating_mul(1 << octave.saturating_sub(2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: &[u64]) -> Durations {
        let mut durations = Durations::default();
        millis.iter().for_each(|millis| durations.add(Duration::from_millis(*millis)));
        durations
    }

    #[test]
    fn what_is_usual_lies_at_the_median_or_little_above_it() {
        for middle in [1, 3, 7, 40, 333, 1000, 4095, 4096, 70_000] {
            let usual = of(&[1, middle, 600_000]).usual().unwrap();
            let median = Duration::from_millis(middle);
            assert!(median <= usual && usual <= median * 5 / 4, "{middle} ms: {usual:?}");
        }
    }

    #[test]
    fn two_runs_do_not_make_a_habit() {
        assert_eq!(of(&[1, 1]).usual(), None);
        assert_eq!(of(&[1, 1]).slow(Duration::from_secs(60)), None);
    }

    #[test]
    fn slow_is_more_than_three_times_as_long_as_usual() {
        let usual = of(&[400, 400, 400]);
        assert_eq!(usual.slow(Duration::from_millis(1200)), None);
        assert_eq!(usual.slow(Duration::from_millis(1201)), Some(Duration::from_millis(400)));
    }

    #[test]
    fn a_few_milliseconds_are_never_slow() {
        assert_eq!(of(&[1, 1, 1]).slow(Duration::from_millis(900)), None);
    }

    #[test]
    fn the_longest_duration_there_is_has_a_class() {
        let longest = Duration::from_secs(u64::MAX);
        let mut durations = Durations::default();
        (0..3).for_each(|_| durations.add(longest));
        assert!(durations.usual().unwrap() > Duration::from_secs(1 << 40));
    }
}
