//! Channels: what keeps several sensors of one metric apart.
//!
//! Two sensors of one metric must not share rows, and one sensor's rows must not depend on numbers that a monitor may
//! deal out anew in its next message. So the places (OBX-4) of one metric of one device in one message are ranked: the
//! lowest has no channel, the next is channel `2`, and so on; a panel's components are ranked together by the channel
//! they stand in. A device that only its sender knows (OBX-18 without an EUI-64) goes before: `F1519EFX`,
//! `F1519EFX.2`. A sender that shares one id among its beds and names no device (MSH-3 of a gateway, PV1-3) gets the
//! bed there.

use super::super::device::Owner;
use super::super::tree::Place;
use super::Row;
use std::collections::{BTreeSet, HashMap};

/// What places are ranked by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Ranked {
    Place(Place),
    Text(String),
}

/// Channels by rank of place.
pub(super) fn rank(rows: &mut [Row<'_>]) {
    type Stream<'s> = (&'s Owner, &'s str, bool);
    let mut places: HashMap<Stream<'_>, BTreeSet<Ranked>> = HashMap::new();
    for row in rows.iter() {
        places.entry(stream(row)).or_default().insert(ranked(row));
    }
    let channels: Vec<Option<String>> = rows
        .iter()
        .map(|row| {
            let of_stream = places.get(&stream(row));
            let rank = of_stream.map_or(0, |places| places.range(..ranked(row)).count());
            let part = row.owner.part.as_deref();
            let channel = match (part, rank) {
                (None, 0) => return None,
                (Some(part), 0) => part.to_owned(),
                (None, rank) => (rank + 1).to_string(),
                (Some(part), rank) => format!("{part}.{}", rank + 1),
            };
            Some(channel)
        })
        .collect();
    for (row, channel) in rows.iter_mut().zip(channels) {
        row.channel = channel;
    }

    fn stream<'s>(row: &'s Row<'_>) -> Stream<'s> {
        let panel = row.coded.metric.and_then(|metric| metric.panel);
        let name = panel.map_or(row.coded.name.as_str(), |panel| panel.mdc);
        (&row.owner, name, row.array)
    }

    fn ranked(row: &Row<'_>) -> Ranked {
        let of_panel = row
            .coded
            .metric
            .is_some_and(|metric| metric.panel.is_some());
        match row.place {
            None => Ranked::Text(row.segment.field(4).raw().trim().to_owned()),
            Some(place) if of_panel && place.is_dotted() => Ranked::Place(place.channel()),
            Some(place) => Ranked::Place(place.metric()),
        }
    }
}
