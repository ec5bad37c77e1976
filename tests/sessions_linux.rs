//! What a session's child inherits on Linux: descriptors, of which there can be too few.
#![cfg(target_os = "linux")]
#![allow(missing_docs, unsafe_code)]

mod process;

use process::session::*;
use rustix::process::{Resource, Rlimit};
use surfaceport::message::Message;
use surfaceport::port::ReceiveRight;
use surfaceport::session::{Child, ChildExit, EndOfLife, Host, Invitation, SpawnOptions};
use surfaceport::surface::PixelFormat;
use surfaceport::swapchain::Producer;
use surfaceport::{Status, Timeout};

peers! {
    "offers" => offers,
    "stale" => |_| stale(),
    "poor" => |_| poor(),
    "echo" => |_| echo(),
    "idle" => |_| loop { std::thread::park() },
    "idle after hello" => |_| idle_after_hello(),
    "exit" => |status| std::process::exit(status.parse().unwrap()),
    "wrapper" => wrapper,
    "short of descriptors" => |_| short_of_descriptors(),
    "without handles" => |_| without_handles(),
    "without waiting" => |_| without_waiting(),
    "refused connect" => refused_connect,
    "gone host" => gone_host,
    "learns" => learns,
    "unusual parent" => unusual_parent,
    "without standard descriptors" => without_standard_descriptors,
    "two users" => |_| two_users(),
    "traced" => |_| traced(),
    "uncertain" => |_| uncertain(),
    "twice" => |_| twice(),
    "forks" => |_| forks(),
    "accepts late" => |_| accepts_late(),
    "without proc" => |_| without_proc(),
    "lets a fork go" => |_| lets_a_fork_go(),
    "accepts and exits" => |_| accepts_and_exits(),
    "forgotten by a fork" => |_| forgotten_by_a_fork(),
    "uses" => |_| uses(),
    "another namespace" => |_| another_namespace(),
    "crowd" => |_| crowd(),
    "poor host" => |_| poor_host(),
    "poor child" => |_| poor_child(),
}

/// What a process inherits that is a child's child, or whose descriptors were closed: numbers that mean nothing, or
/// something else by now.
#[test]
fn a_descriptor_of_somebody_else_is_not_taken() {
    let file = std::fs::File::open("/dev/null").unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&file);
    for (port, token) in [(format!("{number}:1"), "999:1".into()), ("x".into(), "".into())] {
        let (port, token): (String, String) = (port, token);
        let peer = process::Peer::start_command(
            process::command("stale", "").env("SURFACEPORT_PORT", port).env("SURFACEPORT_TOKEN_PIPE", token),
        );
        assert!(peer.wait().success());
    }
}

fn stale() {
    // The lowest numbers are taken, whatever the environment says of them.
    let files: Vec<_> = (0..100).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
    assert_eq!(Child::connect(SOON).unwrap_err().status(), Status::NotFound);
    assert!(files.iter().all(|file| file.metadata().is_ok()), "none of them was closed");
}

/// Without descriptors to spare an offer waits; with them it is there.
#[test]
fn an_offer_survives_a_lack_of_descriptors() {
    in_a_process_of_its_own("poor", "");
}

fn poor() {
    let host = spawn("offers", "1");
    assert_eq!(host.channel(SOON).unwrap().receive(SOON).unwrap().id(), 1);
    let limit = Some(process::open_descriptors() as u64 + 100);
    let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit, maximum }).unwrap();
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    let mut lacks = 0;
    loop {
        match host.accept_consumer_right(SOON) {
            Ok(_) => break,
            Err(error) => assert_eq!(error.status(), Status::ResourceExhausted, "{error}"),
        }
        lacks += 1;
        hoard.pop().expect("enough were freed by now");
    }
    assert!(lacks > 1);
}

/// The processes that this one has to reap, ended or not.
fn children() -> Vec<String> {
    let me = std::process::id().to_string();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    let is_mine = |stat: &String| stat.rsplit(") ").next().unwrap().split(' ').nth(1) == Some(&me);
    stats.filter(is_mine).collect()
}

