//! Dates readings as they leave: what the gateway's clock stamped before it was synchronised is dated anew.
//!
//! | taken | `gw.clock` | time of what the gateway's clock gave |
//! |---|---|---|
//! | synchronised | `synchronized` | as stamped |
//! | not synchronised, this boot or one whose anchor is known | `corrected` | by time since boot |
//! | not synchronised, this boot, never synchronised so far | `unsynchronized` | as stamped |
//! | not synchronised, an earlier boot that never was | `unsynchronized` | none (`ts: none`): quarantined, never "now" |
//!
//! Times that devices stated and the gateway's clock had no part in are left alone.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use wardline_normalize::time::Micros;

use super::Clock;
use crate::spool::{Entry, replace};

/// Boots remembered: a spool holds readings of few.
const BOOTS: usize = 32;
const FILE: &str = "boots";

/// Knows the anchors of this boot and of earlier ones.
#[derive(Debug)]
pub(crate) struct Stamper {
    clock: Clock,
    dir: PathBuf,
    /// Boot and anchor, oldest first; of earlier boots, and of this one as written down.
    known: VecDeque<(String, Micros)>,
}

impl Stamper {
    /// With what `dir` remembers of earlier boots.
    pub(crate) fn new(clock: Clock, dir: &Path) -> Self {
        let text = std::fs::read_to_string(dir.join(FILE)).unwrap_or_default();
        let known = text
            .lines()
            .filter_map(|line| {
                let (boot, anchor) = line.split_once(' ')?;
                Some((boot.to_owned(), anchor.parse().ok()?))
            })
            .collect();
        Self {
            clock,
            dir: dir.to_owned(),
            known,
        }
    }

    /// Writes down this boot's anchor, once and when it moved by a second.
    pub(crate) fn remember(&mut self) -> std::io::Result<()> {
        let Some(anchor) = self.clock.anchor() else {
            return Ok(());
        };
        let boot = self.clock.boot();
        let near = |known: Micros| known.abs_diff(anchor) < 1_000_000;
        if self.known.iter().any(|(id, at)| id == boot && near(*at)) {
            return Ok(());
        }
        self.known.retain(|(id, _)| id != boot);
        self.known.push_back((boot.to_owned(), anchor));
        while self.known.len() > BOOTS {
            self.known.pop_front();
        }
        let text: String = self
            .known
            .iter()
            .map(|(id, anchor)| format!("{id} {anchor}\n"))
            .collect();
        replace(&self.dir, FILE, text.as_bytes())
    }

    /// Dates the entry; gives the word for its pack. By the anchor that is written down, not the clock's own, which is
    /// measured every few seconds and never twice the same: what is sent again is dated as it was.
    pub(crate) fn stamp(&mut self, entry: &mut Entry) -> &'static str {
        let taken = entry.readings.taken;
        if taken.synchronized {
            return "synchronized";
        }
        let this_boot = entry.boot == self.clock.boot();
        let known = |known: &VecDeque<(String, Micros)>| {
            let found = known.iter().find(|(id, _)| *id == entry.boot);
            found.map(|(_, anchor)| *anchor)
        };
        let mut anchor = known(&self.known);
        if anchor.is_none() && this_boot {
            if let Err(error) = self.remember() {
                tracing::warn!(%error, "cannot write down when this boot was");
            }
            anchor = known(&self.known);
        }
        if let Some(anchor) = anchor {
            if entry.readings.by_gateway_clock {
                let shift = anchor
                    .wrapping_add(taken.since_boot)
                    .wrapping_sub(taken.wall);
                for record in &mut entry.readings.records {
                    record.time = record.time.wrapping_add(shift);
                }
            }
            return "corrected";
        }
        if !this_boot && entry.readings.by_gateway_clock {
            for record in &mut entry.readings.records {
                record.undated = true;
            }
        }
        "unsynchronized"
    }
}

