//! `wardline verify`.

use serde_json::json;

use crate::cli::Verify;
use crate::exit::Exit;
use crate::output;

pub(super) async fn run(verify: &Verify) -> anyhow::Result<Exit> {
    if !verify.data_dir.join("FORMAT").try_exists()? {
        anyhow::bail!("{} is no data directory: it has no FORMAT file", verify.data_dir.display());
    }
    let report = wardline_store::verify(&verify.data_dir).await?;
    let counts = [("log", report.log_records, "records"), ("tables", report.rows, "rows")];
    let mut findings: Vec<_> = counts
        .map(|(part, count, what)| json!({"part": part, "ok": true, "detail": format!("{count} {what} read")}))
        .into();
    findings.extend(report.findings.iter().map(|finding| {
        json!({"part": finding.file.display().to_string(), "ok": false, "detail": finding.what})
    }));
    let registry = wardline_store::registry::Registry::open(&wardline_store::registry_path(&verify.data_dir))?;
    let faults = registry.integrity_check()?;
    findings.push(json!({"part": "registry", "ok": faults.is_empty(), "detail": faults.join("; ")}));
    let audit = registry.verify_audit()?;
    let detail = match &audit.fault {
        Some((row, what)) => format!("row {row}: {what}"),
        None => format!("{} rows in one chain", audit.rows),
    };
    findings.push(json!({"part": "audit", "ok": audit.fault.is_none(), "detail": detail}));
    let sound = findings.iter().all(|finding| finding["ok"] == true);
    output::list(&findings, &[("part", "/part"), ("ok", "/ok"), ("detail", "/detail")], verify.output.format)?;
    Ok(if sound { Exit::Done } else { Exit::Problems })
}
