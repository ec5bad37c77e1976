//! Bootstrap names on Linux: listening sockets in folders that only their user can enter.
//!
//! A name is in each of the folders that this process knows (`folder`), so that processes with another environment find it
//! too, and has one owner in all of them. Nothing is in the abstract namespace, where any user could take a name.
//!
//! Files can be removed by others, such as cleaners of temporary files. Nobody takes a name whose socket can be reached,
//! or whose lock is held; and its owner watches its files and makes them again. Only who has lost both, and was not looking
//! while another process took the name, has lost it: its right is one without a name then.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::event::epoll;
use rustix::fs::inotify::{self, ReadFlags, WatchFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType};

use super::folder::{FileId, Folder, Lock, Locking};
use super::message::peer_credentials;
use super::port::{Identity, LISTENER, NAME_FILES, ReceiveRight, SendRight, ask_for_identity};
use super::uninterrupted;
use crate::error::{Error, Result, Status};
use crate::sys::owner::Owner;
use crate::sys::posix::{beyond_standard, made, system_error, wait_readable};
use crate::time::Deadline;

/// How many look-ups may wait until the owner of a name takes them in.
const BACKLOG: i32 = 128;
/// How often a lock is tried that somebody holds who may only be looking whether its owner lives.
const LOCK_TRIES: usize = 20;
/// How long to wait where no event can be waited for.
const PAUSE: Duration = Duration::from_millis(5);
/// How long to wait for events before a look that is none's: a folder can have been removed and made again.
const LONG_PAUSE: Duration = Duration::from_secs(1);

/// Not blocking, for the connect and the accept; what is sent and received never relies on that.
fn new_socket() -> Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    made("making a socket", rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None))
}

/// The other side's user must be ours: the folder's mode says so already, this is the second lock on the same door. Its
/// process can be in another PID namespace, and has no number here then.
fn check_same_user(socket: BorrowedFd<'_>) -> Result<()> {
    let peer = peer_credentials(socket)
        .map_err(|errno| system_error("asking for the user at the other side of a name", errno))?;
    // One in another user namespace has a number that is nobody's.
    if peer.uid == rustix::process::geteuid().as_raw() {
        Ok(())
    } else {
        Err(Error::fixed(Status::PermissionDenied, "the other side of a name belongs to another user"))
    }
}

fn has_an_owner(name: &str, folder: &Folder) -> Error {
    let message = format!("the name {name} has an owner, in {folder}; end that process or use another name");
    Error::new(Status::AlreadyExists, message)
}

/// What an attempt to connect to a name's owner gave.
enum Attempt {
    Connected(OwnedFd),
    /// Its owner lets the look-ups queue up.
    Busy,
    /// Nobody listens to that socket.
    Refused(FileId),
    /// There is no socket.
    Missing,
}

impl Attempt {
    fn is_owned(&self) -> bool {
        matches!(self, Self::Connected(_) | Self::Busy)
    }
}

fn connect(folder: &Folder, name: &str) -> Result<Attempt> {
    let Some((file, id)) = folder.open_socket(name)? else { return Ok(Attempt::Missing) };
    let socket = new_socket()?;
    let address = folder.address_of(file.as_fd(), name)?;
    match uninterrupted(|| rustix::net::connect(&socket, &address)) {
        // A fork of its owner listens, and will never accept.
        Ok(()) if folder.has_dead_owner(name) => Ok(Attempt::Refused(id)),
        Ok(()) => Ok(Attempt::Connected(socket)),
        Err(Errno::CONNREFUSED) => Ok(Attempt::Refused(id)),
        Err(Errno::NOENT) => Ok(Attempt::Missing),
        Err(Errno::AGAIN) => Ok(Attempt::Busy),
        Err(errno) => Err(system_error(&format!("looking up a name in {folder}"), errno)),
    }
}

/// A name in one folder.
#[derive(Debug)]
struct Place {
    folder: Folder,
    lock: Lock,
    socket: OwnedFd,
    file: FileId,
    /// What watches the two files.
    watches: Vec<i32>,
}

impl Place {
    /// Errors: already exists; permission denied; what the system says.
    fn claim(folder: Folder, name: &str) -> Result<Self> {
        let lock = Self::take_lock(&folder, name)?;
        let claimed = connect(&folder, name).and_then(|attempt| {
            // A cleaner can have taken a living owner's lock.
            if attempt.is_owned() {
                return Err(has_an_owner(name, &folder));
            }
            Self::publish(&folder, &lock, name)
        });
        match claimed {
            Ok((socket, file)) => {
                folder.keep_from_cleaners();
                Ok(Self { folder, lock, socket, file, watches: Vec::new() })
            }
            Err(error) => {
                folder.clear(name, &lock, None);
                Err(error)
            }
        }
    }

