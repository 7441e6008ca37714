//! Columns that cost a counter until their first value.

use arrow_array::builder::{
    BinaryBuilder, Float64Builder, Int8Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, StringArray, new_null_array};
use arrow_schema::DataType;
use std::sync::Arc;

macro_rules! sparse {
    ($name:ident, $builder:ty, $value:ty, $type:expr, $new:expr) => {
        #[derive(Debug, Default)]
        pub(super) struct $name {
            nulls: usize,
            builder: Option<$builder>,
        }

        impl $name {
            #[inline]
            pub(super) fn push(&mut self, value: Option<$value>) {
                match (&mut self.builder, value) {
                    (Some(builder), value) => builder.append_option(value),
                    (None, None) => self.nulls += 1,
                    (None, Some(value)) => self.first(value),
                }
            }

            #[cold]
            fn first(&mut self, value: $value) {
                let mut builder: $builder = $new;
                for _ in 0..self.nulls {
                    builder.append_null();
                }
                builder.append_value(value);
                self.builder = Some(builder);
            }

            pub(super) fn finish(&mut self) -> ArrayRef {
                let nulls = std::mem::take(&mut self.nulls);
                match self.builder.take() {
                    Some(mut builder) => Arc::new(builder.finish()),
                    None => new_null_array(&$type, nulls),
                }
            }
        }
    };
}

sparse!(
    Text,
    StringBuilder,
    &str,
    DataType::Utf8,
    StringBuilder::new()
);
sparse!(
    Bytes,
    BinaryBuilder,
    &[u8],
    DataType::Binary,
    BinaryBuilder::new()
);
sparse!(
    Float,
    Float64Builder,
    f64,
    DataType::Float64,
    Float64Builder::new()
);
sparse!(Small, Int8Builder, i8, DataType::Int8, Int8Builder::new());
sparse!(
    Time,
    TimestampMicrosecondBuilder,
    i64,
    super::timestamp_type(),
    TimestampMicrosecondBuilder::new().with_data_type(super::timestamp_type())
);

/// Text that is mostly the same in all rows of a batch: one copy and a count until a second value comes.
#[derive(Debug, Default)]
pub(super) struct Run {
    rows: usize,
    value: Option<String>,
    varied: Option<Text>,
}

impl Run {
    #[inline]
    pub(super) fn push(&mut self, value: Option<&str>) {
        if let Some(varied) = &mut self.varied {
            varied.push(value);
        } else if self.rows > 0 && self.value.as_deref() == value {
            self.rows += 1;
        } else {
            self.change(value);
        }
    }

    #[cold]
    fn change(&mut self, value: Option<&str>) {
        if self.rows == 0 {
            self.value = value.map(str::to_owned);
            self.rows = 1;
            return;
        }
        let mut varied = Text::default();
        for _ in 0..self.rows {
            varied.push(self.value.as_deref());
        }
        varied.push(value);
        self.varied = Some(varied);
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        let run = std::mem::take(self);
        match (run.varied, run.value) {
            (Some(mut varied), _) => varied.finish(),
            (None, Some(value)) => Arc::new(StringArray::new_repeated(&value, run.rows)),
            (None, None) => new_null_array(&DataType::Utf8, run.rows),
        }
    }
}
