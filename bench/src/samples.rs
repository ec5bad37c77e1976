//! What was measured: samples in rounds, and what is said of them.

use serde::Serialize;

/// Samples of several rounds, in the unit of their table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(Vec<Vec<f64>>);

/// What a row says. The median, and the 98th and 99th percentiles, are the medians of those of the rounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) p98: f64,
    pub(crate) p99: f64,
    /// The lowest and the highest median of a round.
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) rounds: usize,
    /// Of each round.
    pub(crate) samples: usize,
}

impl Series {
    /// A round of nanoseconds.
    pub(crate) fn push(&mut self, round: &[u64]) {
        self.push_values(round.iter().map(|value| *value as f64).collect());
    }

    /// A round that is one figure.
    pub(crate) fn push_value(&mut self, value: f64) {
        self.push_values(vec![value]);
    }

    fn push_values(&mut self, mut round: Vec<f64>) {
        round.sort_unstable_by(f64::total_cmp);
        self.0.push(round);
    }

    pub(crate) fn summary(&self) -> Summary {
        let of_rounds = |part: f64| {
            let mut values: Vec<f64> = self.0.iter().map(|round| percentile(round, part)).collect();
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        let medians = of_rounds(0.5);
        Summary {
            median: percentile(&medians, 0.5),
            p98: percentile(&of_rounds(0.98), 0.5),
            p99: percentile(&of_rounds(0.99), 0.5),
            low: medians.first().copied().unwrap_or(f64::NAN),
            high: medians.last().copied().unwrap_or(f64::NAN),
            rounds: self.0.len(),
            samples: self.0.first().map_or(0, Vec::len),
        }
    }

    /// All rounds together: at each of so many equal steps from the lowest to the highest, the value there.
    pub(crate) fn distribution(&self, steps: usize) -> Vec<f64> {
        let mut all = self.0.concat();
        all.sort_unstable_by(f64::total_cmp);
        if all.len() <= steps {
            return all;
        }
        (0..=steps).map(|step| percentile(&all, step as f64 / steps as f64)).collect()
    }
}

/// Of sorted values: the least one that so large a part of them does not exceed.
fn percentile(sorted: &[f64], part: f64) -> f64 {
    let place = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.5), 50.0);
        assert_eq!(percentile(&values, 0.98), 98.0);
        assert_eq!(percentile(&values, 1.0), 100.0);
        assert_eq!(percentile(&values, 0.0), 1.0);
        assert_eq!(percentile(&[7.0], 0.99), 7.0);
        assert!(percentile(&[], 0.5).is_nan());
    }

    #[test]
    fn a_summary_is_of_rounds() {
        let mut series = Series::default();
        for value in [30, 10, 20] {
            series.push(&[value, value + 1, value + 2]);
        }
        let summary = series.summary();
        assert_eq!((summary.median, summary.low, summary.high), (21.0, 11.0, 31.0));
        assert_eq!((summary.p99, summary.rounds, summary.samples), (22.0, 3, 3));
        assert_eq!(series.distribution(200).len(), 9);
    }
}