/// Whatever is lacking, a spawn that fails leaves nobody behind, and one that succeeds works.
#[test]
fn a_spawn_without_descriptors_leaves_no_child() {
    in_a_process_of_its_own("short of descriptors", "");
}

fn short_of_descriptors() {
    close(spawn("echo", ""));
    let Rlimit { current: many, maximum } = rustix::process::getrlimit(Resource::Nofile);
    let set_limit =
        |current| rustix::process::setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
    let few = Some(process::open_descriptors() as u64 + 50);
    set_limit(few);
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    let mut never_killed = options("idle", "");
    never_killed.end_of_life = EndOfLife::Leave;
    let mut failures = 0;
    let host = loop {
        let outcome = Host::spawn(&never_killed);
        set_limit(many);
        match outcome {
            Ok(host) => break host,
            Err(error) => assert_eq!(error.status(), Status::ResourceExhausted, "{error}"),
        }
        assert_eq!(children(), [""; 0], "after {failures} failures");
        failures += 1;
        set_limit(few);
        hoard.pop().expect("enough were freed by now");
    };
    // Two of a port, one of the set, two of a pipe, of which one goes, the child's, and what joins them.
    assert!(failures > 5, "{failures}");
    host.kill().unwrap();
    assert_eq!(host.wait_exit(SOON).unwrap(), ChildExit::Signalled(9));
}

/// Descriptors of this process, all taken but so many.
struct Hoard(Vec<std::fs::File>);

impl Hoard {
    fn but(spare: usize) -> Self {
        let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
        let limit = Some(process::open_descriptors() as u64 + 60);
        rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit, maximum }).unwrap();
        let mut files = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            files.push(file);
        }
        files.truncate(files.len() - spare);
        Self(files)
    }
}

/// Wherever descriptors run out on the way from the hello to the first frame: with more of them it goes on.
#[test]
fn a_host_that_lacks_descriptors_loses_nothing() {
    in_a_process_of_its_own("poor host", "");
}

fn poor_host() {
    for spare in 0.. {
        let host = spawn("offers", "1");
        let hoard = Hoard::but(spare);
        let outcome = host.accept_consumer(SOON);
        let is_enough = outcome.is_ok();
        if let Err(error) = outcome {
            assert_eq!(error.status(), Status::ResourceExhausted, "{spare}: {error}");
            drop(hoard);
            host.accept_consumer(SOON).unwrap();
        }
        assert_eq!(host.channel(SOON).unwrap().receive(SOON).unwrap().id(), 1);
        assert_eq!(host.refused(), 0);
        close(host);
        if is_enough {
            return assert!(spare > 5, "{spare}");
        }
    }
}

/// The kernel counts what all programs of a user have in flight, and lets privileged ones do as they like.
#[test]
fn the_limit_of_descriptors_in_flight_is_named() {
    if !rustix::process::geteuid().is_root() {
        let reason = "only root can become a user that has nothing in flight";
        return process::skipped("the_limit_of_descriptors_in_flight_is_named", reason);
    }
    in_a_process_of_its_own("crowd", "");
}

fn crowd() {
    let host = spawn("accepts late", "");
    host.wait_connected(SOON).unwrap();
    // SAFETY: takes numbers only.
    assert_eq!(unsafe { libc::setresuid(54321, 54321, 54321) }, 0);
    let limit = Some(process::open_descriptors() as u64 + 60);
    let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit, maximum }).unwrap();
    let nobody_receives = ReceiveRight::new().unwrap();
    let sends = nobody_receives.make_send().unwrap();
    let failure = loop {
        let mut message = Message::new(1);
        for _ in 0..20 {
            message.attach(sends.try_clone().unwrap()).unwrap();
        }
        if let Err(failure) = sends.send(message, Timeout::NONE) {
            break failure;
        }
    };
    let names_it = |error: &surfaceport::Error| {
        assert_eq!(error.status(), Status::ResourceExhausted, "{error}");
        assert!(error.message().contains("RLIMIT_NOFILE"), "{error}");
    };
    names_it(failure.error());
    drop(failure);
    let producer = Producer::create(&swapchain_options()).unwrap();
    let failure = host.offer_consumer_right(producer.consumer_right().unwrap()).unwrap_err();
    names_it(&failure.error);
    drop(nobody_receives);
    host.offer_consumer_right(failure.right.expect("it came back")).unwrap();
    close(host);
}

