//! How the gateway comes to its certificate and keeps it: enrolment with a code, renewal with the key it has.
//!
//! The key is made here and never leaves: what is sent is a request signed with it. `enroll` trusts the server by a
//! fingerprint that was printed with the code, or by authorities that were given; `run` renews at two thirds of the
//! certificate's life, into one file that is replaced whole, which the publisher reads again.
//!
//! * `command`: `wardline-gateway enroll`. * `renew`: the task within `run`. * `api`: the two requests.
//! * `pin`: the server's chain against a fingerprint. * `identity`: the files. * `config`: `[enrol]`.

mod api;
mod command;
mod config;
mod identity;
mod pin;
mod renew;

pub(crate) use command::{Arguments, run};
pub(crate) use config::Enrol;
pub(crate) use renew::{Health, Renewals};

use crate::config::Config;

/// Uses the enrolled certificate where the configuration names none.
pub(crate) fn adopt(config: &mut Config) {
    let files = identity::Files::new(&config.data_dir);
    if config.server.cert.is_some() || !files.is_enrolled() {
        return;
    }
    config.server.cert = Some(files.identity());
    config.server.key = Some(files.identity());
    if config.server.ca.is_none() {
        config.server.ca = files.trust();
    }
}
