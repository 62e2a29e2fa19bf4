//! Two ways of doing the same, one after the other, again and again.

use std::time::Instant;

use serde::Serialize;

use crate::Result;

/// What was measured of each way, pair by pair.
pub struct Pairs {
    pub ours: Vec<f64>,
    pub theirs: Vec<f64>,
}

/// Where the ratios of single pairs lie.
#[derive(Serialize)]
pub struct Spread {
    pub least: f64,
    pub first_quartile: f64,
    pub third_quartile: f64,
    pub most: f64,
}

impl Pairs {
    /// Takes turns; a first pair that warms everything up doesn't count.
    pub fn measure(
        pairs: usize,
        mut ours: impl FnMut() -> Result<f64>,
        mut theirs: impl FnMut() -> Result<f64>,
    ) -> Result<Self> {
        ours()?;
        theirs()?;
        let mut measured = Self {
            ours: Vec::new(),
            theirs: Vec::new(),
        };
        for _ in 0..pairs {
            measured.ours.push(ours()?);
            measured.theirs.push(theirs()?);
        }
        Ok(measured)
    }

    /// Takes turns call by call, and sums the seconds of `calls` of them for each side of a pair.
    ///
    /// For calls that are so short that the moods of the machine last longer.
    pub fn alternate(
        pairs: usize,
        calls: u32,
        ours: impl Fn() -> Result<()>,
        theirs: impl Fn() -> Result<()>,
    ) -> Result<Self> {
        let mut measured = Self {
            ours: Vec::new(),
            theirs: Vec::new(),
        };
        for pair in 0..=pairs {
            let (mut own, mut other) = (0.0, 0.0);
            for _ in 0..calls {
                own += seconds(&ours)?;
                other += seconds(&theirs)?;
            }
            if pair > 0 {
                measured.ours.push(own);
                measured.theirs.push(other);
            }
        }
        Ok(measured)
    }

    /// The ratio of the medians.
    pub fn ratio(&self) -> f64 {
        median(&self.ours) / median(&self.theirs)
    }

    /// How the ratios of single pairs are spread.
    pub fn spread(&self) -> Spread {
        let ratios: Vec<f64> = self
            .ours
            .iter()
            .zip(&self.theirs)
            .map(|(ours, theirs)| ours / theirs)
            .collect();
        Spread {
            least: quantile(&ratios, 0.0),
            first_quartile: quantile(&ratios, 0.25),
            third_quartile: quantile(&ratios, 0.75),
            most: quantile(&ratios, 1.0),
        }
    }
}

/// The one in the middle.
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

/// How many seconds something takes.
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
        assert_eq!((pairs.ours.len(), pairs.theirs.len()), (2, 2));
    }

    #[test]
    fn the_ratio_is_of_medians_and_the_spread_of_pairs() {
        let pairs = Pairs {
            ours: vec![2.0, 4.0, 100.0],
            theirs: vec![1.0, 2.0, 10.0],
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
        assert_eq!((pairs.ours, pairs.theirs), (vec![3.0, 5.0], vec![4.0, 6.0]));
    }
}
