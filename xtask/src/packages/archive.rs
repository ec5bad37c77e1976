//! Archives that depend on nothing but what is in them: no times, no owners, one order.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The file of sums, as `sha256sum --check` reads it.
const SUMS: &str = "SHA256SUMS";

/// Packs a folder with its name.
pub(super) fn tar_gz(folder: &Path, archive: &Path) -> Result<()> {
    let file = File::create(archive).with_context(|| format!("cannot write {}", archive.display()))?;
    let gzip = GzBuilder::new().mtime(0).write(file, Compression::best());
    let mut tar = tar::Builder::new(gzip);
    tar.mode(tar::HeaderMode::Deterministic);
    tar.follow_symlinks(false);
    for (path, name) in entries(folder)? {
        tar.append_path_with_name(&path, &name).with_context(|| format!("cannot pack {}", path.display()))?;
    }
    tar.into_inner()?.finish()?.sync_all().with_context(|| format!("cannot write {}", archive.display()))
}

/// Packs a folder without links with its name.
pub(super) fn zip(folder: &Path, archive: &Path) -> Result<()> {
    let file = File::create(archive).with_context(|| format!("cannot write {}", archive.display()))?;
    let mut zip = ZipWriter::new(file);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    for (path, name) in entries(folder)? {
        if path.is_dir() {
            zip.add_directory_from_path(&name, options.unix_permissions(0o755))?;
        } else {
            zip.start_file_from_path(&name, options.unix_permissions(0o644))?;
            zip.write_all(&fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?)?;
        }
    }
    zip.finish().with_context(|| format!("cannot write {}", archive.display()))?;
    Ok(())
}

/// Writes the sums of all files in a folder.
pub(super) fn sums(folder: &Path) -> Result<()> {
    let mut text = String::new();
    for (path, name) in entries(folder)? {
        let name = name.strip_prefix(folder.file_name().context("a folder without a name")?)?;
        if path.is_file() && name != Path::new(SUMS) {
            let data = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            for byte in Sha256::digest(data) {
                let _ = write!(text, "{byte:02x}");
            }
            let _ = writeln!(text, "  {}", name.display());
        }
    }
    fs::write(folder.join(SUMS), text).with_context(|| format!("cannot write {SUMS}"))
}

/// Compares two folders of archives that were made of the same.
pub(super) fn same(first: &Path, second: &Path) -> Result<()> {
    let (one, two) = (entries(first)?, entries(second)?);
    if one.len() < 2 || one.len() != two.len() {
        bail!("{} and {} have not the same archives", first.display(), second.display());
    }
    for (path, _) in one.iter().filter(|(path, _)| path.is_file()) {
        let again = second.join(path.strip_prefix(first)?);
        if fs::read(path)? != fs::read(&again).with_context(|| format!("there is no {}", again.display()))? {
            bail!("{} has other bytes when it is made again", path.display());
        }
    }
    Ok(())
}

/// A folder and all that is in it, in one order, with the names that begin with the folder's own.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
    let name = PathBuf::from(folder.file_name().context("a folder without a name")?);
    let mut entries = vec![(folder.to_path_buf(), name)];
    let mut at = 0;
    while let Some((path, name)) = entries.get(at).cloned() {
        at += 1;
        if path.is_dir() && !path.is_symlink() {
            for entry in fs::read_dir(&path).with_context(|| format!("cannot list {}", path.display()))? {
                let entry = entry?;
                entries.push((entry.path(), name.join(entry.file_name())));
            }
        }
    }
    entries.sort();
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A folder `thing` with files that are written in this order.
    fn folder(name: &str, files: &[&str]) -> PathBuf {
        let top = std::env::temp_dir().join(format!("xtask-{}-archive-{name}", std::process::id()));
        let folder = top.join("thing");
        fs::create_dir_all(folder.join("in")).unwrap();
        for file in files {
            fs::write(folder.join(file), file).unwrap();
        }
        fs::set_permissions(folder.join("in/b"), fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    #[test]
    fn the_same_files_are_the_same_bytes() {
        let (one, two) = (folder("one", &["a", "in/b", "c"]), folder("two", &["c", "in/b", "a"]));
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        File::options().write(true).open(two.join("a")).unwrap().set_modified(old).unwrap();
        for folder in [&one, &two] {
            zip(folder, &folder.with_extension("zip")).unwrap();
            symlink("a", folder.join("link")).unwrap();
            tar_gz(folder, &folder.with_extension("tar.gz")).unwrap();
        }
        let (first, second) = (one.parent().unwrap(), two.parent().unwrap());
        same(first, second).unwrap();
        fs::write(second.join("thing.zip"), "other").unwrap();
        assert!(same(first, second).is_err());
        fs::copy(first.join("thing.zip"), second.join("thing.zip")).unwrap();
        for extension in ["tar.gz", "zip"] {
            let read = |folder: &PathBuf| fs::read(folder.with_extension(extension)).unwrap();
            assert!(!read(&one).is_empty());
            assert_eq!(read(&one), read(&two), "{extension}");
        }
        for folder in [one, two] {
            fs::remove_dir_all(folder.parent().unwrap()).unwrap();
        }
    }

    #[test]
    fn sums_are_as_sha256sum_writes_them() {
        let folder = folder("sums", &["in/b"]);
        sums(&folder).unwrap();
        sums(&folder).unwrap();
        let text = fs::read_to_string(folder.join(SUMS)).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert!(text.ends_with("  in/b\n"), "{text}");
        let line = format!("cd {} && sha256sum --check {SUMS}", folder.display());
        let checked = crate::command::Command::new("sh", ["-c", &line]).read();
        assert!(checked.is_ok() || cfg!(not(target_os = "linux")), "{checked:?}");
        fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    }
}
