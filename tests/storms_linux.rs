//! Storms: a host, its child that draws and its second child that looks, any of which is stopped, continued or killed at
//! any moment, while forked workers keep copies of what they had open. Whoever is left gets its documented end, and has
//! afterwards what it had before.
//!
//! The conductor starts the host; the host starts the two others and passes the viewer the right to see what the first
//! one draws. The conductor tells the host when a round begins and ends, by its standard input, and does the rest by
//! signals. It is run by `cargo xtask storm`, which says the seed and the rounds by the environment.
#![cfg(target_os = "linux")]
#![allow(missing_docs, unsafe_code)]

mod process;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use process::session::*;
use process::swapchain::{options as swapchain, paint, read};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, pidfd_send_signal, set_child_subreaper,
    waitpid,
};
use surfaceport::bootstrap::{check_in, look_up};
use surfaceport::message::Message;
use surfaceport::session::{Child, ChildExit, Host};
use surfaceport::surface::live_surfaces;
use surfaceport::swapchain::{Consumer, ConsumerOptions, PresentInfo, PresentMode};
use surfaceport::{Error, Status, Timeout};

peers! {
    "storm" => storm,
    "host" => host,
    "draw" => draw,
    "view" => view,
}

/// Far beyond what an end takes, and more than a host gives its children.
const DEADLINE: Duration = Duration::from_secs(45);

#[test]
#[ignore = "it takes its time: cargo xtask storm"]
fn whoever_survives_gets_its_end_and_keeps_nothing() {
    let variable = |name: &str, default| std::env::var(name).unwrap_or_else(|_| String::from(default));
    let seed = variable("SURFACEPORT_STORM_SEED", "1");
    let rounds = variable("SURFACEPORT_STORM_ROUNDS", "200");
    println!("seed {seed}, {rounds} rounds");
    in_a_process_of_its_own("storm", &format!("{seed} {rounds}"));
}

/// How long a producer waits for an image until it looks after its session.
const BRIEFLY: Timeout = Timeout::from_nanoseconds(100_000_000);

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// What a process has: descriptors, mappings of memfds, live surfaces, children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Totals([usize; 4]);

impl Totals {
    fn now() -> Self {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        Self([
            fs::read_dir("/proc/self/fd").unwrap().count(),
            maps.lines().filter(|line| line.contains("memfd:")).count(),
            live_surfaces().count,
            children_of(std::process::id()).len(),
        ])
    }
}

/// Processes whose parent this is, ended ones included.
fn children_of(parent: u32) -> Vec<Pid> {
    let stat = |entry: fs::DirEntry| {
        let process = entry.file_name().to_str()?.parse::<i32>().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // Behind the name, which can contain anything, come the state and the parent.
        let found = stat.rsplit(") ").next()?.split(' ').nth(1)?.parse::<u32>().ok()?;
        (found == parent).then(|| Pid::from_raw(process))?
    };
    fs::read_dir("/proc").unwrap().filter_map(|entry| stat(entry.ok()?)).collect()
}

/// One of the processes of a round, for the conductor.
struct Player {
    role: &'static str,
    id: Pid,
    handle: OwnedFd,
    is_killed: bool,
    is_stopped: bool,
}

impl Player {
    fn new(role: &'static str, id: &str) -> Self {
        let id = Pid::from_raw(id.parse().unwrap()).unwrap();
        // Signals go by it: a number can be another process's once its parent has reaped this one.
        let handle = pidfd_open(id, PidfdFlags::empty()).unwrap();
        Self { role, id, handle, is_killed: false, is_stopped: false }
    }

    fn signal(&mut self, signal: Signal) {
        let _ = pidfd_send_signal(&self.handle, signal);
        self.is_killed |= signal == Signal::KILL;
        self.is_stopped = signal == Signal::STOP;
    }

    fn wait_end(&self) {
        assert!(is_ready(&[self.handle.as_fd()], DEADLINE)[0], "the {} has no end", self.role);
    }
}

