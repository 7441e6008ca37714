//! Gateways: the installation's own authority, enrolment codes, and the certificates it issued.
//!
//! A certificate is good while its fingerprint is here, unrevoked and unexpired: what the registry
//! does not know is refused, whoever signed it. All good ones are held in memory, so a handshake
//! touches no disk, and a revocation holds from the moment its method returns.

mod table;

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::db;
use super::{Error, Micros, Registry, Result, Touch, id, shared};

pub(super) use table::GatewayTable;

/// SHA-256 of a certificate in DER.
pub type Fingerprint = [u8; 32];

/// The authority's certificate and key, both PEM. `Debug` shows no key.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredAuthority {
    /// Its certificate.
    pub certificate: String,
    /// Its private key, PKCS #8.
    pub key: String,
}

impl std::fmt::Debug for StoredAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredAuthority")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// A code that enrols one gateway once. Print it; it cannot be had again.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolmentCode {
    code: String,
    /// When it stops being good.
    pub expires_at: Micros,
}

impl EnrolmentCode {
    /// The code to type, `XXXX-XXXX-XXXX-XXXX`.
    pub fn expose(&self) -> &str {
        &self.code
    }
}

impl std::fmt::Debug for EnrolmentCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrolmentCode")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A certificate just made, to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCertificate {
    /// SHA-256 of its DER.
    pub fingerprint: Fingerprint,
    /// Serial number in hex.
    pub serial: String,
    /// Site it names.
    pub site: String,
    /// When it ends.
    pub expires_at: Micros,
}

/// Why a certificate is no longer good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevocationReason {
    /// Somebody took the gateway's right away.
    Revoked,
    /// A later one took its place.
    Superseded,
}

impl RevocationReason {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Superseded => "superseded",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Revoked, Self::Superseded]
            .into_iter()
            .find(|reason| reason.as_str() == text)
    }
}

/// A gateway's certificate as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayCertificate {
    /// SHA-256 of its DER.
    pub fingerprint: Fingerprint,
    /// Serial number in hex.
    pub serial: String,
    /// The gateway it names.
    pub gateway: String,
    /// The site it names.
    pub site: String,
    /// When it was issued.
    pub issued_at: Micros,
    /// When it ends.
    pub expires_at: Micros,
    /// Serial of the one it renews; `None` when a code enrolled it.
    pub renewed_from: Option<String>,
    /// When it was revoked, and why.
    pub revoked: Option<(Micros, RevocationReason)>,
}

/// A gateway's new certificate, and those that are good no longer because of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued<T> {
    /// The gateway.
    pub gateway: String,
    /// What was made for it.
    pub made: T,
    /// Fingerprints revoked in the same transaction.
    pub superseded: Vec<Fingerprint>,
}

/// Characters of a code: 80 bits, which nobody guesses in a quarter of an hour at any rate.
const CODE_LENGTH: usize = 16;
/// Certificates of one gateway in an hour: far above any need, and a bound on what a gateway can
/// make the registry hold.
const MOST_AN_HOUR: i64 = 20;
const HOUR: Micros = 3_600_000_000;
/// How long an expired certificate is remembered, for people.
const REMEMBERED: Micros = 400 * 24 * HOUR;

const COLUMNS: &str =
    "fingerprint, serial, gateway, site, issued_at, expires_at, renewed_from, revoked_at, reason";

fn read_row(row: &Row<'_>) -> rusqlite::Result<GatewayCertificate> {
    let revoked_at: Option<Micros> = row.get(7)?;
    let revoked = match revoked_at {
        Some(at) => Some((at, db::word(row, 8, RevocationReason::parse)?)),
        None => None,
    };
    Ok(GatewayCertificate {
        fingerprint: row.get(0)?,
        serial: row.get(1)?,
        gateway: row.get(2)?,
        site: row.get(3)?,
        issued_at: row.get(4)?,
        expires_at: row.get(5)?,
        renewed_from: row.get(6)?,
        revoked,
    })
}

/// As typed by people: case, spaces and hyphens do not matter, nor O for 0 and I or L for 1
/// (Crockford's base32).
fn hash(code: &str) -> [u8; 32] {
    let plain: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            c => c,
        })
        .collect();
    Sha256::digest(plain).into()
}

