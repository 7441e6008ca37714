//! `[enrol]`.

use std::path::PathBuf;

use serde::Deserialize;

/// How the certificate is renewed; a gateway that was not enrolled has nothing to renew.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Enrol {
    /// Address of the server's HTTP; the one it was enrolled at when not given.
    pub(crate) server: Option<String>,
    /// PEM file of authorities to trust there, beside those known from the enrolment.
    pub(crate) ca: Option<PathBuf>,
}

impl Enrol {
    pub(crate) fn check(&self, faults: &mut Vec<String>) {
        if let Some(server) = &self.server
            && let Err(fault) = super::api::address(server)
        {
            faults.push(format!("enrol.server: {fault}"));
        }
        if let Some(ca) = &self.ca
            && let Err(error) = std::fs::File::open(ca)
        {
            faults.push(format!("enrol.ca: {}: {error}", ca.display()));
        }
    }
}
