//! Messages to rows and rejects, on a blocking thread, in parallel for large batches.

use rayon::prelude::*;
use wardline_ingest::{COMMAND_REPLY, Incoming};
use wardline_normalize::batch::{Format, Guard, Message, Normalized, normalize};

/// Messages that one thread takes at a time: below this, handing work over costs more than it saves.
const CHUNK: usize = 128;

/// One part per chunk of a batch: which messages it took, by their place in the batch, and what came of them.
pub(crate) type Parts = Vec<(Vec<usize>, Normalized)>;

/// A batch through the codecs.
pub(crate) fn decode(messages: &[Incoming], guard: &Guard) -> Parts {
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
    if messages.len() <= CHUNK {
        vec![part((0, messages))]
    } else {
        messages.par_chunks(CHUNK).enumerate().map(part).collect()
    }
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
