//! Repeated, alternating measurements of cargo-batch and a baseline.

use std::time::Instant;

use serde::Serialize;

use crate::Result;

/// The measurements of both sides, in pairs.
pub struct Pairs {
    pub cargo_batch: Vec<f64>,
    pub baseline: Vec<f64>,
}

/// The spread of the ratios of single pairs.
#[derive(Serialize)]
pub struct Spread {
    pub least: f64,
    pub first_quartile: f64,
    pub third_quartile: f64,
    pub most: f64,
}

impl Pairs {
    /// Alternates between the sides; a first pair, as a warm-up, isn't counted.
    pub fn measure(
        pairs: usize,
        mut cargo_batch: impl FnMut() -> Result<f64>,
        mut baseline: impl FnMut() -> Result<f64>,
    ) -> Result<Self> {
        cargo_batch()?;
        baseline()?;
        let mut measured = Self {
            cargo_batch: Vec::new(),
            baseline: Vec::new(),
        };
        for _ in 0..pairs {
            measured.cargo_batch.push(cargo_batch()?);
            measured.baseline.push(baseline()?);
        }
        Ok(measured)
    }

    /// Alternates between the sides with each call, and sums the seconds of `calls` of them for each side of a pair.
    ///
    /// It is for calls that are shorter than the fluctuations of the machine.
    pub fn alternate(
        pairs: usize,
        calls: u32,
        cargo_batch: impl Fn() -> Result<()>,
        baseline: impl Fn() -> Result<()>,
    ) -> Result<Self> {
        let mut measured = Self {
            cargo_batch: Vec::new(),
            baseline: Vec::new(),
        };
        for pair in 0..=pairs {
            let (mut own, mut other) = (0.0, 0.0);
            for _ in 0..calls {
                own += seconds(&cargo_batch)?;
                other += seconds(&baseline)?;
            }
            if pair > 0 {
                measured.cargo_batch.push(own);
                measured.baseline.push(other);
            }
        }
        Ok(measured)
    }

    /// Returns the ratio of the medians.
    pub fn ratio(&self) -> f64 {
        median(&self.cargo_batch) / median(&self.baseline)
    }

    /// Returns the spread of the ratios of single pairs.
    pub fn spread(&self) -> Spread {
        let ratios: Vec<f64> = self
            .cargo_batch
            .iter()
            .zip(&self.baseline)
            .map(|(cargo_batch, baseline)| cargo_batch / baseline)
            .collect();
        Spread {
            least: quantile(&ratios, 0.0),
            first_quartile: quantile(&ratios, 0.25),
            third_quartile: quantile(&ratios, 0.75),
            most: quantile(&ratios, 1.0),
        }
    }
}

/// Returns the median.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * sorted.len().saturating_sub(1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    match (sorted.get(below), sorted.get(above)) {
        (Some(below), Some(above)) => below + (above - below) * place.fract(),
        _ => f64::NAN,
    }
}

/// Measures the seconds that a call takes.
pub fn seconds<T>(run: impl FnOnce() -> Result<T>) -> Result<f64> {
    let start = Instant::now();
    run()?;
    Ok(start.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(median(&values), 2.5);
        assert_eq!(quantile(&values, 0.0), 1.0);
        assert_eq!(quantile(&values, 0.25), 1.75);
        assert_eq!(quantile(&values, 1.0), 4.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn calls_alternate_and_are_summed() {
        let order = std::cell::RefCell::new(String::new());
        let turn = |who: char| {
            order.borrow_mut().push(who);
            Ok(())
        };
        let pairs = Pairs::alternate(2, 2, || turn('a'), || turn('b')).unwrap();
        assert_eq!(*order.borrow(), "abababababab");
        assert_eq!((pairs.cargo_batch.len(), pairs.baseline.len()), (2, 2));
    }

    #[test]
    fn the_ratio_is_of_medians_and_the_spread_of_pairs() {
        let pairs = Pairs {
            cargo_batch: vec![2.0, 4.0, 100.0],
            baseline: vec![1.0, 2.0, 10.0],
        };
        assert_eq!(pairs.ratio(), 2.0);
        assert_eq!((pairs.spread().least, pairs.spread().most), (2.0, 10.0));
    }

    #[test]
    fn turns_are_taken_after_a_pair_that_does_not_count() {
        let order = std::cell::RefCell::new(Vec::new());
        let turn = |who: char| {
            order.borrow_mut().push(who);
            Ok(order.borrow().len() as f64)
        };
        let pairs = Pairs::measure(2, || turn('a'), || turn('b')).unwrap();
        assert_eq!(*order.borrow(), ['a', 'b', 'a', 'b', 'a', 'b']);
        assert_eq!(
            (pairs.cargo_batch, pairs.baseline),
            (vec![3.0, 5.0], vec![4.0, 6.0])
        );
    }
}
