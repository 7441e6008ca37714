//! Random parts of the physiology: normal deviates and mean-reverting noise.

use rand::RngExt;
use rand::rngs::StdRng;

/// One standard normal deviate (Box and Muller's first root).
pub(crate) fn normal(rng: &mut StdRng) -> f64 {
    // 1 - u lies in (0, 1], so the logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// A uniform value in `[low, high)`.
pub(crate) fn between(rng: &mut StdRng, low: f64, high: f64) -> f64 {
    low + (high - low) * rng.random::<f64>()
}

/// First-order autoregressive noise, stepped exactly over any interval: after one `time_constant`
/// (seconds) a deviation keeps 1/e of its size, and the spread in the long run is `sigma`.
#[derive(Debug, Clone)]
pub(crate) struct Ar1 {
    sigma: f64,
    time_constant: f64,
    value: f64,
}

impl Ar1 {
    /// Starts from the long-run distribution, so that there is no warming up.
    pub(crate) fn new(rng: &mut StdRng, sigma: f64, time_constant: f64) -> Self {
        let value = sigma * normal(rng);
        Self {
            sigma,
            time_constant,
            value,
        }
    }

    /// The value `seconds` later.
    pub(crate) fn step(&mut self, rng: &mut StdRng, seconds: f64) -> f64 {
        let kept = (-seconds / self.time_constant).exp();
        self.value = kept * self.value + self.sigma * (1.0 - kept * kept).sqrt() * normal(rng);
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn noise_has_its_spread_and_its_memory_at_any_step() {
        for step in [1.0, 5.0, 60.0] {
            let mut rng = StdRng::seed_from_u64(7);
            let mut noise = Ar1::new(&mut rng, 2.0, 30.0);
            let values: Vec<f64> = (0..40_000).map(|_| noise.step(&mut rng, step)).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance =
                values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
            let lagged = values
                .windows(2)
                .map(|w| (w[0] - mean) * (w[1] - mean))
                .sum::<f64>()
                / (values.len() - 1) as f64;
            assert!(mean.abs() < 0.2, "mean {mean} at step {step}");
            assert!((variance.sqrt() - 2.0).abs() < 0.15, "spread at {step}");
            let expected = (-step / 30.0_f64).exp();
            assert!(
                (lagged / variance - expected).abs() < 0.05,
                "memory at {step}"
            );
        }
    }
}
