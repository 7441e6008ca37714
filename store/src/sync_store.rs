//! The object store under the tables: the local file system, made durable.
//!
//! `object_store`'s local file system never syncs, and even a sync after its `put` comes too late:
//! between the rename and the sync a crash can leave a visible file without its bytes, and a torn
//! entry of the Delta log would make the table unreadable. So a file is written in this order:
//!
//! 1. staged under a name that listings skip, 2. synced, 3. given its name, 4. the directory
//!    synced, and before it every directory that had to be made.
//!
//! Only then does the call return. Uploads in parts are collected and written the same way; the
//! only ones are the table's checkpoints.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
    UploadPart,
};

/// What was synced; the tests count on it.
#[derive(Debug, Default)]
pub(crate) struct Syncs {
    pub(crate) files: AtomicU64,
    pub(crate) directories: AtomicU64,
    /// A sync failed. What is on the disk is not known any more, so nothing is written after it.
    failed: AtomicBool,
}

/// The local file system whose writes are durable when they return.
#[derive(Clone, Debug)]
pub(crate) struct SyncStore {
    inner: Arc<LocalFileSystem>,
    syncs: Arc<Syncs>,
    /// Whether to sync at all; off only in a sabotaged build.
    sync: bool,
}

impl std::fmt::Display for SyncStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SyncStore")
    }
}

impl SyncStore {
    pub(crate) fn new(sync: bool) -> Self {
        Self {
            inner: Arc::new(LocalFileSystem::new()),
            syncs: Arc::default(),
            sync,
        }
    }

    #[cfg(test)]
    pub(crate) fn syncs(&self) -> (u64, u64) {
        (
            self.syncs.files.load(Ordering::SeqCst),
            self.syncs.directories.load(Ordering::SeqCst),
        )
    }

    /// Whether a sync failed; from then on every write is refused.
    pub(crate) fn failed(&self) -> bool {
        self.syncs.failed.load(Ordering::SeqCst)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
            .inspect_err(|_| self.syncs.failed.store(true, Ordering::SeqCst))
    }

