//! Folders of names on Linux, and the files in them.
//!
//! A name `N` is the socket `N` and the lock file `N~lock`: who holds the lock owns the name, and the kernel drops the lock
//! of a process that dies. Names cannot contain `~`.
//!
//! But for a fork of that process, which has the same lock as long as it lives. So the owner's stamp stands in the file, and
//! the lock of an owner who is dead is nobody's: the file is removed, never locked again, and the next owner makes a new one.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::net::SocketAddrUnix;

use crate::error::{Error, Result, Status};
use crate::sys::posix::{beyond_standard, made, system_error};
use crate::sys::process::ProcessStamp;

/// Where names can be, the best place first: `$XDG_RUNTIME_DIR/surfaceport`, `/run/user/<uid>/surfaceport`, and
/// `/tmp/surfaceport-<uid>`. Processes of one user can have different environments, so that a name is in all of these.
fn places() -> Vec<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    // Another user's, as `su` leaves it in the environment, is not ours to make a folder in: it would shut its owner
    // out.
    let is_ours = |path: &PathBuf| {
        path.is_absolute() && rustix::fs::stat(path).is_ok_and(|status| status.st_uid == user)
    };
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let runtime = runtime.into_iter().chain([PathBuf::from(format!("/run/user/{user}"))]).filter(is_ours);
    runtime.map(|path| path.join("surfaceport")).chain([format!("/tmp/surfaceport-{user}").into()]).collect()
}

/// Which file it is, whatever its name. No other one is it while somebody has it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    fn of(status: &Stat) -> Self {
        Self { device: status.st_dev, inode: status.st_ino }
    }
}

/// The lock of a name, which is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: OwnedFd,
    id: FileId,
}

/// What became of an attempt to lock a name.
pub(super) enum Locking {
    Locked(Lock),
    /// Somebody has it.
    Held,
    /// There is no lock file, and none was to be made.
    Missing,
}

/// An open folder of names.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    fd: OwnedFd,
    id: FileId,
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

/// Locked by who removes what a dead owner left. No name, and no number, which is what the other files that begin so have.
const REMOVING: &str = "~removing";

fn lock_file(name: &str) -> String {
    format!("{name}~lock")
}

/// Who has made a lock file and locked it, once that is written.
fn stamp_in(lock: &OwnedFd) -> Option<ProcessStamp> {
    let mut bytes = [0; size_of::<u64>()];
    let read = rustix::io::pread(lock, &mut bytes, 0);
    (read == Ok(bytes.len())).then(|| ProcessStamp::from_shared(u64::from_le_bytes(bytes)))
}

impl Folder {
    /// All folders that can be used; those that are missing are made if `make` says so.
    ///
    /// Errors: why the first cannot be used. The others are there if they can be.
    pub(super) fn open_all(make: bool) -> Result<Vec<Self>> {
        let mut folders: Vec<Self> = Vec::new();
        for (index, path) in places().into_iter().enumerate() {
            match Self::open(&path, make || index == 0) {
                // One folder can have two paths.
                Ok(folder) if folders.iter().any(|known| known.id == folder.id) => {}
                Ok(folder) => folders.push(folder),
                Err(error) if index == 0 || error.status() == Status::ResourceExhausted => return Err(error),
                Err(_) => {}
            }
        }
        Ok(folders)
    }

    /// Refuses one that others could write.
    fn open(path: &Path, make: bool) -> Result<Self> {
        let failed = |errno| system_error(&format!("opening the folder of names {}", path.display()), errno);
        if make {
            match rustix::fs::mkdir(path, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(failed(errno)),
            }
        }
        // Not read, but locked.
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let refused = || {
            Error::new(
                Status::PermissionDenied,
                format!(
                    "the folder of names {} is no folder, belongs to another user or lets others in: remove it, or \
                     set XDG_RUNTIME_DIR to a folder that is yours alone",
                    path.display()
                ),
            )
        };
        let fd = match rustix::fs::open(path, flags, Mode::empty()).and_then(beyond_standard) {
            Ok(fd) => fd,
            // A link at its place is not followed, and is as little to be trusted as another user's folder.
            Err(Errno::LOOP | Errno::NOTDIR | Errno::ACCESS) => return Err(refused()),
            Err(errno) => return Err(failed(errno)),
        };
        let status = rustix::fs::fstat(&fd).map_err(failed)?;
        if status.st_uid != rustix::process::geteuid().as_raw() || status.st_mode & 0o077 != 0 {
            return Err(refused());
        }
        Ok(Self { path: path.to_owned(), id: FileId::of(&status), fd })
    }

