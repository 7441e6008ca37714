//! Messages by e-mail, through a mail server of the house.
//!
//! A connection is made for each message. What the server answers is kept by its code alone: its words may name people.

use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use sha2::{Digest as _, Sha256};
use wardline_store::registry::OutboxEntry;

use super::message::Message;
use super::{Failure, People, Receiver};
use crate::config::{self, MailTls, Show};

/// Time the server has for each answer.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Time for a message, whatever the server does.
const WHOLE: Duration = Duration::from_secs(60);
/// Alerts that a message names.
const NAMED: usize = 50;
/// Answers about our own login (RFC 4954), and of servers that take no mail at all (RFC 7504): a person mends that, and
/// then the message may go.
const OURS: [u16; 5] = [521, 530, 534, 535, 538];
/// Subjects of enhanced status codes (RFC 3463, 3) that are not about address or message: the state of the mail system, and
/// its policy.
const THEIRS: [&str; 2] = ["5.3.", "5.7."];

pub(crate) struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Option<Mailbox>,
    show: Show,
    people: People,
}

impl Email {
    pub(crate) fn new(email: &config::Email, people: People) -> anyhow::Result<Self> {
        let tls = match email.tls {
            MailTls::Implicit => Tls::Wrapper(parameters(email)?),
            MailTls::StartTls => Tls::Required(parameters(email)?),
            MailTls::None => Tls::None,
        };
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(email.host.as_str())
                .port(email.port)
                .tls(tls)
                .hello_name(hello())
                .timeout(Some(TIMEOUT));
        if let (Some(username), Some(password)) = (&email.username, &email.password) {
            builder = builder.credentials(Credentials::new(username.clone(), password.0.clone()));
        }
        Ok(Self {
            transport: builder.build(),
            from: email.from.clone(),
            to: email.to.clone(),
            show: email.show.clone(),
            people,
        })
    }

    async fn send(&self, entry: &OutboxEntry) -> Result<(), Failure> {
        let message = self.people.read(entry)?;
        let to = match &entry.address {
            Some(address) => Some(
                address
                    .parse()
                    .map_err(|_| Failure::permanent("its address is no e-mail address"))?,
            ),
            None => self.to.clone(),
        };
        let to =
            to.ok_or_else(|| Failure::transient("neither it nor [[email]] names an address"))?;
        let link = self.people.link(entry, &message);
        let written = Letter {
            entry,
            message: &message,
            show: &self.show,
            link: link.as_deref(),
        };
        let letter = written
            .written(&self.from, to)
            .map_err(|error| Failure::permanent(format!("no message could be made: {error}")))?;
        match tokio::time::timeout(WHOLE, self.transport.send(letter)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(refused(error)),
            Err(_) => Err(Failure::transient("the mail server did not answer in time")),
        }
    }
}

impl Receiver for Email {
    fn deliver<'a>(&'a self, entry: &'a OutboxEntry) -> BoxFuture<'a, Result<(), Failure>> {
        self.send(entry).boxed()
    }

    /// Mail servers count connections.
    fn concurrent(&self) -> usize {
        4
    }
}

fn parameters(email: &config::Email) -> anyhow::Result<TlsParameters> {
    let mut builder = TlsParameters::builder(email.host.clone());
    if let Some(ca) = &email.ca {
        let pem = std::fs::read(ca).with_context(|| format!("cannot read {}", ca.display()))?;
        let roots = Certificate::from_pem(&pem)
            .with_context(|| format!("cannot read certificates from {}", ca.display()))?;
        builder = builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(roots);
    }
    builder
        .build()
        .with_context(|| format!("TLS for e-mail receiver {}", email.name))
}

/// The name of this machine, or what stands for one that has none.
fn hello() -> ClientId {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if host.is_empty() || !host.chars().all(plain) {
        return ClientId::default();
    }
    ClientId::Domain(host.to_owned())
}

fn refused(error: lettre::transport::smtp::Error) -> Failure {
    let Some(code) = error.status() else {
        return Failure::transient(format!("{:#}", anyhow::Error::new(error)));
    };
    let number = u16::from(code);
    let why = format!("the mail server answered {number}");
    let said = std::error::Error::source(&error).map(ToString::to_string);
    if error.is_permanent() && is_final(number, &said.unwrap_or_default()) {
        Failure::permanent(why)
    } else {
        Failure::transient(why)
    }
}

/// Whether an answer of 5xx is about the address or the message: the same would be refused again.
fn is_final(number: u16, said: &str) -> bool {
    !OURS.contains(&number)
        && !THEIRS
            .iter()
            .any(|subject| said.trim_start().starts_with(subject))
}

/// What goes into one message.
struct Letter<'a> {
    entry: &'a OutboxEntry,
    message: &'a Message,
    show: &'a Show,
    link: Option<&'a str>,
}

impl Letter<'_> {
    /// The message. Its id is the same at every attempt, and all of one group hang on one thread.
    fn written(
        &self,
        from: &Mailbox,
        to: Mailbox,
    ) -> Result<lettre::Message, lettre::error::Error> {
        let domain = from.email.domain();
        let own = |name: &str| format!("<{}@{domain}>", self.name(name, &to));
        let thread = own(&format!("thread {}", self.entry.stream));
        let id = own(&format!("message {}", self.entry.idempotency_key));
        let generated = HeaderName::new_from_ascii_str("Auto-Submitted");
        let mut builder = lettre::Message::builder()
            .from(from.clone())
            // When it was decided: one that comes late is not new.
            .date(
                SystemTime::UNIX_EPOCH
                    + Duration::from_micros(self.message.at.max(0).unsigned_abs()),
            )
            .message_id(Some(id))
            .in_reply_to(thread.clone())
            .references(thread)
            // RFC 3834: no answer by machines is wanted.
            .raw_header(HeaderValue::new(generated, "auto-generated".to_owned()))
            .subject(format!("[Wardline] {}", self.message.heading(self.show)));
        if self.message.priority == "high" && self.message.kind != "resolved" {
            let importance = HeaderName::new_from_ascii_str("Importance");
            builder = builder.raw_header(HeaderValue::new(importance, "high".to_owned()));
        }
        builder
            .to(to)
            .header(ContentType::TEXT_PLAIN)
            .body(self.text())
    }

    /// Opaque, and different for each receiver.
    fn name(&self, name: &str, to: &Mailbox) -> String {
        let text = format!("{name}\n{}\n{}", self.entry.destination, to.email);
        let hash = Sha256::digest(text.as_bytes());
        let hex: String = hash.iter().take(16).map(|b| format!("{b:02x}")).collect();
        format!("wardline.{hex}")
    }

    fn text(&self) -> String {
        let heading = self.message.heading(self.show);
        let mut text = format!("{heading}\n{}\n", self.message.as_of());
        for alert in self.message.alerts.iter().take(NAMED) {
            text.push('\n');
            for (name, value) in alert.facts(self.show) {
                text.push_str(&format!("{name}: {value}\n"));
            }
        }
        let more = self.message.alerts.len().saturating_sub(NAMED);
        if more > 0 {
            text.push_str(&format!("\nand {more} more\n"));
        }
        if let Some(link) = self.link {
            text.push_str(&format!(
                "\nAcknowledge (opens a page that asks again; good once, within the hour):\n{link}\n"
            ));
        }
        text
    }
}

#[cfg(test)]
mod tests;