fn accepts_late() {
    let child = Child::connect(SOON).unwrap();
    child.accept_consumer_right(SOON).unwrap();
    child.wait_closed(SOON).unwrap();
}

/// A hello that could not be said can be said again.
#[test]
fn a_child_that_lacks_descriptors_connects_later() {
    let host = spawn("poor child", "");
    let message = host.channel(SOON).unwrap().receive(SOON).unwrap();
    assert!(message.id() > 3, "after {} failures", message.id());
    assert_eq!(host.refused(), 0);
    close(host);
}

fn poor_child() {
    let mut hoard = Hoard::but(0);
    let mut failures = 0;
    let child = loop {
        match Child::connect(SOON) {
            Ok(child) => break child,
            Err(error) => assert_eq!(error.status(), Status::ResourceExhausted, "{error}"),
        }
        failures += 1;
        hoard.0.pop().expect("enough were freed by now");
    };
    drop(hoard);
    child.channel().send(text(failures, ""), SOON).unwrap();
    child.wait_closed(SOON).unwrap();
}

/// Has a system call fail in this process and in those that it starts, as the filter of a container does.
fn refuse(call: libc::c_long, argument: u32, mask: u32, errno: libc::c_int) {
    let arguments_at = std::mem::offset_of!(libc::seccomp_data, args);
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let any_of = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
    let give = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    let mut filter = [
        step(load, 0, 0, 0),
        step(equal, call as u32, 0, 3),
        step(load, arguments_at as u32 + 8 * argument, 0, 0),
        step(any_of, mask, 0, 1),
        step(give, libc::SECCOMP_RET_ERRNO | errno as u32, 0, 0),
        step(give, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program and its steps live across the call. For all threads, since tests have several.
    let outcome = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        let all_threads = libc::SECCOMP_FILTER_FLAG_TSYNC;
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, all_threads, &raw const program)
    };
    assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn a_child_is_known_where_handles_of_processes_are_refused() {
    in_a_process_of_its_own("without handles", "");
}

fn without_handles() {
    refuse(libc::SYS_pidfd_open, 0, u32::MAX, libc::EPERM);
    let with_the_kernels = spawn("echo", "");
    with_the_kernels.wait_connected(SOON).unwrap();
    close(with_the_kernels);
    refuse(libc::SYS_clone, 0, libc::CLONE_PIDFD as u32, libc::EINVAL);
    let host = spawn("echo", "");
    let channel = host.channel(SOON).unwrap();
    channel.send(text(1, "there"), SOON).unwrap();
    assert_eq!(channel.receive(SOON).unwrap().id(), 2);
    assert_eq!(host.accept_consumer_right(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    close(host);
    let host = spawn("offers", "2");
    drop(host.accept_consumer(SOON).unwrap());
    host.kill().unwrap();
    assert_eq!(wait_end(&host).status(), Status::PeerDead);
    assert_eq!(host.wait_exit(SOON).unwrap(), ChildExit::Signalled(9));
    assert!(is_readable(host.descriptor()) && !host.is_connected());
    drop(host);
    // One that ends at once, and a program that is not there.
    assert_eq!(spawn("exit", "3").wait_exit(SOON).unwrap(), ChildExit::Exited(3));
    let nothing = SpawnOptions::new(["/there/is/no/such/program"]);
    assert_eq!(Host::spawn(&nothing).unwrap_err().status(), Status::NotFound);
    assert_eq!(children(), [""; 0]);
}

/// Where the system refuses what a child's end is waited for and made by, no child is left all the same.
#[test]
fn a_child_is_ended_and_reaped_where_waiting_is_refused() {
    in_a_process_of_its_own("without waiting", "");
}

fn without_waiting() {
    // With and without time to end by itself.
    let [killed_later, killed, by_number] = [20_000_000, 0, 0].map(|grace| {
        let mut options = options("idle", "");
        options.end_of_life = EndOfLife::KillAfter(Timeout::from_nanoseconds(grace));
        Host::spawn(&options).unwrap()
    });
    refuse(libc::SYS_ppoll, 1, u32::MAX, libc::ENOMEM);
    drop(killed_later);
    assert_eq!(children().len(), 2);
    drop(killed);
    assert_eq!(children().len(), 1);
    refuse(libc::SYS_pidfd_send_signal, 1, u32::MAX, libc::EPERM);
    // All that are not for one number.
    refuse(libc::SYS_waitid, 0, 2, libc::EINVAL);
    assert_eq!(by_number.close(), Some(ChildExit::Signalled(9)));
    assert_eq!(children(), [""; 0]);
    let nothing = SpawnOptions::new(["/there/is/no/such/program"]);
    assert_eq!(Host::spawn(&nothing).unwrap_err().status(), Status::NotFound);
    assert_eq!(children(), [""; 0]);
}

/// What was inherited is there still when a call fails that it takes to connect.
#[test]
fn a_connect_that_fails_takes_nothing() {
    for call in ["fcntl", "read"] {
        let host = spawn("refused connect", call);
        assert_eq!(host.wait_connected(SOON).unwrap_err().status(), Status::PeerDead);
        assert_eq!(host.wait_exit(SOON).unwrap(), ChildExit::Exited(0));
    }
}

/// A filter cannot be taken back, so it is in a fork alone.
fn refused_connect(call: &str) {
    let pipe = std::env::var("SURFACEPORT_TOKEN_PIPE").unwrap();
    let pipe: u32 = pipe.split_once(':').unwrap().0.parse().unwrap();
    in_a_fork(|| {
        if call == "fcntl" {
            refuse(libc::SYS_fcntl, 1, libc::F_SETFD as u32, libc::EPERM);
        } else {
            refuse(libc::SYS_read, 0, pipe, libc::EPERM);
        }
        let refused = Child::connect(SOON).is_err_and(|error| error.status() == Status::PermissionDenied);
        // SAFETY: ends the process, no code of this program runs.
        unsafe { libc::_exit(i32::from(!refused)) };
    });
    // SAFETY: the pipe is inherited and open; its length lives across the call.
    let left = unsafe {
        let mut left = 0;
        assert_eq!(libc::ioctl(pipe as i32, libc::FIONREAD, &raw mut left), 0);
        left
    };
    assert_eq!(left, 32, "the token is there");
}

/// Whichever way a host ends before it answers, and whatever forks of it live on, the child learns it at once.
#[test]
fn a_child_learns_that_its_host_ended_without_an_answer() {
    for how in ["killed", "killed after the hello", "closed", "closed after the hello"] {
        in_a_process_of_its_own("gone host", how);
    }
}

/// The host has no number there.
#[test]
fn a_child_in_another_namespace_learns_that_its_host_ended() {
    if may_make_namespaces("a_child_in_another_namespace_learns_that_its_host_ended") {
        for how in ["killed elsewhere", "killed elsewhere after the hello"] {
            in_a_process_of_its_own("gone host", how);
        }
    }
}

fn gone_host(how: &str) {
    // The child is adopted by this process, and so is the fork of the host.
    // SAFETY: takes a number only.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) }, 0);
    // SAFETY: no other thread holds a lock of what the child uses.
    let host = unsafe { libc::fork() };
    if host == 0 {
        if how.contains("elsewhere") {
            // SAFETY: takes a number only.
            assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWPID) }, 0);
        }
        let host = spawn("learns", "");
        process::fork_that_waits_for(host.process_id().unwrap());
        if how.ends_with("hello") {
            while !is_readable(host.descriptor()) {
                std::thread::yield_now();
            }
        }
        if how.starts_with("killed") {
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
        }
        let code = if host.close() == Some(ChildExit::Exited(0)) { 0 } else { 1 };
        // SAFETY: ends the process, no code of this program runs.
        unsafe { libc::_exit(code) };
    }
    let any = rustix::process::WaitId::All;
    while let Ok(Some(end)) = rustix::process::waitid(any.clone(), rustix::process::WaitIdOptions::EXITED) {
        assert!(end.exit_status() == Some(0) || end.terminating_signal() == Some(9), "{end:?}");
    }
}

