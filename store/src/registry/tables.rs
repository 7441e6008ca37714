//! The registry as Arrow, for SQL: the only file here that knows Arrow.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, ListBuilder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::{
    Assignment, AssignmentFilter, Device, Error, Identifier, Limit, LimitFilter, LimitScope,
    ListFilter, Listed, MAX_PAGE, NotificationFilter, Page, Patient, Registry, Result, Sex,
    StoredNotification,
};

fn text(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable)
}

fn time(name: &str, nullable: bool) -> Field {
    Field::new(
        name,
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        nullable,
    )
}

fn texts(name: &str) -> Field {
    Field::new(
        name,
        DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))),
        false,
    )
}

fn flag(name: &str) -> Field {
    Field::new(name, DataType::Boolean, false)
}

fn schema(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

/// Columns of the `patient` view. `birth_date` is text, since it may be a year or a month;
/// identifiers are `system|value`.
pub fn patient_schema() -> SchemaRef {
    schema(vec![
        text("id", false),
        text("name", true),
        text("birth_date", true),
        text("sex", true),
        texts("tags"),
        texts("identifiers"),
        text("bed", true),
        text("ward", true),
        text("care_team", true),
        flag("active"),
        time("created_at", false),
        time("updated_at", false),
    ])
}

/// Columns of the `device` view; identifiers are `system|value`.
pub fn device_schema() -> SchemaRef {
    schema(vec![
        text("id", false),
        text("name", true),
        text("kind", true),
        text("manufacturer", true),
        text("model", true),
        text("serial", true),
        text("site", true),
        text("gateway_id", true),
        texts("identifiers"),
        flag("active"),
        time("created_at", false),
        time("updated_at", false),
    ])
}

/// Columns of the `assignment` view; a reading belongs to it when
/// `effective >= valid_from and (valid_until is null or effective < valid_until)`.
pub fn assignment_schema() -> SchemaRef {
    schema(vec![
        Field::new("id", DataType::Int64, false),
        text("device_id", false),
        text("device_user", true),
        text("patient_id", false),
        time("valid_from", false),
        time("valid_until", true),
        text("author", false),
        time("created_at", false),
    ])
}

fn number(name: &str) -> Field {
    Field::new(name, DataType::Float64, true)
}

/// Columns of the `rule_limit` view: limits of one patient or one ward in the place of a rule's own. It judges a reading
/// when `effective >= valid_from and (valid_until is null or effective < valid_until)`; one that was ended early ends
/// there.
pub fn limit_schema() -> SchemaRef {
    schema(vec![
        text("id", false),
        text("patient_id", true),
        text("ward", true),
        text("rule_id", false),
        flag("off"),
        number("above"),
        number("below"),
        number("clear_above"),
        number("clear_below"),
        text("unit", true),
        time("valid_from", false),
        time("valid_until", true),
        text("author", false),
        text("reason", false),
        time("created_at", false),
        time("reviewed_at", true),
        text("reviewed_by", true),
        text("ended_by", true),
    ])
}

/// Columns of the `notification` view: who was to be told of which alerts by what, and what became of it. Raised is
/// `alert`'s `processed_time`, told is `at`, delivered is `delivered_at`.
pub fn notification_schema() -> SchemaRef {
    schema(vec![
        text("id", false),
        time("at", false),
        text("kind", false),
        text("priority", false),
        text("channel", false),
        text("recipient", true),
        text("route", false),
        texts("alerts"),
        text("state", false),
        Field::new("attempts", DataType::Int64, false),
        text("last_error", true),
        time("delivered_at", true),
    ])
}

fn numbers(values: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    let mut builder = Float64Builder::new();
    values.for_each(|value| builder.append_option(value));
    Arc::new(builder.finish())
}

fn strings<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    let mut builder = StringBuilder::new();
    values.for_each(|value| builder.append_option(value));
    Arc::new(builder.finish())
}

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    let mut builder = TimestampMicrosecondBuilder::new().with_timezone("UTC");
    values.for_each(|value| builder.append_option(value));
    Arc::new(builder.finish())
}

fn lists(values: impl Iterator<Item = Vec<String>>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    values.for_each(|items| builder.append_value(items.into_iter().map(Some)));
    Arc::new(builder.finish())
}

fn flags(values: impl Iterator<Item = bool>) -> ArrayRef {
    let mut builder = BooleanBuilder::new();
    values.for_each(|value| builder.append_value(value));
    Arc::new(builder.finish())
}

fn tokens(identifiers: &[Identifier]) -> Vec<String> {
    identifiers
        .iter()
        .map(|i| format!("{}|{}", i.system, i.value))
        .collect()
}

fn batch(schema: SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(schema, columns).map_err(|error| Error::Database(Box::new(error)))
}

/// All pages of a list.
fn all<T>(mut list: impl FnMut(&Page) -> Result<Listed<T>>) -> Result<Vec<T>> {
    let mut page = Page::first(MAX_PAGE);
    let mut items = Vec::new();
    loop {
        let mut listed = list(&page)?;
        items.append(&mut listed.items);
        if listed.next.is_none() {
            return Ok(items);
        }
        page.after = listed.next;
    }
}