    fn sync_file(&self, file: &File) -> io::Result<()> {
        if self.sync {
            self.sync(file)?;
            self.syncs.files.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &FsPath) -> io::Result<()> {
        if self.sync {
            self.sync(&File::open(dir)?)?;
            self.syncs.directories.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Makes missing directories, each entry synced.
    fn make_dirs(&self, dir: &FsPath) -> io::Result<()> {
        let mut missing = Vec::new();
        let mut at = dir;
        while !at.try_exists()? {
            missing.push(at.to_path_buf());
            match at.parent() {
                Some(parent) => at = parent,
                None => break,
            }
        }
        for made in missing.into_iter().rev() {
            match fs::DirBuilder::new().mode(0o700).create(&made) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
            if let Some(parent) = made.parent() {
                self.sync_dir(parent)?;
            }
        }
        Ok(())
    }

    fn write(&self, path: &FsPath, payload: &PutPayload, create: bool) -> io::Result<()> {
        let parent = path
            .parent()
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        if self.failed() {
            return Err(io::Error::other("an earlier sync failed"));
        }
        self.make_dirs(parent)?;
        let (mut file, staged) = stage(path)?;
        let written = payload
            .iter()
            .try_for_each(|part| file.write_all(part))
            .and_then(|()| self.sync_file(&file))
            .and_then(|()| {
                if create {
                    fs::hard_link(&staged, path)?;
                    fs::remove_file(&staged)
                } else {
                    fs::rename(&staged, path)
                }
            });
        if let Err(error) = written {
            match fs::remove_file(&staged) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => tracing::warn!(error = %e, "a staged table file could not be removed"),
            }
            return Err(error);
        }
        self.sync_dir(parent)
    }

    async fn put_synced(&self, location: &Path, payload: PutPayload, create: bool) -> Result<()> {
        let path = self.inner.path_to_filesystem(location)?;
        let this = self.clone();
        let shown = location.to_string();
        blocking(move || {
            this.write(&path, &payload, create)
                .map_err(|source| put_error(source, shown))
        })
        .await
    }

    /// Syncs a file that was given its name by the wrapped store, and its directory.
    async fn settle(&self, location: &Path, from: Option<&Path>) -> Result<()> {
        let path = self.inner.path_to_filesystem(location)?;
        let from = from.map(|f| self.inner.path_to_filesystem(f)).transpose()?;
        let this = self.clone();
        let shown = location.to_string();
        blocking(move || {
            let run = || -> io::Result<()> {
                let file = File::open(&path)?;
                file.set_permissions(Permissions::from_mode(0o600))?;
                this.sync_file(&file)?;
                for dir in [Some(&path), from.as_ref()].into_iter().flatten() {
                    if let Some(parent) = dir.parent() {
                        this.sync_dir(parent)?;
                    }
                }
                Ok(())
            };
            run().map_err(|source| put_error(source, shown))
        })
        .await
    }

    /// Makes the directory that a file will lie in.
    async fn prepare(&self, location: &Path) -> Result<()> {
        let path = self.inner.path_to_filesystem(location)?;
        let this = self.clone();
        let shown = location.to_string();
        blocking(move || match path.parent() {
            Some(parent) => this
                .make_dirs(parent)
                .map_err(|source| put_error(source, shown)),
            None => Ok(()),
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(source) => Err(object_store::Error::JoinError { source }),
    }
}

fn put_error(source: io::Error, path: String) -> object_store::Error {
    if source.kind() == io::ErrorKind::AlreadyExists {
        object_store::Error::AlreadyExists {
            path,
            source: source.into(),
        }
    } else {
        object_store::Error::Generic {
            store: "SyncStore",
            source: source.into(),
        }
    }
}

/// Opens a new file next to `path` under a name that listings skip (`name#n`).
fn stage(path: &FsPath) -> io::Result<(File, PathBuf)> {
    for n in 1_u32.. {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("#{n}"));
        let staged = PathBuf::from(name);
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&staged)
        {
            Ok(file) => return Ok((file, staged)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

#[async_trait::async_trait]
impl ObjectStore for SyncStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let create = match opts.mode {
            PutMode::Overwrite => false,
            PutMode::Create => true,
            PutMode::Update(_) => {
                return Err(object_store::Error::NotImplemented {
                    operation: "put with PutMode::Update".into(),
                    implementer: self.to_string(),
                });
            }
        };
        self.put_synced(location, payload, create).await?;
        Ok(PutResult {
            e_tag: None,
            version: None,
        })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(Upload {
            store: self.clone(),
            location: location.clone(),
            parts: Vec::new(),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.prepare(to).await?;
        self.inner.copy_opts(from, to, options).await?;
        self.settle(to, None).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.prepare(to).await?;
        self.inner.rename_opts(from, to, options).await?;
        self.settle(to, Some(from)).await
    }
}

/// An upload whose parts are kept until it is complete.
#[derive(Debug)]
struct Upload {
    store: SyncStore,
    location: Path,
    parts: Vec<PutPayload>,
}

#[async_trait::async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts.push(data);
        Box::pin(async { Ok(()) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let payload: PutPayload = self.parts.drain(..).flatten().collect();
        self.store
            .put_opts(&self.location, payload, PutOptions::default())
            .await
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;

    #[tokio::test]
    async fn every_way_to_write_syncs_file_and_directories() {
        let dir = tempfile::tempdir().unwrap();
        let store = SyncStore::new(true);
        let root = Path::from_absolute_path(dir.path()).unwrap();
        let at = |name: &str| Path::from(format!("{root}/{name}"));
        store.put(&at("a/b/one"), "1".into()).await.unwrap();
        // Two new directories, each synced in its parent, and the file's own.
        assert_eq!(store.syncs(), (1, 3));
        store.put(&at("a/b/two"), "2".into()).await.unwrap();
        assert_eq!(store.syncs(), (2, 4));
        let mut upload = store.put_multipart(&at("a/three")).await.unwrap();
        upload.put_part("3".into()).await.unwrap();
        upload.put_part("4".into()).await.unwrap();
        upload.complete().await.unwrap();
        assert_eq!(store.syncs(), (3, 5));
        store.copy(&at("a/three"), &at("c/four")).await.unwrap();
        assert_eq!(store.syncs(), (4, 7));
        store.rename(&at("c/four"), &at("a/five")).await.unwrap();
        assert_eq!(store.syncs(), (5, 9));
        let bytes = store
            .get(&at("a/five"))
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert_eq!(bytes.as_ref(), b"34");
    }

    #[tokio::test]
    async fn create_never_replaces_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let store = SyncStore::new(true);
        let path = Path::from_absolute_path(dir.path().join("x")).unwrap();
        let create = PutOptions::from(PutMode::Create);
        store
            .put_opts(&path, "1".into(), create.clone())
            .await
            .unwrap();
        let again = store.put_opts(&path, "2".into(), create).await;
        assert!(matches!(
            again,
            Err(object_store::Error::AlreadyExists { .. })
        ));
        let names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(names, ["x"]);
        let mode = fs::metadata(dir.path().join("x"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
