//! The wall clock of a server, set from outside: Debian's faketime stands between the real program and the time.

use std::path::PathBuf;

use tempfile::TempDir;

#[derive(Debug)]
pub(crate) struct Clock {
    dir: TempDir,
}

impl Clock {
    /// The true time, so far.
    pub(crate) fn new() -> Self {
        let clock = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        clock.ahead(0);
        clock
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("time")
    }

    /// So many seconds ahead of the true time from now on.
    pub(crate) fn ahead(&self, seconds: u32) {
        let next = self.dir.path().join("next");
        std::fs::write(&next, format!("+{seconds}")).unwrap();
        std::fs::rename(next, self.file()).unwrap();
    }

    /// What a program needs to see it.
    pub(crate) fn env(&self) -> Vec<(String, String)> {
        let file = self.file().to_str().unwrap().to_owned();
        let library = library().to_str().unwrap().to_owned();
        let pairs = [
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", &file),
            ("FAKETIME_NO_CACHE", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
        ];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        pairs.into_iter().map(owned).collect()
    }
}

fn library() -> PathBuf {
    let found = std::fs::read_dir("/usr/lib")
        .unwrap()
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.is_file());
    found.expect("faketime is installed by `make test`")
}
