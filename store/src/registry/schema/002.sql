-- Gateways: the installation's own authority, what it issued, and commands.

CREATE TABLE authority (
  one         INTEGER PRIMARY KEY CHECK (one = 1),
  certificate TEXT NOT NULL,              -- PEM
  key         TEXT NOT NULL,              -- PEM, PKCS #8
  made_at     INTEGER NOT NULL
) STRICT;

CREATE TABLE enrolment_code (
  hash       BLOB PRIMARY KEY,            -- SHA-256 of the code
  gateway    TEXT NOT NULL UNIQUE,        -- the latest alone is good
  author     TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE gateway_certificate (
  fingerprint  BLOB PRIMARY KEY,          -- SHA-256 of the certificate in DER
  serial       TEXT NOT NULL UNIQUE,      -- hex
  gateway      TEXT NOT NULL,
  site         TEXT NOT NULL,
  issued_at    INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  renewed_from TEXT,                      -- serial; NULL when enrolled by a code
  revoked_at   INTEGER,
  reason       TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX gateway_certificate_gateway ON gateway_certificate (gateway, issued_at);

CREATE TABLE gateway_command (
  id         TEXT PRIMARY KEY,
  gateway    TEXT NOT NULL,
  command    TEXT NOT NULL,
  args       TEXT NOT NULL,               -- JSON, secrets left out
  author     TEXT NOT NULL,
  sent_at    INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  replied_at INTEGER,
  reply      TEXT                         -- JSON as the gateway sent it
) STRICT, WITHOUT ROWID;
CREATE INDEX gateway_command_sent ON gateway_command (sent_at);
