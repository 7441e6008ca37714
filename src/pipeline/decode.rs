//! Messages to rows and rejects, on a blocking thread, in parallel for large batches.

use rayon::prelude::*;
use wardline_ingest::{COMMAND_REPLY, Incoming};
use wardline_normalize::batch::{Format, Guard, Message, Normalized, normalize};

/// Messages that one thread takes at a time: below this, handing work over costs more than it saves.
const CHUNK: usize = 128;

/// A batch after the codecs.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) messages: Vec<Incoming>,
    /// One part per chunk: which messages it took, and what came of them.
    pub(crate) parts: Vec<(Vec<usize>, Normalized)>,
}

pub(crate) fn decode(messages: Vec<Incoming>, guard: &Guard) -> Decoded {
    let part = |(index, chunk): (usize, &[Incoming])| {
        // Answers to commands are for whoever asked; no reading is in them.
        let (places, views): (Vec<usize>, Vec<Message<'_>>) = chunk
            .iter()
            .enumerate()
            .filter(|(_, message)| message.route.format != COMMAND_REPLY)
            .map(|(place, message)| (index * CHUNK + place, view(message)))
            .unzip();
        (places, normalize(&views, guard))
    };
    let parts = if messages.len() <= CHUNK {
        vec![part((0, &messages))]
    } else {
        messages.par_chunks(CHUNK).enumerate().map(part).collect()
    };
    Decoded { messages, parts }
}

fn view(message: &Incoming) -> Message<'_> {
    Message {
        format: Format::Senml,
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
        keep_raw: false,
    }
}
