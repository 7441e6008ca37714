//! Every byte of the log and the tables, read and checked.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use xxhash_rust::xxh3::Xxh3;

use crate::sync_store::SyncStore;
use crate::table::{Shape, Table, TableFile, checksum_of};
use crate::{Error, shapes};

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Records of the log.
    pub log_records: u64,
    /// Files of the tables.
    pub files: u64,
    /// Rows of the tables.
    pub rows: u64,
    /// What does not hold; empty when all is sound.
    pub findings: Vec<Finding>,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file or directory.
    pub file: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

/// Reads the log and every live file of the tables of a data directory that no process holds.
/// The registry checks itself.
///
/// # Errors
/// The check could not be made; damage is not an error but a finding.
pub async fn verify(data_dir: &Path) -> Result<Report, Error> {
    let mut report = Report::default();
    let log = data_dir.join("log");
    let log = tokio::task::spawn_blocking(move || wardline_log::verify(&log))
        .await
        .map_err(|_| Error::Closed)?
        .map_err(|e| Error::Log(e.to_string()))?;
    report.log_records = log.records;
    report
        .findings
        .extend(log.damage.into_iter().map(|d| Finding {
            file: d.file,
            what: format!("byte {}: {}", d.offset, d.what),
        }));
    let mut committed = 0;
    for shape in [
        shapes::observation(),
        shapes::quarantine(),
        shapes::waveform(),
        shapes::alert(),
    ] {
        let follows_log = shape.name != "alert";
        let position = verify_table(data_dir, shape, &mut report).await?;
        if follows_log {
            committed = committed.max(position);
        }
    }
    if log.last.unwrap_or(committed) < committed {
        report.findings.push(Finding {
            file: data_dir.join("log"),
            what: format!("ends before position {committed}, which the tables have"),
        });
    }
    Ok(report)
}

async fn verify_table(data_dir: &Path, shape: Shape, report: &mut Report) -> Result<u64, Error> {
    let dir = data_dir.join("tables").join(shape.name);
    if !dir
        .join("_delta_log")
        .try_exists()
        .map_err(Error::io("look for a table"))?
    {
        return Ok(0);
    }
    let table = match Table::open(&dir, shape, SyncStore::new(true)).await {
        Ok(table) => table,
        Err(error) => {
            report.findings.push(Finding {
                file: dir,
                what: error.to_string(),
            });
            return Ok(0);
        }
    };
    for file in table.state().files.iter() {
        let path = dir.join(&file.add.path);
        let (file, checked) = (std::sync::Arc::clone(file), path.clone());
        let found = tokio::task::spawn_blocking(move || verify_file(&checked, &file))
            .await
            .map_err(|_| Error::Closed)?;
        match found {
            Ok(rows) => {
                report.files += 1;
                report.rows += rows;
            }
            Err(what) => report.findings.push(Finding { file: path, what }),
        }
    }
    Ok(table.state().position)
}

/// Reads a file wholly, twice: its bytes against the checksum in its name, its rows against the
/// count in the Delta log.
fn verify_file(path: &Path, file: &TableFile) -> Result<u64, String> {
    let open = || File::open(path).map_err(|e| e.to_string());
    let mut reader = BufReader::with_capacity(1 << 20, open()?);
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0_u64;
    loop {
        let n = reader.read(&mut buffer).map_err(|e| e.to_string())?;
        if n == 0 {
            break;
        }
        bytes += n as u64;
        hash.update(buffer.get(..n).unwrap_or_default());
    }
    if bytes != file.size() {
        return Err(format!("{bytes} bytes instead of {}", file.size()));
    }
    if checksum_of(&file.add.path).is_some_and(|sum| sum != hash.digest128()) {
        return Err("the bytes do not fit the checksum".to_owned());
    }
    let rows = ParquetRecordBatchReaderBuilder::try_new(open()?)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(|e| e.to_string())?;
    let mut count = 0_u64;
    for batch in rows {
        count += batch.map_err(|e| e.to_string())?.num_rows() as u64;
    }
    match file.rows() {
        Some(stated) if stated as u64 != count => {
            Err(format!("{count} rows, but the table's log says {stated}"))
        }
        _ => Ok(count),
    }
}