fn learns(_: &str) {
    let began = std::time::Instant::now();
    let error = Child::connect(Timeout::from_nanoseconds(60_000_000_000)).unwrap_err();
    assert_eq!(error.status(), Status::PeerDead, "{error}");
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
}

/// An application that does not want to hear of its children, or reaps all of them.
#[test]
fn a_child_is_started_whoever_reaps_it() {
    for how in ["ignores", "reaps all"] {
        in_a_process_of_its_own("unusual parent", how);
    }
}

fn unusual_parent(how: &str) {
    if how == "ignores" {
        // SAFETY: no handler is set.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    } else {
        std::thread::spawn(|| {
            loop {
                let any = rustix::process::WaitId::All;
                let _ = rustix::process::waitid(any, rustix::process::WaitIdOptions::EXITED);
                std::thread::yield_now();
            }
        });
    }
    for _ in 0..200 {
        let host = Host::spawn(&SpawnOptions::new(["true"])).unwrap();
        let exit = host.wait_exit(SOON).unwrap();
        assert!(matches!(exit, ChildExit::Unknown | ChildExit::Exited(0)), "{exit}");
    }
    let host = spawn("echo", "");
    let channel = host.channel(SOON).unwrap();
    channel.send(text(1, "there"), SOON).unwrap();
    assert_eq!(channel.receive(SOON).unwrap().id(), 2);
    assert!(matches!(host.close(), Some(ChildExit::Unknown | ChildExit::Exited(0))));
    let nothing = SpawnOptions::new(["/there/is/no/such/program"]);
    assert_eq!(Host::spawn(&nothing).unwrap_err().status(), Status::NotFound);
}