/// Which of the descriptors are readable, once one is or the time is over.
fn is_ready(fds: &[BorrowedFd<'_>], time: Duration) -> Vec<bool> {
    let mut polled: Vec<_> = fds.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: time.subsec_nanos().into() };
    poll(&mut polled, Some(&time)).unwrap();
    polled.iter().map(|fd| !fd.revents().is_empty()).collect()
}

/// The conductor's side of a host.
struct Stage {
    host: process::Peer,
    says: BufReader<UnixStream>,
}

impl Stage {
    fn new(name: &str) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut command = process::command("host", name);
        let host = process::Peer::start_command(command.stdin(Stdio::from(OwnedFd::from(theirs))));
        Self { host, says: BufReader::new(ours) }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.says.get_mut(), "{line}").unwrap();
    }

    /// The host's next line; none if it is dead.
    fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        self.says.read_line(&mut line).expect("the host says nothing");
        line.ends_with('\n').then(|| line.trim().to_owned())
    }
}

/// Role: the conductor.
fn storm(argument: &str) {
    let (seed, rounds) = argument.split_once(' ').unwrap();
    let (seed, rounds): (u64, u64) = (seed.parse().unwrap(), rounds.parse().unwrap());
    // The children of a host that was killed become this process's.
    set_child_subreaper(Some(rustix::process::getpid())).unwrap();
    let _curtain = Curtain;
    let name = process::unique_name("storm");
    let before = Totals::now();
    let (mut stage, mut kept) = (None, None);
    for round in 0..rounds {
        let mut random = Random(seed ^ round << 32);
        let at = || format!("seed {seed}, round {round}");
        let mut current = stage.take().unwrap_or_else(|| Stage::new(&name));
        let is_quiet = kept.is_none();
        match play(&mut current, &mut random, is_quiet, &name) {
            Ok(Some(totals)) => {
                // The first round of a host makes what it keeps.
                assert_eq!(*kept.get_or_insert_with(|| totals.clone()), totals, "{}: of the host", at());
                stage = Some(current);
            }
            Ok(None) => kept = None,
            Err(fault) => panic!("{}: {fault}", at()),
        }
        let expected = usize::from(stage.is_some());
        end_workers(stage.as_ref());
        let left = children_of(std::process::id()).len();
        assert_eq!(left, expected, "{}: children", at());
    }
    drop(stage);
    drop(check_in(&name).expect("the name is free"));
    assert_eq!(Totals::now(), before);
}

/// Whatever happens, no process of a storm outlives it.
struct Curtain;

impl Drop for Curtain {
    fn drop(&mut self) {
        // Children of one that ends here become children of this process.
        while !children_of(std::process::id()).is_empty() {
            end_workers(None);
        }
    }
}

/// Ends all children but the host: the workers of who was killed.
fn end_workers(stage: Option<&Stage>) {
    for id in children_of(std::process::id()) {
        if stage.is_none_or(|stage| stage.host.id() != id.as_raw_nonzero().get().cast_unsigned()) {
            let _ = kill_process(id, Signal::KILL);
            let _ = waitpid(Some(id), WaitOptions::empty());
        }
    }
}

/// A round. Gives what the host has at its end, or none if it was killed; an error for what is wrong.
fn play(
    stage: &mut Stage,
    random: &mut Random,
    is_quiet: bool,
    name: &str,
) -> Result<Option<String>, String> {
    let worker = random.below(8);
    let mode = random.below(2);
    stage.tell(&format!("{worker} {mode}"));
    let started = stage.hear().ok_or("the host did not start the others")?;
    let (child, viewer) = started.split_once(' ').ok_or(started.clone())?;
    let id = stage.host.id().to_string();
    let mut players = [Player::new("host", &id), Player::new("child", child), Player::new("viewer", viewer)];
    let count = if is_quiet { 0 } else { random.below(5) };
    for _ in 0..count {
        // A moment of chance, not one to wait for anything.
        std::thread::sleep(Duration::from_micros(random.below(4000)));
        let player = &mut players[random.below(3) as usize];
        let signal = [Signal::STOP, Signal::CONT, Signal::KILL][random.below(3) as usize];
        player.signal(signal);
    }
    for player in players.iter_mut().filter(|player| player.is_stopped) {
        player.signal(Signal::CONT);
    }
    let [host, child, viewer] = &players;
    if !host.is_killed {
        stage.tell(&format!("{} {}", child.is_killed, viewer.is_killed));
        let said = stage.hear().ok_or("the host ended")?;
        return said.strip_prefix("done ").map(|totals| Some(totals.to_owned())).ok_or(said);
    }
    host.wait_end();
    stage.host.kill();
    for player in [child, viewer] {
        player.wait_end();
        // The host may have reaped it before.
        let Ok(Some((_, status))) = waitpid(Some(player.id), WaitOptions::empty()) else { continue };
        if !(status.exit_status() == Some(0) || player.is_killed && status.terminating_signal() == Some(9)) {
            return Err(format!("the {} of a dead host ended by {status:?}", player.role));
        }
    }
    end_workers(None);
    drop(check_in(name).map_err(|error| format!("the name of a host that is dead: {error}"))?);
    Ok(None)
}

