//! `wardline verify`.

use std::fs::{File, TryLockError};
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use wardline_store::registry::Registry;

use crate::cli::Verify;
use crate::exit::Exit;
use crate::output;

pub(super) async fn run(verify: &Verify) -> anyhow::Result<Exit> {
    if !verify.data_dir.join("FORMAT").try_exists()? {
        bail!(
            "{} is no data directory: it has no FORMAT file",
            verify.data_dir.display()
        );
    }
    let _lock = unserved(&verify.data_dir)?;
    let report = wardline_store::verify(&verify.data_dir).await?;
    let counts = [
        ("log", report.log_records, "records"),
        ("tables", report.rows, "rows"),
    ];
    let mut findings: Vec<_> = counts
        .map(|(part, count, what)| json!({"part": part, "ok": true, "detail": format!("{count} {what} read")}))
        .into();
    findings.extend(report.findings.iter().map(|finding| {
        json!({"part": finding.file.display().to_string(), "ok": false, "detail": finding.what})
    }));
    findings.extend(registry(&wardline_store::registry_path(&verify.data_dir)));
    let sound = findings.iter().all(|finding| finding["ok"] == true);
    output::list(
        &findings,
        &[("part", "/part"), ("ok", "/ok"), ("detail", "/detail")],
        verify.output.format,
    )?;
    Ok(if sound { Exit::Done } else { Exit::Problems })
}

/// What the registry says of itself; one that cannot be read is a finding, not the end of the check.
fn registry(path: &Path) -> Vec<Value> {
    let finding =
        |part: &str, ok: bool, detail: String| json!({"part": part, "ok": ok, "detail": detail});
    // Opening would make one that is not there.
    if !path.is_file() {
        return vec![finding(
            "registry",
            false,
            format!("{} is missing", path.display()),
        )];
    }
    let registry = match Registry::open(path) {
        Ok(registry) => registry,
        Err(error) => return vec![finding("registry", false, error.to_string())],
    };
    let whole = match registry.integrity_check() {
        Ok(faults) => finding("registry", faults.is_empty(), faults.join("; ")),
        Err(error) => finding("registry", false, error.to_string()),
    };
    let audit = match registry.verify_audit() {
        Ok(audit) => match &audit.fault {
            Some((row, what)) => finding("audit", false, format!("row {row}: {what}")),
            None => finding("audit", true, format!("{} rows in one chain", audit.rows)),
        },
        Err(error) => finding("audit", false, error.to_string()),
    };
    vec![whole, audit]
}

/// Keeps others off the directory while it is read: what a server writes meanwhile would look like damage.
/// A backup has no lock file, and nobody serves it.
fn unserved(dir: &Path) -> anyhow::Result<Option<File>> {
    let path = dir.join("lock");
    let mut lock = match File::open(&path) {
        Ok(lock) => lock,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot open {}", path.display())),
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            lock.read_to_string(&mut holder)?;
            bail!(
                "data directory {} is in use by {}",
                dir.display(),
                holder.trim()
            )
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}