#[cfg(test)]
mod tests {
    use wardline_normalize::decimal::Decimal;
    use wardline_normalize::senml::{Record, RecordValue};

    use super::*;
    use crate::source::{Class, Kind, Readings, Taken};

    const SECOND: Micros = 1_000_000;

    fn entry(boot: &str, taken: Taken, by_gateway_clock: bool) -> Entry {
        let number = RecordValue::Number(Decimal::integer(1));
        Entry {
            serial: 0,
            boot: boot.to_owned(),
            readings: Readings {
                device: "d".to_owned(),
                kind: Kind::Readings,
                class: Class::Stream,
                taken,
                records: vec![Record::new("MDC_TEMP_BODY", number, taken.wall - 5)],
                by_gateway_clock,
            },
        }
    }

    #[test]
    fn what_was_taken_before_the_first_synchronisation_is_dated_anew() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::new().unwrap();
        let boot = clock.boot().to_owned();
        let mut stamper = Stamper::new(clock.clone(), dir.path());
        let now = clock.now();
        // An hour ago, by a clock that stood in 1970.
        let taken = Taken {
            wall: 40 * SECOND,
            since_boot: now.since_boot - 3_600 * SECOND,
            synchronized: false,
        };
        let mut early = entry(&boot, taken, true);
        assert_eq!(stamper.stamp(&mut early), "unsynchronized");
        assert_eq!(early.readings.records[0].time, 40 * SECOND - 5);
        clock.set_synchronized(true);
        assert_eq!(stamper.stamp(&mut early), "corrected");
        let expected = now.wall - 3_600 * SECOND - 5;
        let off = early.readings.records[0].time.abs_diff(expected);
        assert!(off < 1_000_000, "{off}");
        // The device's own time stays.
        let mut stated = entry(&boot, taken, false);
        assert_eq!(stamper.stamp(&mut stated), "corrected");
        assert_eq!(stated.readings.records[0].time, 40 * SECOND - 5);

        // In a later boot this one's anchor is known; one that never was synchronised has none.
        stamper.remember().unwrap();
        let known = std::fs::read_to_string(dir.path().join(FILE)).unwrap();
        std::fs::write(dir.path().join(FILE), known.replace(&boot, "former")).unwrap();
        let mut later = Stamper::new(clock, dir.path());
        let mut former = entry("former", taken, true);
        assert_eq!(later.stamp(&mut former), "corrected");
        assert!(former.readings.records[0].time.abs_diff(expected) < 1_000_000);
        let mut lost = entry("unknown", taken, true);
        assert_eq!(later.stamp(&mut lost), "unsynchronized");
        assert!(lost.readings.records[0].undated);
    }
    #[test]
    fn what_is_sent_again_is_dated_as_it_was_however_the_clock_is_measured() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::new().unwrap();
        let boot = clock.boot().to_owned();
        let taken = Taken {
            wall: 40 * SECOND,
            since_boot: clock.now().since_boot - 60 * SECOND,
            synchronized: false,
        };
        clock.set_synchronized(true);
        // As measured when it was sent first, by the same process or one before it in this boot.
        let anchor = clock.anchor().unwrap() + SECOND / 3;
        std::fs::write(dir.path().join(FILE), format!("{boot} {anchor}\n")).unwrap();
        let mut stamper = Stamper::new(clock.clone(), dir.path());
        for _ in 0..2 {
            let mut sent = entry(&boot, taken, true);
            assert_eq!(stamper.stamp(&mut sent), "corrected");
            assert_eq!(sent.readings.records[0].time, anchor + taken.since_boot - 5);
            clock.set_synchronized(true);
            stamper.remember().unwrap();
        }
        // Without a file it is written down when it is first used.
        std::fs::remove_file(dir.path().join(FILE)).unwrap();
        let mut anew = Stamper::new(clock, dir.path());
        anew.stamp(&mut entry(&boot, taken, true));
        assert!(dir.path().join(FILE).try_exists().unwrap());
    }
}