/// A process that keeps a copy of all that this one has open, until it is killed.
struct Worker(Pid);

impl Worker {
    fn fork() -> Self {
        // SAFETY: between fork and the end there are system calls alone.
        let id = unsafe { libc::fork() };
        if id == 0 {
            loop {
                // SAFETY: it takes nothing.
                unsafe { libc::pause() };
            }
        }
        Self(Pid::from_raw(id).expect("a worker"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::KILL);
        let _ = waitpid(Some(self.0), WaitOptions::empty());
    }
}

/// The end that a side gets when another one ends, in order or not.
#[track_caller]
fn assert_end(error: &Error) {
    assert!(matches!(error.status(), Status::PeerDead | Status::Closed), "{error}");
}

/// Role: starts the others, looks at the frames, and passes the right to do so on.
fn host(name: &str) {
    let input = std::io::stdin();
    let mut output = File::from(input.as_fd().try_clone_to_owned().unwrap());
    let mut lines = input.lock();
    let mut line = || {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        line.trim().to_owned()
    };
    loop {
        let order = line();
        let Some((worker, mode)) = order.split_once(' ') else { return };
        let worker: u32 = worker.parse().unwrap();
        let is_of = |bit: u32| if worker & bit != 0 { "worker" } else { "alone" };
        let inbox = check_in(name).unwrap();
        let child = spawn("draw", &format!("{name} {mode} {}", is_of(2)));
        let viewer = spawn("view", is_of(4));
        writeln!(output, "{} {}", child.process_id().unwrap(), viewer.process_id().unwrap()).unwrap();
        // Before the hellos: what the worker has copies of keeps no child waiting.
        let mine = (worker & 1 != 0).then(Worker::fork);
        let consumer = share(&child, &viewer).inspect_err(assert_end).ok();
        let order = watch(consumer.as_ref(), &mut line, input_fd());
        let (child_is_killed, viewer_is_killed) = order.split_once(' ').unwrap();
        drop((consumer, inbox));
        for (host, is_killed, role) in
            [(child, child_is_killed, "child"), (viewer, viewer_is_killed, "viewer")]
        {
            let end = host.close();
            let good = end == Some(ChildExit::Exited(0))
                || is_killed == "true" && end == Some(ChildExit::Signalled(9));
            assert!(good, "the {role} ended by {end:?}");
        }
        drop(mine);
        writeln!(output, "done {:?}", Totals::now()).unwrap();
    }
}

fn input_fd() -> BorrowedFd<'static> {
    // SAFETY: standard input is never closed here.
    unsafe { BorrowedFd::borrow_raw(0) }
}

fn share(child: &Host, viewer: &Host) -> Result<Consumer, Error> {
    let right = child.accept_consumer_right(SOON)?;
    let other = right.try_clone()?;
    // That the viewer is dead is seen later; one that lives wants an answer to its hello.
    let _ = viewer.wait_connected(SOON).and_then(|()| Ok(viewer.offer_consumer_right(other)?));
    Consumer::attach(right, &ConsumerOptions::default())
}

