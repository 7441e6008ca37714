//! OBX-4: the containment tree, `MDS.VMD.CHANNEL.METRIC[.FACET]`.

/// Numbers looked at.
const LEVELS: usize = 6;

/// A place in the tree, as far as it is made of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Place {
    numbers: [u32; LEVELS],
    len: u8,
}

impl Place {
    /// `None` where the text is not numbers with dots between.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut place = Self::default();
        for part in text.trim().split('.') {
            let slot = place.numbers.get_mut(usize::from(place.len))?;
            *slot = part.trim().parse().ok()?;
            place.len += 1;
        }
        Some(place)
    }

    /// Whether it has all four levels.
    pub(super) fn is_dotted(&self) -> bool {
        self.len >= 4
    }

    /// The fifth number: which attribute of a metric, or which part of an alarm.
    pub(super) fn facet(&self) -> Option<u32> {
        (self.len >= 5).then(|| self.numbers[4]).filter(|n| *n > 0)
    }

    /// The metric's own place: the first four numbers.
    pub(super) fn metric(&self) -> Self {
        let mut place = *self;
        place.len = place.len.min(4);
        place.numbers[usize::from(place.len)..].fill(0);
        place
    }

    /// The channel the metric stands in: the first three numbers.
    pub(super) fn channel(&self) -> Self {
        let mut place = *self;
        place.len = place.len.min(3);
        place.numbers[usize::from(place.len)..].fill(0);
        place
    }

    /// Whether trailing zeros say that this is a device (MDS, VMD or channel) and not a metric.
    pub(super) fn is_device(&self) -> bool {
        self.len == 4 && self.numbers[3] == 0
    }

    /// Whether this device row holds `other`: the same numbers up to its zeros.
    pub(super) fn holds(&self, other: &Self) -> bool {
        let levels = self.depth();
        self.numbers[..levels] == other.numbers[..levels]
    }

    /// Numbers before the trailing zeros.
    pub(super) fn depth(&self) -> usize {
        let len = usize::from(self.len).min(4);
        self.numbers[..len]
            .iter()
            .rposition(|number| *number != 0)
            .map_or(0, |last| last + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let metric = Place::parse("1.22.1.2").unwrap();
        assert!(metric.is_dotted() && !metric.is_device());
        let device = Place::parse("1.22.0.0").unwrap();
        assert!(device.is_device() && device.holds(&metric));
        assert!(Place::parse("1.0.0.0").unwrap().holds(&metric));
        assert!(!Place::parse("1.5.0.0").unwrap().holds(&metric));
        let facet = Place::parse("1.22.1.2.3").unwrap();
        assert_eq!((facet.facet(), facet.metric()), (Some(3), metric));
        assert_eq!(Place::parse("1.22.1.2.0").unwrap().facet(), None);
        assert_eq!(Place::parse("a.b"), None);
        assert_eq!(Place::parse("1.2.3.4.5.6.7"), None);
        assert_eq!(Place::parse("4294967296"), None);
    }
}