fn revoke(
    conn: &Connection,
    gateway: &str,
    except: Option<&Fingerprint>,
    reason: RevocationReason,
    clock: Micros,
) -> Result<Vec<Fingerprint>> {
    let mut statement = conn.prepare_cached(
        "UPDATE gateway_certificate SET revoked_at = ?1, reason = ?2
         WHERE gateway = ?3 AND revoked_at IS NULL AND expires_at > ?1 AND fingerprint IS NOT ?4
         RETURNING fingerprint",
    )?;
    let rows = statement.query_map(params![clock, reason.as_str(), gateway, except], |row| {
        row.get(0)
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn keep(
    conn: &Connection,
    gateway: &str,
    new: &NewCertificate,
    renewed_from: Option<&str>,
    clock: Micros,
) -> Result<()> {
    id::check("certificate", "site", &new.site)?;
    conn.prepare_cached("DELETE FROM gateway_certificate WHERE expires_at < ?")?
        .execute([clock - REMEMBERED])?;
    conn.prepare_cached(
        "INSERT INTO gateway_certificate
           (fingerprint, serial, gateway, site, issued_at, expires_at, renewed_from)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        new.fingerprint,
        new.serial,
        gateway,
        new.site,
        clock,
        new.expires_at,
        renewed_from
    ])?;
    Ok(())
}

impl Registry {
    /// The installation's own authority, once there is one.
    ///
    /// # Errors
    /// The database failed.
    pub fn authority(&self) -> Result<Option<StoredAuthority>> {
        self.read(authority)
    }

    /// Keeps an authority, or gives the one that is there already: it is made once.
    ///
    /// # Errors
    /// The database failed.
    pub fn keep_authority(&self, new: &StoredAuthority, clock: Micros) -> Result<StoredAuthority> {
        self.write(Touch::NOTHING, |conn| {
            conn.prepare_cached(
                "INSERT INTO authority (one, certificate, key, made_at) VALUES (1, ?, ?, ?)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![new.certificate, new.key, clock])?;
            authority(conn)?.ok_or_else(|| Error::not_found("authority", 1))
        })
    }

    /// Makes a code that enrols `gateway` once, until `clock + life`. An earlier one for it is good
    /// no longer.
    ///
    /// # Errors
    /// The gateway's id is none.
    pub fn enrolment_code(
        &self,
        gateway: &str,
        author: &str,
        clock: Micros,
        life: Micros,
    ) -> Result<EnrolmentCode> {
        id::check("gateway", "id", gateway)?;
        let plain = id::generate().to_ascii_uppercase();
        debug_assert_eq!(plain.len(), CODE_LENGTH);
        let groups: Vec<&str> = plain
            .as_bytes()
            .chunks(4)
            .filter_map(|group| std::str::from_utf8(group).ok())
            .collect();
        let code = EnrolmentCode {
            code: groups.join("-"),
            expires_at: clock.saturating_add(life),
        };
        self.write(Touch::NOTHING, |conn| {
            conn.prepare_cached("DELETE FROM enrolment_code WHERE gateway = ? OR expires_at <= ?")?
                .execute(params![gateway, clock])?;
            conn.prepare_cached(
                "INSERT INTO enrolment_code (hash, gateway, author, created_at, expires_at)
                 VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![
                hash(&code.code),
                gateway,
                author,
                clock,
                code.expires_at
            ])?;
            Ok(())
        })?;
        Ok(code)
    }

    /// Uses a code up: `make` gets the gateway it is for and makes its certificate. Whatever the
    /// gateway had before is superseded: a new code is for a new machine. `None` for a code that is
    /// not good, whatever the reason; nothing has changed then, nor after an error.
    ///
    /// # Errors
    /// `make` failed.
    pub fn enrol<T>(
        &self,
        code: &str,
        clock: Micros,
        make: impl FnOnce(&str) -> Result<(NewCertificate, T)>,
    ) -> Result<Option<Issued<T>>> {
        self.write(Touch::GATEWAYS, |conn| {
            let gateway: Option<String> = conn
                .prepare_cached(
                    "DELETE FROM enrolment_code WHERE hash = ? AND expires_at > ? RETURNING gateway",
                )?
                .query_row(params![hash(code), clock], |row| row.get(0))
                .optional()?;
            let Some(gateway) = gateway else {
                return Ok(None);
            };
            let (new, made) = make(&gateway)?;
            let superseded = revoke(conn, &gateway, None, RevocationReason::Superseded, clock)?;
            keep(conn, &gateway, &new, None, clock)?;
            Ok(Some(Issued {
                gateway,
                made,
                superseded,
            }))
        })
    }

    /// Renews a good certificate; the caller has seen that who asks holds its key. It stays good
    /// beside the new one, for the answer may be lost; any other of the gateway is superseded.
    ///
    /// # Errors
    /// [`Error::State`] when it is not good, or the gateway has renewed too often.
    pub fn renew<T>(
        &self,
        fingerprint: &Fingerprint,
        clock: Micros,
        make: impl FnOnce(&str) -> Result<(NewCertificate, T)>,
    ) -> Result<Option<Issued<T>>> {
        self.write(Touch::GATEWAYS, |conn| {
            let present = conn
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM gateway_certificate
                     WHERE fingerprint = ? AND revoked_at IS NULL AND expires_at > ?"
                ))?
                .query_row(params![fingerprint, clock], read_row)
                .optional()?;
            let Some(present) = present else {
                return Ok(None);
            };
            let gateway = present.gateway;
            let recent: i64 = conn
                .prepare_cached(
                    "SELECT count(*) FROM gateway_certificate WHERE gateway = ? AND issued_at > ?",
                )?
                .query_row(params![gateway, clock - HOUR], |row| row.get(0))?;
            if recent >= MOST_AN_HOUR {
                return Err(Error::State {
                    entity: "gateway",
                    id: gateway,
                    problem: "has renewed its certificate too often within the hour".to_owned(),
                });
            }
            let (new, made) = make(&gateway)?;
            let reason = RevocationReason::Superseded;
            let superseded = revoke(conn, &gateway, Some(fingerprint), reason, clock)?;
            keep(conn, &gateway, &new, Some(&present.serial), clock)?;
            Ok(Some(Issued {
                gateway,
                made,
                superseded,
            }))
        })
    }

    /// Takes a gateway's certificates and any unused code away, at once; gives the fingerprints.
    /// Doing it again changes nothing; a later code enrols the gateway anew.
    ///
    /// # Errors
    /// The gateway was never enrolled and has no code.
    pub fn revoke_gateway(&self, gateway: &str, clock: Micros) -> Result<Vec<Fingerprint>> {
        self.write(Touch::GATEWAYS, |conn| {
            let codes = conn
                .prepare_cached("DELETE FROM enrolment_code WHERE gateway = ?")?
                .execute([gateway])?;
            let known = "SELECT 1 FROM gateway_certificate WHERE gateway = ?";
            if codes == 0 && !db::exists(conn, known, [gateway])? {
                return Err(Error::not_found("gateway", gateway));
            }
            revoke(conn, gateway, None, RevocationReason::Revoked, clock)
        })
    }

    /// The good certificate with this fingerprint. No I/O.
    pub fn verify_gateway(
        &self,
        fingerprint: &Fingerprint,
        clock: Micros,
    ) -> Option<Arc<GatewayCertificate>> {
        let found = shared(&self.gateways).good(fingerprint)?;
        (found.expires_at > clock).then_some(found)
    }

    /// Certificates, the latest issued first: of one gateway, or of all.
    ///
    /// # Errors
    /// The database failed.
    pub fn gateway_certificates(&self, gateway: Option<&str>) -> Result<Vec<GatewayCertificate>> {
        self.read(|conn| {
            let mut statement = conn.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM gateway_certificate WHERE ?1 IS NULL OR gateway = ?1
                 ORDER BY issued_at DESC, serial"
            ))?;
            let rows = statement.query_map([gateway], read_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// What a revocation list of this moment names: revoked and not yet expired.
    ///
    /// # Errors
    /// The database failed.
    pub fn revoked_certificates(&self, clock: Micros) -> Result<Vec<GatewayCertificate>> {
        self.read(|conn| {
            let mut statement = conn.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM gateway_certificate
                 WHERE revoked_at IS NOT NULL AND expires_at > ? ORDER BY revoked_at, serial"
            ))?;
            let rows = statement.query_map([clock], read_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn authority(conn: &Connection) -> Result<Option<StoredAuthority>> {
    let mut statement = conn.prepare_cached("SELECT certificate, key FROM authority")?;
    let read = |row: &Row<'_>| {
        Ok(StoredAuthority {
            certificate: row.get(0)?,
            key: row.get(1)?,
        })
    };
    Ok(statement.query_row([], read).optional()?)
}