/// Looks at frames until the conductor says something.
fn watch(
    mut consumer: Option<&Consumer>,
    line: &mut impl FnMut() -> String,
    input: BorrowedFd<'_>,
) -> String {
    let mut time = Duration::ZERO;
    loop {
        let fds: Vec<_> = [Some(input), consumer.map(Consumer::descriptor)].into_iter().flatten().collect();
        if is_ready(&fds, time)[0] {
            return line();
        }
        time = DEADLINE;
        match consumer.map(look) {
            Some(Look::Frame) => time = Duration::ZERO,
            Some(Look::End) => consumer = None,
            Some(Look::Nothing) | None => {}
        }
    }
}

enum Look {
    /// There may be more: the descriptor tells only of what comes after nothing.
    Frame,
    Nothing,
    End,
}

/// Checks the next frame, if there is one.
fn look(consumer: &Consumer) -> Look {
    match consumer.acquire(Timeout::NONE) {
        Ok(frame) => {
            assert_eq!(read(frame.surface()), frame.number());
            Look::Frame
        }
        Err(error) if error.status() == Status::TimedOut => Look::Nothing,
        Err(error) => {
            assert_end(&error);
            Look::End
        }
    }
}

/// Runs a child's part; it is to have nothing afterwards that it had not before.
///
/// A part forks its worker when it is a producer or a consumer: a worker of one that has not accepted what it is offered
/// would keep that from being nobody's.
fn as_child(part: impl FnOnce(&Child, &mut Option<Worker>) -> Result<(), Error>) {
    let [before, ..] = Totals::now().0;
    let child = match Child::connect(SOON) {
        Ok(child) => child,
        Err(error) => return assert_end(&error),
    };
    let mut worker = None;
    if let Err(error) = part(&child, &mut worker) {
        assert_end(&error);
    }
    drop((child, worker));
    let Totals([descriptors, rest @ ..]) = Totals::now();
    // It had inherited some, which are used up.
    assert!(descriptors <= before && rest == [0; 3], "left: {descriptors} of {before}, {rest:?}");
}

/// Role: presents without an end, in another size now and then.
fn draw(argument: &str) {
    let [name, mode, worker] = argument.split(' ').collect::<Vec<_>>()[..] else { panic!("{argument}") };
    as_child(|child, forked| {
        let mode = if mode == "0" { PresentMode::Mailbox } else { PresentMode::Fifo };
        let producer = child.create_producer(&swapchain(mode, 4))?;
        *forked = (worker == "worker").then(Worker::fork);
        if let Ok(to_host) = look_up(name, Timeout::NONE) {
            let _ = to_host.send(Message::new(1), Timeout::NONE);
        }
        for n in 1_u32.. {
            if child.wait_closed(Timeout::NONE).is_ok() {
                break;
            }
            // As long as a right is left anywhere, also in a worker of who is dead, a producer waits for who comes. So it does
            // not wait without looking after its session.
            let image = match producer.acquire(BRIEFLY) {
                Err(error) if error.status() == Status::TimedOut => continue,
                outcome => outcome?,
            };
            paint(image.surface(), producer.statistics().presented + 1);
            producer.present(image, &PresentInfo::default()).map_err(|(_, error)| error)?;
            if n.is_multiple_of(16) {
                producer.resize(32 + n % 64, 16)?;
            }
            if n.is_multiple_of(8) {
                let _ = child.channel().send(Message::new(n), Timeout::NONE);
            }
        }
        Ok(())
    });
}

/// Role: the second consumer.
fn view(worker: &str) {
    as_child(|child, forked| {
        let consumer = child.accept_consumer(SOON)?;
        *forked = (worker == "worker").then(Worker::fork);
        let mut time = Duration::ZERO;
        loop {
            is_ready(&[consumer.descriptor(), child.descriptor()], time);
            if child.wait_closed(Timeout::NONE).is_ok() {
                return Ok(());
            }
            time = match look(&consumer) {
                Look::Frame => Duration::ZERO,
                Look::Nothing => DEADLINE,
                Look::End => return Ok(()),
            };
        }
    });
}