#[test]
fn a_host_without_standard_descriptors_has_children_that_connect() {
    for closed in 1..8 {
        in_a_process_of_its_own("without standard descriptors", &closed.to_string());
    }
}

fn without_standard_descriptors(closed: &str) {
    let closed: i32 = closed.parse().unwrap();
    for number in (0..3).filter(|number| closed >> number & 1 != 0) {
        // SAFETY: nothing in this process owns them.
        unsafe { libc::close(number) };
    }
    let host = spawn("echo", "");
    // Not printed: a panic's message may have nowhere to go. The status tells.
    let channel = host.channel(SOON).unwrap();
    channel.send(text(1, "there"), SOON).unwrap();
    assert_eq!(channel.receive(SOON).unwrap().id(), 2);
    close(host);
}

/// The kernel tells of a sender's real user.
#[test]
fn a_host_with_two_users_knows_its_children() {
    if !rustix::process::geteuid().is_root() {
        return process::skipped("a_host_with_two_users_knows_its_children", "only root can have two users");
    }
    in_a_process_of_its_own("two users", "");
}

fn two_users() {
    // SAFETY: takes numbers only.
    assert_eq!(unsafe { libc::setresuid(1000, 0, 0) }, 0);
    let host = spawn("echo", "");
    host.wait_connected(SOON).unwrap();
    assert_eq!((host.refused(), host.channel(SOON).unwrap().peer().unwrap().user_id), (0, 1000));
    close(host);
    // SAFETY: as above.
    assert_eq!(unsafe { libc::setresuid(1000, 1000, 1000) }, 0);
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Nproc, none).unwrap();
    let error = Host::spawn(&SpawnOptions::new(["true"])).unwrap_err();
    assert_eq!(error.status(), Status::ResourceExhausted);
    assert!(error.message().contains("RLIMIT_NPROC"), "{error}");
}

/// A debugger can keep an ended process for as long as it likes.
#[test]
fn a_tracer_keeps_nobody_waiting() {
    in_a_process_of_its_own("traced", "");
}