    fn take_lock(folder: &Folder, name: &str) -> Result<Lock> {
        for _ in 0..LOCK_TRIES {
            if let Locking::Locked(lock) = folder.lock(name, true)? {
                return Ok(lock);
            }
            if connect(folder, name)?.is_owned() {
                break;
            }
            // An owner whose socket was removed; or a look-up that removes what a dead one left, for a moment.
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(has_an_owner(name, folder))
    }

    /// Bound under a name of its own and then renamed, so that whoever finds the name finds it listening. That takes the
    /// place of a dead owner's socket as well.
    fn publish(folder: &Folder, lock: &Lock, name: &str) -> Result<(OwnedFd, FileId)> {
        let socket = new_socket()?;
        // Before it listens: sockets that it accepts inherit this, and so the very first message has an identity.
        ask_for_identity(socket.as_fd(), Identity::ProcessHandle)?;
        let temporary = Folder::temporary(lock);
        folder.remove(&temporary);
        rustix::net::bind(&socket, &folder.address(&temporary)?)
            .map_err(|errno| system_error(&format!("binding a name in {folder}"), errno))?;
        rustix::net::listen(&socket, BACKLOG).map_err(|errno| system_error("listening to a name", errno))?;
        let file = folder.id_of(&temporary)?;
        let file = file.ok_or_else(|| Error::fixed(Status::System, "a new socket was removed at once"))?;
        folder.rename(&temporary, name)?;
        Ok((socket, file))
    }

    /// Makes the files again that somebody has removed. Gives the socket that another one has taken the place of.
    ///
    /// `Err` is one who has lost the name here.
    fn restore(&mut self, name: &str) -> Result<Option<OwnedFd>, Lost> {
        // If that fails, there is nothing to be done before the next look.
        let Ok(folder) = self.folder.reopen() else { return Ok(None) };
        if !folder.is(&self.folder) {
            folder.keep_from_cleaners();
            self.folder = folder;
        }
        let (Ok(locked), Ok(there)) = (self.folder.has_lock(name, &self.lock), self.folder.id_of(name))
        else {
            return Ok(None);
        };
        let is_there = there == Some(self.file);
        if !locked {
            let mut tries = 0..LOCK_TRIES;
            self.lock = loop {
                match self.folder.lock(name, true) {
                    Ok(Locking::Locked(lock)) => break lock,
                    // As long as it can be reached, the name is this one's.
                    _ if is_there => return Ok(None),
                    Ok(Locking::Held) if tries.next().is_some() => {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    Ok(_) => return Err(Lost),
                    Err(_) => return Ok(None),
                }
            };
            if !is_there && connect(&self.folder, name).is_ok_and(|attempt| attempt.is_owned()) {
                self.folder.clear(name, &self.lock, None);
                return Err(Lost);
            }
        }
        if is_there {
            return Ok(None);
        }
        match Self::publish(&self.folder, &self.lock, name) {
            Ok((socket, file)) => {
                self.file = file;
                Ok(Some(std::mem::replace(&mut self.socket, socket)))
            }
            Err(_) => Ok(None),
        }
    }
}

/// Another process has the name now.
#[derive(Debug)]
struct Lost;

/// A name that this process owns.
#[derive(Debug)]
pub(super) struct Listener {
    name: String,
    owner: Owner,
    /// The receive right's, which has the sockets of this and what tells of changes.
    epoll: Weak<OwnedFd>,
    /// Tells of changes of the files of all names of this process; without it they are not made again.
    changes: Option<Arc<OwnedFd>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    places: Vec<Place>,
    /// Sockets in whose places are others, with look-ups that are still to be taken in.
    retired: Vec<OwnedFd>,
}

impl State {
    /// Lets nobody in any more. That is an event of the socket, which has the right take in those who wait, and close it.
    fn retire(&mut self, socket: OwnedFd) {
        let _ = rustix::net::shutdown(&socket, Shutdown::Both);
        self.retired.push(socket);
    }
}

/// The names that this process owns.
struct Names {
    process: Owner,
    changes: Weak<OwnedFd>,
    listeners: Vec<Weak<Listener>>,
}

static NAMES: Mutex<Option<Names>> = Mutex::new(None);

impl Names {
    /// A fork has none yet.
    fn with<T>(look: impl FnOnce(&mut Self) -> T) -> T {
        let none = || Self { process: Owner::this_process(), changes: Weak::new(), listeners: Vec::new() };
        let mut names = NAMES.lock();
        let known = names.take().filter(|names| names.process.is_here());
        look(names.insert(known.unwrap_or_else(none)))
    }

    /// One for all names: a user can have few of them, 128 by default.
    fn changes(&mut self) -> Option<Arc<OwnedFd>> {
        if let Some(changes) = self.changes.upgrade() {
            return Some(changes);
        }
        let changes = Arc::new(new_inotify().ok()?);
        self.changes = Arc::downgrade(&changes);
        Some(changes)
    }

    /// Makes the files of these names again, if somebody has removed them. Says whether there are such names.
    fn restore(which: impl Fn(&str) -> bool) -> bool {
        let listeners: Vec<_> =
            Self::with(|names| names.listeners.iter().filter_map(Weak::upgrade).collect());
        let mut any = false;
        for listener in listeners.iter().filter(|listener| which(&listener.name)) {
            listener.restore();
            any = true;
        }
        any
    }
}

fn new_inotify() -> Result<OwnedFd> {
    let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
    made("watching for a name", inotify::init(flags))
}

/// Takes all events; says whether there was one beside those of watches that have ended.
fn drain(changes: BorrowedFd<'_>) -> bool {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(changes, &mut buffer);
    let mut any = false;
    while let Ok(event) = events.next() {
        any |= !event.events().contains(ReadFlags::IGNORED);
    }
    any
}

/// Takes a name. Errors: already exists; permission denied; what the system says.
pub(crate) fn check_in(name: &str) -> Result<ReceiveRight> {
    // One of this process, whose files were removed, has not been told yet, perhaps.
    Names::restore(|known| known == name);
    let right = ReceiveRight::new(Identity::ProcessHandle)?;
    let listener = Arc::new(Listener {
        name: name.to_owned(),
        owner: Owner::this_process(),
        epoll: Arc::downgrade(right.epoll()),
        changes: Names::with(Names::changes),
        state: Mutex::default(),
    });
    for (index, folder) in Folder::open_all(true)?.into_iter().enumerate() {
        match Place::claim(folder, name) {
            Ok(mut place) => {
                right.watch(place.socket.as_fd(), LISTENER)?;
                listener.watch(&mut place);
                listener.state.lock().places.push(place);
            }
            // The others are for those who do not know the first.
            Err(error) if index > 0 && error.status() == Status::PermissionDenied => {}
            Err(error) => return Err(error),
        }
    }
    if let Some(changes) = &listener.changes {
        right.watch(changes.as_fd(), NAME_FILES)?;
    }
    Names::with(|names| {
        names.listeners.retain(|listener| listener.strong_count() > 0);
        names.listeners.push(Arc::downgrade(&listener));
    });
    Ok(right.with_listener(listener))
}

impl Listener {
    /// Has changes of the files told, if it can.
    fn watch(&self, place: &mut Place) {
        let Some(changes) = &self.changes else { return };
        unwatch(changes, place);
        for path in [place.folder.path_of(&self.name), place.folder.lock_path(&self.name)] {
            // An unlink is a change of a file's attributes: there is one link less.
            let flags = WatchFlags::ATTRIB | WatchFlags::MOVE_SELF | WatchFlags::DELETE_SELF;
            place.watches.extend(inotify::add_watch(changes, &path, flags | WatchFlags::DONT_FOLLOW).ok());
        }
    }

    /// The next look-up's lane, if one waits. Another user's is dropped.
    pub(super) fn accept(&self) -> Result<Option<OwnedFd>> {
        let State { places, retired } = &mut *self.state.lock();
        for place in places {
            if let Accepted::Lane(lane) = accept(&place.socket)? {
                return Ok(lane);
            }
        }
        while let Some(socket) = retired.last() {
            if let Accepted::Lane(lane) = accept(socket)? {
                return Ok(lane);
            }
            retired.pop();
        }
        Ok(None)
    }

    /// Looks after the files of all names of this process, when one may have changed.
    pub(super) fn files_changed(&self) {
        if let Some(changes) = &self.changes
            && drain(changes.as_fd())
        {
            Names::restore(|_| true);
        }
    }

    /// Whether the name is another process's now, and all who looked it up here are taken in.
    pub(super) fn has_ended(&self) -> bool {
        let state = self.state.lock();
        state.places.is_empty() && state.retired.is_empty()
    }

    /// Takes what is this one's out of the right's set, which a fork of this process can have as well.
    pub(super) fn leave(&self, epoll: &OwnedFd) {
        let state = self.state.lock();
        let sockets = state.places.iter().map(|place| &place.socket).chain(&state.retired);
        for fd in sockets.chain(self.changes.as_deref()) {
            let _ = epoll::delete(epoll, fd);
        }
    }

    fn restore(&self) {
        let Some(epoll) = self.epoll.upgrade().filter(|_| self.owner.is_here()) else { return };
        let state = &mut *self.state.lock();
        for mut place in std::mem::take(&mut state.places) {
            match place.restore(&self.name) {
                Ok(replaced) => {
                    if let Some(socket) = replaced {
                        state.retire(socket);
                        let key = epoll::EventData::new_u64(LISTENER);
                        let _ = epoll::add(&epoll, &place.socket, key, epoll::EventFlags::IN);
                    }
                    self.watch(&mut place);
                    state.places.push(place);
                }
                Err(Lost) => state.retire(place.socket),
            }
        }
    }
}

fn unwatch(changes: &OwnedFd, place: &mut Place) {
    for watch in place.watches.drain(..) {
        let _ = inotify::remove_watch(changes, watch);
    }
}

enum Accepted {
    /// `None` is one that has gone, or may not come in.
    Lane(Option<OwnedFd>),
    Nothing,
}

fn accept(socket: &OwnedFd) -> Result<Accepted> {
    match rustix::net::accept_with(socket, SocketFlags::CLOEXEC).and_then(beyond_standard) {
        Ok(lane) => Ok(Accepted::Lane(check_same_user(lane.as_fd()).is_ok().then_some(lane))),
        Err(Errno::INTR | Errno::CONNABORTED) => Ok(Accepted::Lane(None)),
        // The second: nobody is let in any more.
        Err(Errno::AGAIN | Errno::INVAL) => Ok(Accepted::Nothing),
        Err(errno) => Err(system_error("accepting a look-up", errno)),
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The name is the parent's, if this is its fork.
        if !self.owner.is_here() {
            return;
        }
        let state = self.state.get_mut();
        for place in &mut state.places {
            if let Some(changes) = &self.changes {
                unwatch(changes, place);
            }
            place.folder.clear(&self.name, &place.lock, Some(place.file));
        }
        self.files_changed();
    }
}

/// Finds a name. Waits for it until the deadline.
///
/// Errors: not found, when the deadline is now; timed out; permission denied; resources exhausted.
pub(crate) fn look_up(name: &str, deadline: Deadline) -> Result<SendRight> {
    let polls = deadline.is_over();
    let (mut changes, mut is_watching, mut may_restore) = (None, false, true);
    loop {
        let folders = Folder::open_all(!polls)?;
        // Looked for after the watch: what appears from here on is seen by it.
        let watched = changes.as_ref().is_some_and(|changes: &OwnedFd| {
            folders
                .iter()
                .all(|folder| inotify::add_watch(changes, folder.path_of(""), WatchFlags::MOVED_TO).is_ok())
        });
        let (mut busy, mut hidden) = (false, None);
        for folder in &folders {
            match connect(folder, name)? {
                Attempt::Connected(socket) => {
                    check_same_user(socket.as_fd())?;
                    return SendRight::from_raw(socket);
                }
                Attempt::Busy => busy = true,
                Attempt::Refused(dead) => drop(folder.has_holder(name, Some(dead))),
                Attempt::Missing if folder.has_holder(name, None) => hidden = Some(folder),
                Attempt::Missing => {}
            }
        }
        // Its owner may be this very process.
        if hidden.is_some() && std::mem::take(&mut may_restore) && Names::restore(|known| known == name) {
            continue;
        }
        if deadline.is_over() {
            return Err(not_found(name, polls, busy, hidden, &folders));
        }
        if !std::mem::replace(&mut is_watching, true) {
            changes = new_inotify().ok();
            continue;
        }
        // No event tells that a listener's queue has room again; and without a watch none tells anything.
        let pause = deadline.at_most(if watched && !busy { LONG_PAUSE } else { PAUSE });
        match &changes {
            Some(changes) => {
                wait_readable(&[changes.as_fd()], pause)?;
                drain(changes.as_fd());
            }
            None => std::thread::sleep(pause.remaining().unwrap_or(PAUSE)),
        }
    }
}

fn not_found(name: &str, polls: bool, busy: bool, hidden: Option<&Folder>, folders: &[Folder]) -> Error {
    let status = if polls { Status::NotFound } else { Status::TimedOut };
    if busy && polls {
        let message = format!("the owner of the name {name} does not take in those who look it up");
        return Error::new(Status::ResourceExhausted, message);
    }
    if let Some(folder) = hidden {
        let message = format!(
            "the name {name} has an owner, whose socket in {folder} is not there: it is just being made, or somebody \
             has removed it, and the owner makes it again when it receives"
        );
        return Error::new(status, message);
    }
    let searched = folders.iter().map(Folder::to_string).collect::<Vec<_>>().join(", ");
    let message = match status {
        Status::NotFound => format!("nobody has checked in the name {name}; searched: {searched}"),
        _ => format!("nobody answered to the name {name} in the given time; searched: {searched}"),
    };
    Error::new(status, message)
}
