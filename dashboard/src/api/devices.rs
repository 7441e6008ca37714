//! Devices.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{
    IdentifierIn, TextSearch, id_option, identifiers, identifiers_json, list_request, page,
    short_option,
};
use crate::app::Call;
use crate::backend::{Device, DeviceWrite, ListRequest};
use crate::reply::{Failure, Reply};

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
    let found = call.app.backend.devices(request).await?;
    Ok(Reply::json(&page(&found, device_json)))
}

pub(crate) async fn get(call: Call) -> Result<Reply, Failure> {
    let device = call.app.backend.device(&call.id()?).await?;
    Ok(Reply::json(&device_json(&device)))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeviceIn {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    site: Option<String>,
    #[serde(default)]
    gateway: Option<String>,
    #[serde(default)]
    identifiers: Vec<IdentifierIn>,
}

impl DeviceIn {
    fn write(self) -> Result<DeviceWrite, Failure> {
        Ok(DeviceWrite {
            kind: short_option("kind", self.kind)?,
            model: short_option("model", self.model)?,
            site: id_option("site", self.site)?,
            gateway: id_option("gateway", self.gateway)?,
            identifiers: identifiers(self.identifiers)?,
        })
    }
}

pub(crate) async fn create(mut call: Call) -> Result<Reply, Failure> {
    let mut body: DeviceIn = call.json().await?;
    let id = id_option("id", body.id.take())?;
    let device = call
        .app
        .backend
        .create_device(id, body.write()?, call.principal()?)
        .await?;
    Ok(Reply::created(&device_json(&device)))
}

pub(crate) async fn update(mut call: Call) -> Result<Reply, Failure> {
    let id = call.id()?;
    let body: DeviceIn = call.json().await?;
    if body.id.as_ref().is_some_and(|named| *named != id) {
        return Err(Failure::invalid("the body's id is not the path's"));
    }
    let device = call
        .app
        .backend
        .update_device(&id, body.write()?, call.principal()?)
        .await?;
    Ok(Reply::json(&device_json(&device)))
}

fn device_json(device: &Device) -> Value {
    json!({
        "id": device.id,
        "kind": device.data.kind,
        "model": device.data.model,
        "site": device.data.site,
        "gateway": device.data.gateway,
        "identifiers": identifiers_json(&device.data.identifiers),
    })
}