fn traced() {
    let host = spawn("echo", "");
    host.wait_connected(SOON).unwrap();
    let (reading, writing) = std::io::pipe().unwrap();
    let id = host.process_id().unwrap() as libc::pid_t;
    // SAFETY: the child only calls the kernel.
    let tracer = unsafe { libc::fork() };
    if tracer == 0 {
        // SAFETY: as above. It never asks what became of the traced process.
        unsafe {
            let outcome = libc::ptrace(libc::PTRACE_SEIZE, id, 0, 0) as i32;
            let told = outcome.to_ne_bytes();
            libc::write(std::os::fd::AsRawFd::as_raw_fd(&writing), told.as_ptr().cast(), told.len());
            loop {
                libc::pause();
            }
        }
    }
    let mut outcome = [0; 4];
    std::io::Read::read_exact(&mut &reading, &mut outcome).unwrap();
    if i32::from_ne_bytes(outcome) == 0 {
        host.kill().unwrap();
        assert_eq!(wait_end(&host).status(), Status::PeerDead);
        let limit = Timeout::from_nanoseconds(50_000_000);
        let error = host.wait_exit(limit).unwrap_err();
        assert_eq!(error.status(), Status::TimedOut);
        assert!(error.message().contains("tracer"), "{error}");
        drop(host);
    } else {
        process::skipped(
            "a_tracer_keeps_nobody_waiting",
            "this system does not let one process trace another",
        );
        close(host);
    }
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(tracer).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
}

/// Without the kernel's word on who sent a hello, its number may be anybody's.
#[test]
fn a_process_that_is_not_known_for_certain_is_not_killed() {
    in_a_process_of_its_own("uncertain", "");
}

fn idle_after_hello() {
    let _child = Child::connect(SOON).unwrap();
    loop {
        std::thread::park();
    }
}

fn uncertain() {
    const SO_PASSPIDFD: u32 = 76;
    // Any option with one of these bits; those that the library cannot do without have none of them.
    refuse(libc::SYS_setsockopt, 2, SO_PASSPIDFD & 64, libc::ENOPROTOOPT);
    let mut wrapped = options("wrapper", "idle after hello");
    wrapped.allow_descendants = true;
    wrapped.end_of_life = EndOfLife::KillAfter(Timeout::NONE);
    let host = start(&wrapped);
    let greeter = host.channel(SOON).unwrap().peer().unwrap().process_id;
    assert_ne!(Some(greeter), host.process_id());
    assert_eq!(host.kill().unwrap_err().status(), Status::Unsupported);
    assert!(matches!(host.wait_exit(SOON).unwrap(), ChildExit::Signalled(9)));
    drop(host);
    assert!(is_known(greeter));
    let greeter = rustix::process::Pid::from_raw(greeter as i32).unwrap();
    rustix::process::kill_process(greeter, rustix::process::Signal::KILL).unwrap();
}

/// Two copies of the library in one process: the first one has it.
#[test]
fn what_is_inherited_is_taken_once() {
    let host = spawn("twice", "");
    assert_eq!(host.channel(SOON).unwrap().receive(SOON).unwrap().payload(), b"once");
    close(host);
}

fn twice() {
    let connect = || Child::connect(SOON);
    let outcomes = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(connect)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let (connected, others): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert!(others.into_iter().all(|other| other.unwrap_err().status() == Status::WrongState));
    let child = connected.into_iter().next().expect("one of them").unwrap();
    assert_eq!(connect().unwrap_err().status(), Status::WrongState);
    child.channel().send(text(1, "once"), SOON).unwrap();
    child.wait_closed(SOON).unwrap();
    drop(child);
    assert_eq!(connect().unwrap_err().status(), Status::WrongState);
}

/// A fork of a host has no say in the session.
#[test]
fn a_fork_leaves_the_session_alone() {
    in_a_process_of_its_own("forks", "");
}

