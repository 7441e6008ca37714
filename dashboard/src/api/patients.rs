//! Patients.

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{
    IdentifierIn, MAX_ENTRIES, TextSearch, id_option, identifiers, identifiers_json, list_request,
    page, short, short_option, when,
};
use crate::app::Call;
use crate::backend::{ListPage, ListRequest, Patient, PatientWrite};
use crate::reply::{Failure, Reply, Touched};

pub(crate) async fn list(call: Call) -> Result<Reply, Failure> {
    let request = list_request(&call.query()?)?;
    found(&call, &request).await
}

pub(crate) async fn search(mut call: Call) -> Result<Reply, Failure> {
    let request = call.json::<TextSearch>().await?.request()?;
    let mut reply = found(&call, &request).await?;
    reply.asked = request.text;
    Ok(reply)
}

async fn found(call: &Call, request: &ListRequest) -> Result<Reply, Failure> {
    let found: ListPage<Patient> = call.app.backend.patients(request).await?;
    let touched: Touched = found
        .items
        .iter()
        .map(|patient| patient.id.as_str())
        .collect();
    Ok(Reply::json(&page(&found, patient_json)).touching(touched))
}

pub(crate) async fn get(call: Call) -> Result<Reply, Failure> {
    let patient = call.app.backend.patient(&call.id()?).await?;
    Ok(Reply::json(&patient_json(&patient)).touching(Touched::one(patient.id)))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PatientIn {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    birth_date: Option<String>,
    #[serde(default)]
    gender: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    identifiers: Vec<IdentifierIn>,
    #[serde(default)]
    ward: Option<String>,
    #[serde(default)]
    care_team: Option<String>,
}

impl PatientIn {
    fn write(self) -> Result<PatientWrite, Failure> {
        let born = self.birth_date.as_deref();
        if born.is_some_and(|born| NaiveDate::parse_from_str(born, "%Y-%m-%d").is_err()) {
            return Err(Failure::invalid("birthDate must be a date as 1950-03-01"));
        }
        let known = ["male", "female", "other", "unknown"];
        if self
            .gender
            .as_deref()
            .is_some_and(|gender| !known.contains(&gender))
        {
            return Err(Failure::invalid(
                "gender is one of male, female, other, unknown",
            ));
        }
        if self.tags.len() > MAX_ENTRIES {
            return Err(Failure::invalid(format!("at most {MAX_ENTRIES} tags")));
        }
        Ok(PatientWrite {
            name: short_option("name", self.name)?,
            birth_date: self.birth_date,
            gender: self.gender,
            tags: self
                .tags
                .into_iter()
                .map(|tag| short("tags", tag))
                .collect::<Result<_, _>>()?,
            identifiers: identifiers(self.identifiers)?,
            ward: id_option("ward", self.ward)?,
            care_team: id_option("careTeam", self.care_team)?,
        })
    }
}

pub(crate) async fn create(mut call: Call) -> Result<Reply, Failure> {
    let mut body: PatientIn = call.json().await?;
    let id = id_option("id", body.id.take())?;
    let patient = call
        .app
        .backend
        .create_patient(id, body.write()?, call.principal()?)
        .await?;
    Ok(Reply::created(&patient_json(&patient)).touching(Touched::one(patient.id)))
}

pub(crate) async fn update(mut call: Call) -> Result<Reply, Failure> {
    let id = call.id()?;
    let body: PatientIn = call.json().await?;
    if body.id.as_ref().is_some_and(|named| *named != id) {
        return Err(Failure::invalid("the body's id is not the path's"));
    }
    let patient = call
        .app
        .backend
        .update_patient(&id, body.write()?, call.principal()?)
        .await?;
    Ok(Reply::json(&patient_json(&patient)).touching(Touched::one(patient.id)))
}

fn patient_json(patient: &Patient) -> Value {
    json!({
        "id": patient.id,
        "name": patient.data.name,
        "birthDate": patient.data.birth_date,
        "gender": patient.data.gender,
        "bed": patient.bed,
        "ward": patient.data.ward,
        "careTeam": patient.data.care_team,
        "wardSince": when(patient.ward_since),
        "wardBefore": patient.ward_before,
        "tags": patient.data.tags,
        "identifiers": identifiers_json(&patient.data.identifiers),
    })
}
