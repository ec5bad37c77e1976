//! The lengths of messages: those of the table, and those that are drawn as a browser's were counted.

/// The sizes of table E, in bytes.
pub(crate) const TABLE_E: [usize; 15] =
    [100, 200, 500, 1024, 2048, 3072, 4096, 5120, 6144, 7168, 8192, 9216, 1_048_576, 5_242_880, 7_340_032];

/// The largest that is drawn. The count only says that fifteen of 37 573 were over 12 196 bytes.
pub(crate) const LARGEST: usize = 24_576;

/// Draws lengths: of 37 573 messages of an hour of browsing 51 % had 49 to 64 bytes, 25 % 21 to 27, 12 % 12 to 15, 90 %
/// under 65, 99.9 % under 2400. Within a class all lengths are as likely, in the longer ones all magnitudes.
#[derive(Clone, Debug)]
pub(crate) struct Lengths {
    state: u64,
    fixed: Option<usize>,
}

impl Lengths {
    /// Always the same for 0 bytes and one seed.
    pub(crate) fn new(fixed: usize, seed: u64) -> Self {
        Self { state: seed, fixed: (fixed > 0).then_some(fixed) }
    }

    pub(crate) fn next(&mut self) -> usize {
        if let Some(length) = self.fixed {
            return length;
        }
        let (low, high) = match self.next_random() % 10_000 {
            ..5_100 => (49, 64),
            5_100..7_600 => (21, 27),
            7_600..8_800 => (12, 15),
            8_800..9_000 => (28, 48),
            9_000..9_990 => return self.next_magnitude(65, 2_399),
            9_990..9_996 => return self.next_magnitude(2_400, 12_196),
            _ => return self.next_magnitude(12_197, LARGEST),
        };
        low + self.next_random() as usize % (high - low + 1)
    }

    fn next_magnitude(&mut self, low: usize, high: usize) -> usize {
        let part = (self.next_random() % 4096) as f64 / 4096.0;
        let length = low as f64 * (high as f64 / low as f64).powf(part);
        (length as usize).clamp(low, high)
    }

    /// The generator *splitmix64*.
    fn next_random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.state;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ (value >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_spread_as_counted() {
        let mut lengths = Lengths::new(0, 1);
        let drawn: Vec<usize> = (0..100_000).map(|_| lengths.next()).collect();
        let part = |low, high| {
            drawn.iter().filter(|length| (low..=high).contains(*length)).count() as f64 / drawn.len() as f64
        };
        assert!((part(0, 64) - 0.90).abs() < 0.005);
        assert!((part(49, 64) - 0.51).abs() < 0.01);
        assert!((part(21, 27) - 0.25).abs() < 0.01);
        assert!((part(12, 15) - 0.12).abs() < 0.01);
        assert!((part(0, 2399) - 0.999).abs() < 0.0005);
        assert!(part(0, 11) == 0.0 && part(LARGEST + 1, usize::MAX) == 0.0);
    }
}