fn forks() {
    let host = spawn("echo", "");
    host.wait_connected(SOON).unwrap();
    let early = spawn("echo", "");
    let invitation = Invitation::create().unwrap();
    // SAFETY: the child asks a library whose locks nobody holds, and ends.
    let fork = unsafe { libc::fork() };
    if fork == 0 {
        let is_wrong = |status: Status| status == Status::WrongState;
        let calls = [
            host.wait_connected(SOON).is_err_and(|error| is_wrong(error.status())),
            early.wait_connected(SOON).is_err_and(|error| is_wrong(error.status())),
            host.accept_consumer_right(SOON).is_err_and(|error| is_wrong(error.status())),
            host.wait_exit(SOON).is_err_and(|error| is_wrong(error.status())),
            host.kill().is_err_and(|error| is_wrong(error.status())),
            invitation.into_host(None).is_err_and(|(_, error)| is_wrong(error.status())),
            !host.is_connected(),
        ];
        // SAFETY: ends the process, no code of this program runs.
        unsafe { libc::_exit(calls.iter().position(|right| !right).map_or(0, |at| at as i32 + 1)) };
    }
    let fork = rustix::process::WaitId::Pid(rustix::process::Pid::from_raw(fork).unwrap());
    let status = rustix::process::waitid(fork, rustix::process::WaitIdOptions::EXITED).unwrap().unwrap();
    assert_eq!(status.exit_status(), Some(0));
    let channel = host.channel(SOON).unwrap();
    channel.send(text(1, "there"), SOON).unwrap();
    assert_eq!(channel.receive(SOON).unwrap().id(), 2);
    early.wait_connected(SOON).unwrap();
    close(early);
    close(host);
}

/// Does this in a fork, and waits for its end.
fn in_a_fork(work: impl FnOnce()) {
    // SAFETY: the fork does no more than letting go of what it has, of which no other thread holds a lock.
    let child = unsafe { libc::fork() };
    if child == 0 {
        work();
        // SAFETY: ends the process, no code of this program runs.
        unsafe { libc::_exit(0) };
    }
    assert!(ends_well(child));
}

