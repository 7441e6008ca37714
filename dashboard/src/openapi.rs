//! The OpenAPI document: paths from the route table, schemas from `openapi/schemas.json`.

use serde_json::{Map, Value, json};

use crate::app::Call;
use crate::backend::Role;
use crate::reply::{Failure, Reply};
use crate::routes::{Access, Route, TABLE};

const SCHEMAS: &str = include_str!("openapi/schemas.json");

pub(crate) async fn document(_: Call) -> Result<Reply, Failure> {
    let schemas =
        serde_json::from_str(SCHEMAS).map_err(|error| Failure::internal(&error.to_string()))?;
    Ok(Reply::json(&build(schemas)))
}

fn build(schemas: Value) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in TABLE {
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.method.as_str().to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Wardline",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Device readings as FHIR, alerts, registry, SQL and a live stream. \
                Every request but those marked open needs a bearer token and leaves an audit record. \
                Not a primary alarm system.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas,
        },
        "security": [{ "token": [] }],
    })
}

fn operation(route: &Route) -> Value {
    let role = match route.access {
        Access::Open | Access::Enrol | Access::Link => None,
        Access::Metrics => Some(Role::Read),
        Access::Role(role) => Some(role),
    };
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let in_query = route.query.iter().map(|(name, description)| {
        json!({ "name": name, "in": "query", "description": description, "schema": { "type": "string" } })
    });
    let mut operation = json!({
        "operationId": route.action,
        "summary": route.summary,
        "tags": [route.path.split('/').filter(|part| !part.is_empty()).nth(2).unwrap_or("server")],
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": responses(route, role),
    });
    if let Some(role) = role {
        operation["x-role"] = json!(role.as_str());
    } else {
        operation["security"] = json!([]);
    }
    if let Some(schema) = route.body {
        let kind = if route.path.starts_with("/fhir/") {
            "application/x-www-form-urlencoded"
        } else {
            "application/json"
        };
        operation["requestBody"] = json!({
            "required": true,
            "content": { kind: { "schema": reference(schema) } },
        });
    }
    operation
}

fn responses(route: &Route, role: Option<Role>) -> Value {
    use crate::backend::AuditKind::Create;
    let fhir = route.path.starts_with("/fhir/");
    let status = if route.kind == Create { "201" } else { "200" };
    let mut responses = match route.answer {
        "204" => json!({ "204": { "description": "Done" } }),
        kind if kind.contains('/') => {
            json!({ status: { "description": "Done", "content": { kind: {} } } })
        }
        schema => {
            let content = json!({ "application/json": { "schema": reference(schema) } });
            json!({ status: { "description": "Done", "content": content } })
        }
    };
    let problem = if fhir {
        json!({ "application/fhir+json": {} })
    } else {
        json!({ "application/problem+json": { "schema": reference("Problem") } })
    };
    let mut add = |status: &str, description: &str| {
        responses[status] = json!({ "description": description, "content": problem.clone() });
    };
    if route.access == Access::Enrol {
        add("403", "A code or proof that is not good");
        add("429", "Too many refused enrolments from this address");
    }
    if route.access == Access::Link {
        add("410", "The link is unknown, used or too old");
        add("429", "Too many links that are not good from this address");
    }
    if role.is_some() {
        add("401", "No valid token");
        add("403", "The token's role does not suffice");
        add("429", "Too many refused tokens from this address");
    }
    add("default", "Any other failure");
    responses
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_has_its_schema_and_every_schema_a_use() {
        let document = build(serde_json::from_str(SCHEMAS).unwrap());
        let text = document.to_string();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let mut used: Vec<&str> = text
            .split("\"#/components/schemas/")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        used.sort_unstable();
        used.dedup();
        let mut known: Vec<&str> = schemas.keys().map(String::as_str).collect();
        known.sort_unstable();
        assert_eq!(used, known);
    }

    #[test]
    fn operation_ids_are_unique() {
        let mut actions: Vec<&str> = TABLE.iter().map(|route| route.action).collect();
        actions.sort_unstable();
        let before = actions.len();
        actions.dedup();
        assert_eq!(actions.len(), before);
    }
}