    /// The folder that has this one's path now: another one, if this one was removed.
    pub(super) fn reopen(&self) -> Result<Self> {
        Self::open(&self.path, true)
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// Has cleaners that know of such locks, as systemd-tmpfiles, leave the folder alone while this is open.
    pub(super) fn keep_from_cleaners(&self) {
        let _ = rustix::fs::flock(&self.fd, FlockOperation::NonBlockingLockShared);
    }

    /// The path of a file, for calls that take no folder.
    pub(super) fn path_of(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    /// The address at which a socket can be bound to a new file with a short name.
    pub(super) fn address(&self, file: &str) -> Result<SocketAddrUnix> {
        self.short_address(file, || format!("/proc/self/fd/{}/{file}", self.fd.as_raw_fd()))
    }

    /// The address of a socket that is there, of which `fd` is a descriptor.
    pub(super) fn address_of(&self, fd: BorrowedFd<'_>, file: &str) -> Result<SocketAddrUnix> {
        self.short_address(file, || format!("/proc/self/fd/{}", fd.as_raw_fd()))
    }

    /// An address has room for 108 bytes, which is less than many paths have.
    fn short_address(&self, file: &str, by_descriptor: impl FnOnce() -> String) -> Result<SocketAddrUnix> {
        let path = self.path_of(file);
        let address = match SocketAddrUnix::new(&path) {
            Err(Errno::NAMETOOLONG) if rustix::fs::stat("/proc/self/fd").is_ok() => {
                SocketAddrUnix::new(by_descriptor())
            }
            Err(Errno::NAMETOOLONG) => {
                return Err(Error::new(
                    Status::Unsupported,
                    format!(
                        "{} is longer than a socket's address can be, and there is no /proc to shorten it by: mount \
                         /proc, or set XDG_RUNTIME_DIR to a shorter path",
                        path.display()
                    ),
                ));
            }
            address => address,
        };
        address.map_err(|errno| system_error("addressing a name", errno))
    }

    /// The file of that name, which is not followed if it is a link.
    fn status_of(&self, file: &str) -> Result<Option<Stat>> {
        match rustix::fs::statat(&self.fd, file, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(status) => Ok(Some(status)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(system_error(&format!("looking at {}", self.path_of(file).display()), errno)),
        }
    }

    pub(super) fn id_of(&self, file: &str) -> Result<Option<FileId>> {
        Ok(self.status_of(file)?.as_ref().map(FileId::of))
    }

    /// The socket of that name. What is there else is nobody's name.
    pub(super) fn open_socket(&self, name: &str) -> Result<Option<(OwnedFd, FileId)>> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            file => made("looking up a name", file)?,
        };
        let status = rustix::fs::fstat(&file).map_err(|errno| system_error("looking up a name", errno))?;
        let is_socket = FileType::from_raw_mode(status.st_mode) == FileType::Socket;
        Ok(is_socket.then(|| (file, FileId::of(&status))))
    }

    /// Gives a file another name, in the place of what has that.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<()> {
        rustix::fs::renameat(&self.fd, from, &self.fd, to)
            .map_err(|errno| system_error("publishing a name", errno))
    }

    pub(super) fn remove(&self, file: &str) {
        let _ = rustix::fs::unlinkat(&self.fd, file, AtFlags::empty());
    }

    /// Removes it if it is that very file.
    fn remove_if(&self, file: &str, id: FileId) {
        if matches!(self.id_of(file), Ok(Some(there)) if there == id) {
            self.remove(file);
        }
    }

