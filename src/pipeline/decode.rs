//! Messages to rows and rejects, on a blocking thread, in parallel for large batches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use wardline_ingest::{COMMAND_REPLY, GATEWAY_STATUS, Incoming};
use wardline_normalize::batch::{Format, Guard, Message, Normalized, normalize};
use wardline_normalize::mapping::route::{Delivery, Envelope};
use wardline_store::Entry;
use wardline_store::registry::Registry;

use super::identity::{self, Named};
use crate::config::Identity;
use crate::mappings::{InForce, Mappings};

/// Messages that one thread takes at a time: below this, handing work over costs more than it saves.
const CHUNK: usize = 128;

/// One part per chunk of a batch: which messages it took, by their place in the batch, and what came of them.
pub(crate) type Parts = Vec<(Vec<usize>, Normalized)>;

/// What decoding looks things up in.
#[derive(Debug)]
pub(crate) struct Decoder {
    guard: Guard,
    mappings: Arc<Mappings>,
    registry: Arc<Registry>,
    registered: Mutex<Vec<Entry>>,
}

/// A mapped route during one chunk.
struct Mapped {
    in_force: InForce,
    named: Named,
}

impl Decoder {
    pub(crate) fn new(guard: Guard, mappings: Arc<Mappings>, registry: Arc<Registry>) -> Self {
        Self {
            guard,
            mappings,
            registry,
            registered: Mutex::default(),
        }
    }

    /// Patients and assignments that messages brought about: into the log ahead of their rows.
    pub(crate) fn registered(&self) -> Vec<Entry> {
        std::mem::take(
            &mut *self
                .registered
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// A batch through the codecs.
    pub(crate) fn decode(&self, messages: &[Incoming]) -> Parts {
        let part = |(index, chunk): (usize, &[Incoming])| self.part(index * CHUNK, chunk);
        if messages.len() <= CHUNK {
            vec![part((0, messages))]
        } else {
            messages.par_chunks(CHUNK).enumerate().map(part).collect()
        }
    }

    fn part(&self, first: usize, chunk: &[Incoming]) -> (Vec<usize>, Normalized) {
        let mut mapped: HashMap<&str, Option<Mapped>> = HashMap::new();
        for message in chunk {
            mapped
                .entry(&message.route.name)
                .or_insert_with_key(|route| self.mapped(route));
        }
        // Answers to commands are for whoever asked, states of gateways are taken elsewhere: no reading is in them.
        let (places, views): (Vec<usize>, Vec<Message<'_>>) = chunk
            .iter()
            .enumerate()
            .filter(|(_, message)| {
                ![COMMAND_REPLY, GATEWAY_STATUS].contains(&&*message.route.format)
            })
            .map(|(place, message)| {
                let mapped = mapped.get(&*message.route.name).and_then(Option::as_ref);
                (first + place, self.view(message, mapped))
            })
            .unzip();
        let normalized = normalize(&views, &self.guard);
        for one in mapped.values().flatten() {
            if one.in_force.identity == Identity::Create {
                let now = crate::clock::now();
                match identity::register(&self.registry, &one.named, &normalized, now) {
                    Ok(made) => self
                        .registered
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .extend(made),
                    // The rows are kept without a patient, or refused by attribution.
                    Err(error) => {
                        tracing::error!(%error, "what the messages name could not be registered");
                    }
                }
            }
        }
        (places, normalized)
    }

    fn mapped(&self, route: &str) -> Option<Mapped> {
        let in_force = self.mappings.of(route)?;
        let named = Named::new(self.registry.assignments(), in_force.identity);
        Some(Mapped { in_force, named })
    }

    fn view<'a>(&'a self, message: &'a Incoming, mapped: Option<&'a Mapped>) -> Message<'a> {
        let format = match mapped {
            Some(Mapped { in_force, named }) => Format::Medtech(Delivery {
                mapping: &in_force.mapping,
                devices: named,
                encounter: in_force.identity == Identity::LookupWithEncounter,
                envelope: Envelope::Mqtt {
                    topic: &message.topic,
                    properties: &message.user_properties,
                },
            }),
            None if message.route.format == "fhir" => Format::Fhir,
            None => match self.mappings.monitors(&message.route.name) {
                Some(profile) => Format::Hl7v2(profile),
                None => Format::Senml,
            },
        };
        Message {
            format,
            site: message.site.as_deref(),
            gateway: message.gateway.as_deref(),
            // On a route whose payload names the device, a credential for one device speaks for no other.
            device: message
                .device
                .as_deref()
                .or_else(|| message.principal.as_ref()?.device.as_deref()),
            fallback_device: None,
            content_type: message.content_type.as_deref(),
            payload: &message.payload,
            received: message.received,
            source: &message.route.name,
            keep_raw: self.mappings.keeps_raw(&message.route.name),
        }
    }
}
