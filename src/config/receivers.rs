//! Who is told of alerts: webhooks, Teams, e-mail. Their names share one space, for routes go by them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;

use super::Secret;
use super::reader::{self, Section};

/// A receiver of alert events and notifications over HTTP.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Webhook {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) secret: Secret,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) events: Events,
    /// How often it is told that all is well; none: never.
    pub(crate) watchdog: Option<Duration>,
}

/// A channel or chat of Microsoft Teams, by the URL of its workflow.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Teams {
    pub(crate) name: String,
    /// Whoever knows it may post.
    pub(crate) url: Secret,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) show: Show,
    pub(crate) events: Events,
}

/// Addresses behind a mail server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Email {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: MailTls,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) from: Mailbox,
    /// Who gets what names no address itself.
    pub(crate) to: Option<Mailbox>,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) show: Show,
    pub(crate) events: Events,
}

/// How a mail server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailTls {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// Plain until STARTTLS; without it nothing is sent.
    StartTls,
    None,
}

/// Which alert events a receiver hears, beside what the routing sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Events {
    /// Every change of an alert; `page` in the body says whether it may call people.
    All,
    /// Only those that may call people.
    Pages,
    /// None.
    None,
}

/// A part of an alert that a message may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Id,
    Bed,
    Priority,
    Rule,
    Value,
    Message,
}

/// What leaves the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Show(pub(crate) BTreeSet<Part>);

impl Default for Show {
    fn default() -> Self {
        Self(BTreeSet::from([Part::Id, Part::Bed, Part::Priority]))
    }
}

impl Show {
    pub(crate) fn has(&self, part: Part) -> bool {
        self.0.contains(&part)
    }
}

/// What all receivers share of the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    /// Whether a routing file says who is told.
    pub(super) routed: bool,
}

impl Site {
    /// With a routing file a receiver hears what that sends it, and events only when it asks for them.
    fn events(self, section: &Section<'_, '_>, unrouted: &str) -> Events {
        let default = if self.routed { "none" } else { unrouted };
        section.take("events", default, events)
    }
}

/// Shortest and longest time from one watchdog message to the next.
const WATCHDOG: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(10)..=Duration::from_secs(3_600);

pub(super) fn webhook(section: &Section<'_, '_>, site: Site) -> Webhook {
    let secret = section.secret("secret");
    if secret.is_none() {
        section.fault(
            "secret",
            "is missing: deliveries are signed, give secret or secret-file",
        );
    }
    let webhook = Webhook {
        name: name(section),
        url: section.required("url"),
        secret: secret.unwrap_or(Secret(String::new())),
        ca: section.optional("ca", reader::path),
        events: site.events(section, "all"),
        watchdog: section.optional("watchdog", |text| match reader::duration(text)? {
            every if WATCHDOG.contains(&every) => Ok(every),
            _ => Err("a duration from 10s to 1h".to_owned()),
        }),
    };
    // What is wrong with it is said without it: it may carry a password.
    let is_http = |url: reqwest::Url| matches!(url.scheme(), "http" | "https");
    if !webhook.url.is_empty() && !reqwest::Url::parse(&webhook.url).is_ok_and(is_http) {
        section.fault("url", "is not an http or https URL");
    }
    section.finish();
    webhook
}

pub(super) fn teams(section: &Section<'_, '_>, site: Site) -> Teams {
    let url = section.secret("url");
    match &url {
        None => section.fault("url", "is missing: give url or url-file"),
        Some(Secret(url)) => {
            if let Err(problem) = teams_url(url) {
                section.fault("url", problem);
            }
        }
    }
    let teams = Teams {
        name: name(section),
        url: url.unwrap_or(Secret(String::new())),
        ca: section.optional("ca", reader::path),
        show: show(section),
        events: site.events(section, "pages"),
    };
    section.finish();
    teams
}

/// The URL is a secret: what is wrong with it is said without it.
fn teams_url(url: &str) -> Result<(), &'static str> {
    let url = reqwest::Url::parse(url).map_err(|_| "is not a URL")?;
    match url.scheme() {
        "https" => Ok(()),
        "http" if url.host_str().is_some_and(is_loopback) => Ok(()),
        _ => Err("is not an https URL"),
    }
}

pub(super) fn email(section: &Section<'_, '_>, site: Site) -> Email {
    let tls = section.take("tls", "implicit", |word| match word {
        "implicit" => Ok(MailTls::Implicit),
        "starttls" => Ok(MailTls::StartTls),
        "none" => Ok(MailTls::None),
        _ => Err("implicit, starttls or none".to_owned()),
    });
    let port = match tls {
        MailTls::Implicit => "465",
        MailTls::StartTls => "587",
        MailTls::None => "25",
    };
    let from = section.optional("from", mailbox);
    if from.is_none() {
        section.missing("from");
    }
    let email = Email {
        name: name(section),
        host: section.required("host"),
        port: section.take("port", port, reader::number(1, u16::MAX)),
        tls,
        username: section.optional("username", reader::text),
        password: section.secret("password"),
        from: from
            .unwrap_or_else(|| mailbox("wardline@localhost").expect("the text is an address")),
        to: section.optional("to", mailbox),
        ca: section.optional("ca", reader::path),
        show: show(section),
        events: site.events(section, "pages"),
    };
    let insecure = section.take("insecure", "false", reader::flag);
    if tls == MailTls::None && !insecure && !email.host.is_empty() && !is_loopback(&email.host) {
        section.fault(
            "tls",
            "none is for a server on this machine: give implicit or starttls, or insecure = true",
        );
    }
    if email.username.is_some() != email.password.is_some() {
        section.fault("username", "goes with password or password-file");
    }
    if email.to.is_none() && email.events != Events::None {
        section.fault(
            "to",
            "is missing: events name no address (without [routing], every message is one)",
        );
    }
    section.finish();
    email
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse()
        .map_err(|_| "an e-mail address, such as Ward 3 <ward3@hospital.example>".to_owned())
}

pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address: Option<std::net::IpAddr> = address.parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

/// Of one line: it stands in lists and routes.
pub(super) fn name(section: &Section<'_, '_>) -> String {
    let name = section.required("name");
    if name.len() > 64 || name.chars().any(char::is_control) {
        section.fault("name", "has more than 64 bytes or is not one line of text");
    }
    name
}

fn show(section: &Section<'_, '_>) -> Show {
    let mut parts = BTreeSet::new();
    for word in section.list("show") {
        let part = match word.as_str() {
            "id" => Part::Id,
            "bed" => Part::Bed,
            "priority" => Part::Priority,
            "rule" => Part::Rule,
            "value" => Part::Value,
            "message" => Part::Message,
            _ => {
                let known = "id, bed, priority, rule, value, message";
                section.fault("show", format!("{word:?} is none of {known}"));
                continue;
            }
        };
        parts.insert(part);
    }
    if parts.is_empty() {
        Show::default()
    } else {
        Show(parts)
    }
}

pub(super) fn events(text: &str) -> Result<Events, String> {
    match text {
        "all" => Ok(Events::All),
        "pages" => Ok(Events::Pages),
        "none" => Ok(Events::None),
        _ => Err("all, pages or none".to_owned()),
    }
}

/// A base URL under which clients reach the server: no query, and no slash at its end.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    let wrong = || "an http or https URL such as https://wardline.example".to_owned();
    let url = reqwest::Url::parse(text).map_err(|_| wrong())?;
    let plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !plain {
        return Err(wrong());
    }
    Ok(text.trim_end_matches('/').to_owned())
}
