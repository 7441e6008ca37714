//! CBOR bytes: integer labels of RFC 8428 section 6 at the level of the record, tag 4 for decimals.

use super::Form;
use crate::decimal::Decimal;
use minicbor::Encoder;
use minicbor::data::IanaTag;

#[derive(Debug)]
pub(super) struct Cbor {
    encoder: Encoder<Vec<u8>>,
    depth: u32,
}

/// Writing to a `Vec` cannot fail.
const INFALLIBLE: &str = "a vector takes all bytes";

impl Cbor {
    pub(super) fn new(records: usize) -> Self {
        let mut encoder = Encoder::new(Vec::with_capacity(records * 32));
        encoder.array(records as u64).expect(INFALLIBLE);
        Self { encoder, depth: 0 }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.encoder.into_writer()
    }

    fn label(&mut self, label: &str) {
        let number = match label {
            // Inside `gw` labels are ours.
            _ if self.depth > 1 => None,
            "bn" => Some(-2),
            "bt" => Some(-3),
            "n" => Some(0),
            "u" => Some(1),
            "v" => Some(2),
            "vs" => Some(3),
            "vb" => Some(4),
            "t" => Some(6),
            _ => None,
        };
        match number {
            Some(number) => self.encoder.i8(number).expect(INFALLIBLE),
            None => self.encoder.str(label).expect(INFALLIBLE),
        };
    }
}

impl Form for Cbor {
    fn open(&mut self) {
        self.depth += 1;
        self.encoder.begin_map().expect(INFALLIBLE);
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.encoder.end().expect(INFALLIBLE);
    }

    fn text(&mut self, label: &'static str, text: &str) {
        self.label(label);
        self.encoder.str(text).expect(INFALLIBLE);
    }

    fn number(&mut self, label: &'static str, number: Decimal) {
        self.label(label);
        if number.exponent == 0 {
            self.encoder.i64(number.mantissa).expect(INFALLIBLE);
            return;
        }
        self.encoder
            .tag(IanaTag::Decimal)
            .and_then(|encoder| encoder.array(2))
            .and_then(|encoder| encoder.i8(number.exponent))
            .and_then(|encoder| encoder.i64(number.mantissa))
            .expect(INFALLIBLE);
    }

    fn truth(&mut self, label: &'static str, truth: bool) {
        self.label(label);
        self.encoder.bool(truth).expect(INFALLIBLE);
    }

    fn list(&mut self, label: &'static str, texts: &[String]) {
        self.label(label);
        self.encoder.array(texts.len() as u64).expect(INFALLIBLE);
        for text in texts {
            self.encoder.str(text).expect(INFALLIBLE);
        }
    }

    fn map(&mut self, label: &'static str) {
        self.label(label);
        self.open();
    }
}