/// A copy of a child that a fork lets go of says no goodbye to the host.
#[test]
fn a_fork_of_a_child_does_not_end_its_session() {
    let host = spawn("lets a fork go", "");
    host.accept_consumer_right(SOON).unwrap();
    assert_eq!(host.accept_consumer_right(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    assert_eq!(host.refused(), 0);
    host.kill().unwrap();
}

fn lets_a_fork_go() {
    let child = std::mem::ManuallyDrop::new(Child::connect(SOON).unwrap());
    // SAFETY: a fork has a copy of its own, and drops it once.
    in_a_fork(|| drop(unsafe { std::ptr::read(&*child) }));
    let _producer = child.create_producer(&swapchain_options()).unwrap();
    loop {
        std::thread::park();
    }
}

/// A copy of a host that a fork lets go of ends neither the session nor the child.
#[test]
fn a_fork_of_a_host_does_not_end_its_session() {
    in_a_process_of_its_own("forgotten by a fork", "");
}

fn accepts_and_exits() {
    let child = Child::connect(SOON).unwrap();
    child.accept_consumer_right(SOON).unwrap();
    assert_eq!(child.refused(), 0);
}

fn forgotten_by_a_fork() {
    let host = std::mem::ManuallyDrop::new(spawn("accepts and exits", ""));
    host.wait_connected(SOON).unwrap();
    // SAFETY: a fork has a copy of its own, and drops it once.
    in_a_fork(|| drop(unsafe { std::ptr::read(&*host) }));
    let producer = Producer::create(&swapchain_options()).unwrap();
    host.offer_consumer_right(producer.consumer_right().unwrap()).unwrap();
    assert_eq!(host.wait_exit(SOON).unwrap(), ChildExit::Exited(0));
}

/// Puts nothing where `/proc` was, for this thread and what it starts.
fn hide_proc() {
    let (nothing, root) = (std::ptr::null::<libc::c_void>(), c"/".as_ptr());
    // SAFETY: the texts are constants.
    let outcomes = unsafe {
        [
            libc::unshare(libc::CLONE_NEWNS),
            libc::mount(root, root, root, libc::MS_REC | libc::MS_PRIVATE, nothing),
            libc::mount(c"tmpfs".as_ptr(), c"/proc".as_ptr(), c"tmpfs".as_ptr(), 0, nothing),
        ]
    };
    assert_eq!(outcomes, [0; 3], "{}", std::io::Error::last_os_error());
}

fn may_make_namespaces(test: &str) -> bool {
    // SAFETY: the child calls the kernel and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: as above.
        unsafe { libc::_exit(libc::unshare(libc::CLONE_NEWNS | libc::CLONE_NEWPID)) };
    }
    let may = ends_well(child);
    if !may {
        process::skipped(test, "this user may not make namespaces");
    }
    may
}

fn ends_well(child: libc::pid_t) -> bool {
    let id = rustix::process::WaitId::Pid(rustix::process::Pid::from_raw(child).unwrap());
    let status = rustix::process::waitid(id, rustix::process::WaitIdOptions::EXITED).unwrap().unwrap();
    status.exit_status() == Some(0)
}

#[test]
fn proc_is_not_needed() {
    if may_make_namespaces("proc_is_not_needed") {
        in_a_process_of_its_own("without proc", "");
    }
}

fn without_proc() {
    let arguments = process::arguments();
    hide_proc();
    let surface = process::plain::surface(16, 16, PixelFormat::Bgra8);
    surface.increment_use_count().unwrap();
    assert!(surface.is_in_use());
    surface.decrement_use_count().unwrap();
    assert!(!surface.is_in_use());
    let start = |role: &str| {
        let mut options = SpawnOptions::new(arguments.clone());
        let entries = process::environment(role, "3");
        options.environment.extend(entries.map(|(name, value)| (name.into(), value.into())));
        options.end_of_life = EndOfLife::KillAfter(SOON);
        Host::spawn(&options).unwrap()
    };
    for refuses in [false, true] {
        if refuses {
            refuse(libc::SYS_pidfd_open, 0, u32::MAX, libc::EPERM);
            refuse(libc::SYS_clone, 0, libc::CLONE_PIDFD as u32, libc::EINVAL);
        }
        let host = start("echo");
        let channel = host.channel(SOON).unwrap();
        channel.send(text(1, "there"), SOON).unwrap();
        assert_eq!(channel.receive(SOON).unwrap().id(), 2);
        close(host);
        assert_eq!(start("exit").wait_exit(SOON).unwrap(), ChildExit::Exited(3));
    }
}

/// What a number says in one PID namespace, it does not say in another one.
#[test]
fn users_of_surfaces_in_another_namespace_count_as_alive() {
    if may_make_namespaces("users_of_surfaces_in_another_namespace_count_as_alive") {
        in_a_process_of_its_own("another namespace", "");
    }
}

fn another_namespace() {
    let surface = process::plain::surface(16, 16, PixelFormat::Bgra8);
    // SAFETY: takes a number only.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWPID) }, 0);
    let host = spawn("uses", "");
    let channel = host.channel(SOON).unwrap();
    let mut message = Message::new(1);
    message.attach(surface.clone()).unwrap();
    channel.send(message, SOON).unwrap();
    for in_use in [true, false, true] {
        channel.receive(SOON).unwrap();
        assert_eq!(surface.is_in_use(), in_use);
        channel.send(Message::new(2), SOON).unwrap();
    }
    host.kill().unwrap();
    host.wait_exit(SOON).unwrap();
    assert!(surface.is_in_use(), "nobody here knows");
}

/// The first process of its namespace, while `/proc` shows the one of its host.
fn uses() {
    let child = Child::connect(SOON).unwrap();
    let surface = child.channel().receive(SOON).unwrap().take_surface(0).unwrap();
    for begins in [true, false, true] {
        if begins { surface.increment_use_count() } else { surface.decrement_use_count() }.unwrap();
        assert_eq!(surface.is_in_use(), begins);
        child.channel().send(Message::new(3), SOON).unwrap();
        child.channel().receive(SOON).unwrap();
    }
    loop {
        std::thread::park();
    }
}