    /// Locks a name if nobody has.
    pub(super) fn lock(&self, name: &str, make: bool) -> Result<Locking> {
        let failed = |errno| system_error(&format!("locking a name in {self}"), errno);
        let file = lock_file(name);
        let mut flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        flags.set(OFlags::CREATE, make);
        // As often as others remove the file while it is being locked: that is for an owner who lets go.
        for _ in 0..1000 {
            let opened = rustix::fs::openat(&self.fd, &file, flags, Mode::RUSR | Mode::WUSR);
            let lock = match opened.and_then(beyond_standard) {
                Err(Errno::NOENT) if !make => return Ok(Locking::Missing),
                lock => lock.map_err(failed)?,
            };
            match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => {
                    if stamp_in(&lock).is_none_or(ProcessStamp::is_alive) {
                        return Ok(Locking::Held);
                    }
                    self.remove_dead(&[name, &file], &lock);
                    continue;
                }
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(failed(errno)),
            }
            if stamp_in(&lock).is_some() {
                self.remove_dead(&[&file], &lock);
                continue;
            }
            // Without it, where it cannot be written, forks keep the name.
            let _ = rustix::io::pwrite(&lock, &ProcessStamp::current().to_shared().to_le_bytes(), 0);
            // A lock on a removed file keeps nobody out.
            let id = FileId::of(&rustix::fs::fstat(&lock).map_err(failed)?);
            if self.id_of(&file)? == Some(id) {
                return Ok(Locking::Locked(Lock { _file: lock, id }));
            }
        }
        Ok(Locking::Held)
    }

    /// Removes files of a dead owner, the last of which is its lock, if that is there still. One process at a time does this,
    /// so that nobody takes the next owner's files for them.
    fn remove_dead(&self, files: &[&str], lock: &OwnedFd) {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.fd, REMOVING, flags, Mode::RUSR | Mode::WUSR);
        let Ok(removing) = opened else { return };
        if rustix::fs::flock(&removing, FlockOperation::NonBlockingLockExclusive).is_err() {
            std::thread::yield_now();
            return;
        }
        if self.is_at(REMOVING, &removing) {
            if files.last().is_some_and(|file| self.is_at(file, lock)) {
                files.iter().for_each(|file| self.remove(file));
            }
            self.remove(REMOVING);
        }
        // Not left to the close, which a fork that is just made does not take part in.
        let _ = rustix::fs::flock(&removing, FlockOperation::Unlock);
    }

    /// Whether a file has a name.
    fn is_at(&self, name: &str, file: &OwnedFd) -> bool {
        let id = rustix::fs::fstat(file).map(|status| FileId::of(&status)).ok();
        id.is_some() && self.id_of(name).is_ok_and(|there| there == id)
    }

    /// Whether the owner of a name is known to be dead, so that whoever listens to its socket is a fork.
    pub(super) fn has_dead_owner(&self, name: &str) -> bool {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let lock = rustix::fs::openat(&self.fd, lock_file(name), flags, Mode::empty());
        lock.is_ok_and(|lock| stamp_in(&lock).is_some_and(|owner| !owner.is_alive()))
    }

    /// Whether the lock is that of the name: its file can have been removed.
    pub(super) fn has_lock(&self, name: &str, lock: &Lock) -> Result<bool> {
        Ok(self.id_of(&lock_file(name))? == Some(lock.id))
    }

    /// Where the lock of a name is.
    pub(super) fn lock_path(&self, name: &str) -> PathBuf {
        self.path_of(&lock_file(name))
    }

    /// A name for a socket that is not yet published. It is the lock's holder's alone.
    pub(super) fn temporary(lock: &Lock) -> String {
        format!("~{:x}", lock.id.inode)
    }

    /// Removes what belongs to a name whose lock is held, and that very socket only. Another's files stay.
    pub(super) fn clear(&self, name: &str, lock: &Lock, socket: Option<FileId>) {
        if let Some(socket) = socket {
            self.remove_if(name, socket);
        }
        self.remove(&Self::temporary(lock));
        self.remove_if(&lock_file(name), lock.id);
    }

    /// Whether somebody holds the name's lock. What a dead owner left is removed: the lock, and the socket `dead`, which
    /// nobody listens to.
    pub(super) fn has_holder(&self, name: &str, dead: Option<FileId>) -> bool {
        match self.lock(name, dead.is_some()) {
            Ok(Locking::Held) => true,
            Ok(Locking::Locked(lock)) => {
                match self.id_of(name) {
                    Ok(there) if there == dead || there.is_none() => self.clear(name, &lock, dead),
                    // An owner who lives, and whose lock was removed.
                    _ => {}
                }
                false
            }
            // Nothing is to be removed, or may be.
            Ok(Locking::Missing) | Err(_) => false,
        }
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
