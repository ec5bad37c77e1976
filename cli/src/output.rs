//! A file that the program writes: whole under its name, or not there.
//!
//! It is written beside its place and moved there when all of it is written. That it can be, is known when this is
//! made, before the work is done: the folder is there, takes files, and has room. What was under the name before stays
//! until then. Devices and pipes are written as they are.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, OFlags, access, fstatvfs};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use tempfile::{NamedTempFile, TempPath};

use crate::interrupt::Interrupt;

/// How often a pipe without a reader is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// As many links are followed to a file that is not there.
const MOST_LINKS: usize = 40;
/// The least room that a file needs: a block.
const BLOCK: u64 = 4096;

/// A file that is being written. If it is dropped before it is [finished](Output::finish), nothing of it stays.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
    /// Where it lies until it is whole, and where it belongs.
    place: Option<(TempPath, PathBuf)>,
}

impl Output {
    /// Makes an output for `path`, or says why it cannot be written. `size` is what will be written at least.
    /// A named pipe is opened when somebody reads it, or `interrupt` comes.
    pub(crate) fn create(path: &Path, size: u64, interrupt: &Interrupt) -> io::Result<Output> {
        let target = target(path)?;
        let found = match fs::metadata(&target) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        match &found {
            Some(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Some(found) if !found.is_file() => {
                let file = open(&target, found, interrupt)?;
                return Ok(Output { file, place: None });
            }
            // Who may not write a file shall not replace it.
            Some(_) => access(&target, Access::WRITE_OK)?,
            None => {}
        }
        let (folder, name) = (folder(&target), target.file_name().ok_or(io::ErrorKind::InvalidInput)?);
        let (file, beside) = beside(folder, name, found.as_ref())?.into_parts();
        let output = Output { file, place: Some((beside, target)) };
        output.has_room(size.max(1))?;
        Ok(output)
    }

    /// Whether both are one file in the end.
    pub(crate) fn is_for_the_same_as(&self, other: &Output) -> bool {
        let place = |output: &Output| output.place.as_ref().map(|(_, target)| target.clone());
        place(self).is_some_and(|target| place(other) == Some(target))
    }

    /// Fails if it is known that `size` bytes do not fit.
    fn has_room(&self, size: u64) -> io::Result<()> {
        if getrlimit(Resource::Fsize).current.is_some_and(|most| most < size) {
            return Err(Errno::FBIG.into());
        }
        // Systems of files that do not know their size say that they have none.
        if let Ok(room) = fstatvfs(&self.file)
            && room.f_blocks > 0
            && room.f_bavail.saturating_mul(room.f_frsize) < size.max(BLOCK)
        {
            return Err(Errno::NOSPC.into());
        }
        // Quotas are known to those who write.
        (&self.file).write_all(&[0])?;
        self.file.set_len(0)?;
        io::Seek::rewind(&mut &self.file)
    }

    /// All is written: the file gets its name.
    pub(crate) fn finish(self) -> io::Result<()> {
        if let Some((beside, target)) = self.place {
            // Some systems of files (of a network, or with quotas) know only now that there was no room.
            match self.file.sync_data() {
                Err(error) if error.raw_os_error() != Some(Errno::INVAL.raw_os_error()) => return Err(error),
                // Or they know nothing of it.
                _ => {}
            }
            beside.persist(target)?;
        }
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Fails if it is known that what is written to standard output goes nowhere.
pub(crate) fn standard_output_is_read() -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let out = rustix::stdio::stdout();
    let mut looked = [PollFd::new(&out, PollFlags::empty())];
    poll(&mut looked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    if rustix::fs::fcntl_getfl(out)?.intersection(OFlags::ACCMODE) == OFlags::RDONLY {
        return Err(Errno::BADF.into());
    }
    let kind = standard_output()?.file_type();
    if (kind.is_fifo() || kind.is_socket()) && looked[0].revents().contains(PollFlags::ERR) {
        // Nobody can read any more.
        return Err(Errno::PIPE.into());
    }
    match fstatvfs(out) {
        Ok(room) if kind.is_file() && room.f_blocks > 0 && room.f_bavail == 0 => Err(Errno::NOSPC.into()),
        _ => Ok(()),
    }
}

fn standard_output() -> io::Result<Metadata> {
    File::from(rustix::stdio::stdout().try_clone_to_owned()?).metadata()
}

/// Whether standard output is the file `path`.
pub(crate) fn is_standard_output(path: &Path) -> bool {
    match (fs::metadata(path), standard_output()) {
        (Ok(file), Ok(out)) => file.is_file() && (file.dev(), file.ino()) == (out.dev(), out.ino()),
        _ => false,
    }
}

/// The file that a path means: where links lead, also to what is not there yet.
fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::canonicalize(&path) {
            Ok(found) => return Ok(found),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        let Ok(next) = fs::read_link(&path) else {
            // `file_name` would make a file out of `name/` and `name/.`.
            let bytes = path.as_os_str().as_encoded_bytes();
            let (Some(name), false) = (path.file_name(), bytes.ends_with(b"/") || bytes.ends_with(b"/."))
            else {
                return Err(io::ErrorKind::NotFound.into());
            };
            return Ok(fs::canonicalize(folder(&path))?.join(name));
        };
        path = folder(&path).join(next);
    }
    Err(Errno::LOOP.into())
}

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new file in the folder of the one that it will replace, with the same rights.
fn beside(folder: &Path, name: &std::ffi::OsStr, replaces: Option<&Metadata>) -> io::Result<NamedTempFile> {
    let mut hidden = OsString::from(".");
    // With what is added it stays below what a name may have.
    let text = name.to_string_lossy();
    hidden.push(text.chars().take(40).collect::<String>());
    hidden.push(".");
    let file = tempfile::Builder::new()
        .prefix(&hidden)
        .suffix(".part")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    if let Some(replaces) = replaces {
        // Not all systems of files have rights.
        let _ = file.as_file().set_permissions(fs::Permissions::from_mode(replaces.mode() & 0o777));
    }
    Ok(file)
}

/// Opens a device or a pipe.
fn open(path: &Path, found: &Metadata, interrupt: &Interrupt) -> io::Result<File> {
    if !found.file_type().is_fifo() {
        return OpenOptions::new().write(true).open(path);
    }
    let flags = OFlags::NONBLOCK.bits() as i32;
    loop {
        match OpenOptions::new().write(true).custom_flags(flags).open(path) {
            Ok(file) => {
                rustix::fs::fcntl_setfl(&file, OFlags::empty())?;
                return Ok(file);
            }
            Err(error) if error.raw_os_error() != Some(Errno::NXIO.raw_os_error()) => return Err(error),
            Err(_) if interrupt.came() => return Err(io::Error::other("nobody reads it")),
            Err(_) => std::thread::sleep(LOOK),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn create(path: &Path) -> io::Result<Output> {
        Output::create(path, 0, &Interrupt::default())
    }

    fn names(folder: &Path) -> Vec<OsString> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_file_is_there_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut output = create(&path).unwrap();
        output.write_all(b"new").unwrap();
        assert!(!path.exists());
        output.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let mut output = create(&path).unwrap();
        output.write_all(b"newer").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        drop(output);
        assert_eq!(fs::read(&path).unwrap(), b"new", "what was there stays");
        assert_eq!(names(folder.path()), ["file"], "and nothing else");
        create(&path).unwrap().finish().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    }

    #[test]
    fn links_lead_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        symlink("new", path("dangling")).unwrap();
        symlink("dangling", path("link")).unwrap();
        let (one, other) = (create(&path("link")).unwrap(), create(&path("new")).unwrap());
        assert!(one.is_for_the_same_as(&other));
        one.finish().unwrap();
        assert!(path("new").is_file() && path("link").is_symlink());
        symlink("loop", path("loop")).unwrap();
        assert!(create(&path("loop")).is_err());
    }

    #[test]
    fn what_cannot_be_written_is_known_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "").unwrap();
        for name in ["", "no/file", "new/", "new/.", "file/", "file/new", "no/..", &"x".repeat(256)] {
            assert!(create(&path(name)).is_err(), "{name}");
        }
        assert!(Output::create(&path("new"), u64::MAX, &Interrupt::default()).is_err());
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn devices_and_pipes_are_written_as_they_are() {
        let mut output = create(Path::new("/dev/null")).unwrap();
        output.write_all(b"text").unwrap();
        output.finish().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