impl Registry {
    /// All patients, by id.
    ///
    /// # Errors
    /// The database failed.
    pub fn patients_batch(&self) -> Result<RecordBatch> {
        let rows: Vec<Patient> = all(|page| self.patients(&ListFilter::default(), page))?;
        let rows = || rows.iter();
        let columns = vec![
            strings(rows().map(|p| Some(p.id.as_str()))),
            strings(rows().map(|p| p.fields.name.as_deref())),
            strings(rows().map(|p| p.fields.birth_date.as_deref())),
            strings(rows().map(|p| p.fields.sex.map(Sex::as_str))),
            lists(rows().map(|p| p.fields.tags.clone())),
            lists(rows().map(|p| tokens(&p.fields.identifiers))),
            strings(rows().map(|p| p.bed.as_deref())),
            strings(rows().map(|p| p.fields.ward.as_deref())),
            strings(rows().map(|p| p.fields.care_team.as_deref())),
            flags(rows().map(|p| p.fields.active)),
            times(rows().map(|p| Some(p.created_at))),
            times(rows().map(|p| Some(p.updated_at))),
        ];
        batch(patient_schema(), columns)
    }

    /// All devices, by id.
    ///
    /// # Errors
    /// The database failed.
    pub fn devices_batch(&self) -> Result<RecordBatch> {
        let rows: Vec<Device> = all(|page| self.devices(&ListFilter::default(), page))?;
        let rows = || rows.iter();
        let columns = vec![
            strings(rows().map(|d| Some(d.id.as_str()))),
            strings(rows().map(|d| d.fields.name.as_deref())),
            strings(rows().map(|d| d.fields.kind.as_deref())),
            strings(rows().map(|d| d.fields.manufacturer.as_deref())),
            strings(rows().map(|d| d.fields.model.as_deref())),
            strings(rows().map(|d| d.fields.serial.as_deref())),
            strings(rows().map(|d| d.fields.site.as_deref())),
            strings(rows().map(|d| d.fields.gateway.as_deref())),
            lists(rows().map(|d| tokens(&d.fields.identifiers))),
            flags(rows().map(|d| d.fields.active)),
            times(rows().map(|d| Some(d.created_at))),
            times(rows().map(|d| Some(d.updated_at))),
        ];
        batch(device_schema(), columns)
    }

    /// All limits, the latest start first.
    ///
    /// # Errors
    /// The database failed.
    pub fn limits_batch(&self) -> Result<RecordBatch> {
        let rows: Vec<Limit> = all(|page| self.limits(&LimitFilter::default(), page))?;
        let rows = || rows.iter();
        let (patients, wards): (Vec<_>, Vec<_>) = rows()
            .map(|limit| match &limit.set.scope {
                LimitScope::Patient(id) => (Some(id.as_str()), None),
                LimitScope::Ward(id) => (None, Some(id.as_str())),
            })
            .unzip();
        let columns = vec![
            strings(rows().map(|l| Some(l.id.as_str()))),
            strings(patients.into_iter()),
            strings(wards.into_iter()),
            strings(rows().map(|l| Some(l.set.rule.as_str()))),
            flags(rows().map(|l| l.set.off)),
            numbers(rows().map(|l| l.set.above)),
            numbers(rows().map(|l| l.set.below)),
            numbers(rows().map(|l| l.set.clear_above)),
            numbers(rows().map(|l| l.set.clear_below)),
            strings(rows().map(|l| l.set.unit.as_deref())),
            times(rows().map(|l| Some(l.set.from))),
            times(rows().map(Limit::over)),
            strings(rows().map(|l| Some(l.set.author.as_str()))),
            strings(rows().map(|l| Some(l.set.reason.as_str()))),
            times(rows().map(|l| Some(l.created_at))),
            times(rows().map(|l| l.reviewed_at)),
            strings(rows().map(|l| l.reviewed_by.as_deref())),
            strings(rows().map(|l| l.ended_by.as_deref())),
        ];
        batch(limit_schema(), columns)
    }

    /// All notifications, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub fn notifications_batch(&self) -> Result<RecordBatch> {
        let rows: Vec<StoredNotification> =
            all(|page| self.notifications(&NotificationFilter::default(), page))?;
        let rows = || rows.iter();
        let mut attempts = Int64Builder::new();
        rows().for_each(|n| attempts.append_value(i64::from(n.attempts)));
        let columns: Vec<ArrayRef> = vec![
            strings(rows().map(|n| Some(n.id.as_str()))),
            times(rows().map(|n| Some(n.at))),
            strings(rows().map(|n| Some(n.kind.as_str()))),
            strings(rows().map(|n| Some(n.priority.as_str()))),
            strings(rows().map(|n| Some(n.channel.as_str()))),
            strings(rows().map(|n| n.recipient.as_deref())),
            strings(rows().map(|n| Some(n.route.as_str()))),
            lists(rows().map(|n| n.alerts.clone())),
            strings(rows().map(|n| Some(n.state.as_str()))),
            Arc::new(attempts.finish()),
            strings(rows().map(|n| n.last_error.as_deref())),
            times(rows().map(|n| n.delivered_at)),
        ];
        batch(notification_schema(), columns)
    }

    /// All assignments that were not cancelled, the latest start first.
    ///
    /// # Errors
    /// The database failed.
    pub fn assignments_batch(&self) -> Result<RecordBatch> {
        let rows: Vec<Assignment> =
            all(|page| self.list_assignments(&AssignmentFilter::default(), page))?;
        let rows = || rows.iter();
        let mut ids = Int64Builder::new();
        rows().for_each(|a| ids.append_value(a.id));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(ids.finish()),
            strings(rows().map(|a| Some(a.device.as_str()))),
            strings(rows().map(|a| a.device_user.as_deref())),
            strings(rows().map(|a| Some(a.patient.as_str()))),
            times(rows().map(|a| Some(a.from))),
            times(rows().map(|a| a.until)),
            strings(rows().map(|a| Some(a.author.as_str()))),
            times(rows().map(|a| Some(a.created_at))),
        ];
        batch(assignment_schema(), columns)
    }
}
