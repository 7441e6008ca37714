//! The registry as Arrow, for SQL: the only file here that knows Arrow.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use super::{Registry, Result};

/// Columns of the `patient` view.
pub fn patient_schema() -> SchemaRef {
    unimplemented!()
}

/// Columns of the `device` view.
pub fn device_schema() -> SchemaRef {
    unimplemented!()
}

/// Columns of the `assignment` view.
pub fn assignment_schema() -> SchemaRef {
    unimplemented!()
}

impl Registry {
    /// All patients, by id.
    pub fn patients_batch(&self) -> Result<RecordBatch> {
        unimplemented!()
    }

    /// All devices, by id.
    pub fn devices_batch(&self) -> Result<RecordBatch> {
        unimplemented!()
    }

    /// All assignments that were not cancelled, in the order they were made.
    pub fn assignments_batch(&self) -> Result<RecordBatch> {
        unimplemented!()
    }
}
