//! Start-up: from the start of a process to its first frame of 64 × 64 in the host.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow};
use iceoryx2::prelude::*;
use ipc_channel::ipc::{IpcOneShotServer, IpcSender, IpcSharedMemory};
use rustix::event::{PollFd, PollFlags};
use serde::{Deserialize, Serialize};
use surfaceport::Timeout;
use surfaceport::session::{Child, Host, SpawnOptions};
use surfaceport::swapchain::{PresentInfo, SwapchainOptions};
use surfaceport::time;

use crate::Options;
use crate::peer::{Assignment, Role, SOON};
use crate::pin::{Pinning, look_until};
use crate::report::{Table, Unit};
use crate::samples::Series;

const SIDE: u32 = 64;
const BYTES: usize = (SIDE * SIDE * 4) as usize;

/// How a child brings its first frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Start {
    /// No frame: a byte by a pipe, which is the floor.
    Byte,
    Ours,
    Socket,
    IpcChannel(String),
    Iceoryx(String),
}

type Starter = fn(Pinning) -> Result<i64>;

const STARTERS: [(&str, Starter); 5] = [
    ("surfaceport", start_ours),
    ("a byte by a pipe", start_byte),
    ("Unix stream socket", start_socket),
    ("ipc-channel memory", start_ipc),
    ("iceoryx2, polling", start_iceoryx),
];

pub(crate) fn run(options: &Options) -> Result<Vec<Table>> {
    let mut all = STARTERS.map(|_| Series::default());
    for round in 0..=options.rounds {
        for ((_, start), series) in STARTERS.iter().zip(&mut all) {
            let times = (0..options.count(20, 3)).map(|_| Ok(start(options.pinning)? as u64));
            let times = times.collect::<Result<Vec<_>>>()?;
            if round > 0 {
                series.push(&times);
            }
        }
    }
    let mut table =
        Table::new("startup", "Start-up: from the start of a process to its first frame", Unit::Nanoseconds);
    for ((name, _), series) in STARTERS.iter().zip(&all) {
        table.add("64 × 64", 0.0, name, series);
    }
    table.compare_to(STARTERS[0].0);
    table.note(
        "The child is this program, which is the same for all; the byte by a pipe is what that alone takes.",
    );
    Ok(vec![table])
}

fn command(start: Start, pinning: Pinning) -> Result<Command> {
    let [program, rest @ ..] = Assignment { role: Role::Start(start), pinning }.arguments()?;
    let mut command = Command::new(program);
    command.args(rest).stdin(Stdio::null());
    Ok(command)
}

fn start_byte(pinning: Pinning) -> Result<i64> {
    let begin = time::now();
    let mut child = command(Start::Byte, pinning)?.stdout(Stdio::piped()).spawn()?;
    child.stdout.take().context("a pipe")?.read_exact(&mut [0])?;
    let taken = time::now() - begin;
    child.wait()?;
    Ok(taken)
}

fn start_ours(pinning: Pinning) -> Result<i64> {
    let arguments = Assignment { role: Role::Start(Start::Ours), pinning }.arguments()?;
    let begin = time::now();
    let host = Host::spawn(&SpawnOptions::new(arguments))?;
    let frame = host.accept_consumer(SOON)?.acquire(SOON)?;
    let taken = time::now() - begin;
    drop(frame);
    host.close();
    Ok(taken)
}

fn start_socket(pinning: Pinning) -> Result<i64> {
    let begin = time::now();
    let (mut ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    let mut child = command(Start::Socket, pinning)?.stdin(OwnedFd::from(theirs)).spawn()?;
    ours.read_exact(&mut [0; BYTES])?;
    let taken = time::now() - begin;
    child.wait()?;
    Ok(taken)
}

fn start_ipc(pinning: Pinning) -> Result<i64> {
    let begin = time::now();
    let (server, name) = IpcOneShotServer::<IpcSharedMemory>::new()?;
    let mut child = command(Start::IpcChannel(name), pinning)?.spawn()?;
    let (_, frame) = server.accept()?;
    std::hint::black_box(frame.first());
    let taken = time::now() - begin;
    child.wait()?;
    Ok(taken)
}

fn plain(error: impl std::fmt::Debug) -> anyhow::Error {
    anyhow!("iceoryx2: {error:?}")
}

fn node() -> Result<Node<ipc::Service>> {
    set_log_level(LogLevel::Error);
    NodeBuilder::new().signal_handling_mode(SignalHandlingMode::Disabled).create().map_err(plain)
}

fn start_iceoryx(pinning: Pinning) -> Result<i64> {
    let begin = time::now();
    let name = format!("surfaceport-bench/{}/{begin}", std::process::id());
    let node = node()?;
    let service = node.service_builder(&ServiceName::new(&name).map_err(plain)?);
    let service = service.publish_subscribe::<[u8]>().history_size(1).open_or_create().map_err(plain)?;
    let subscriber = service.subscriber_builder().create().map_err(plain)?;
    let mut child = command(Start::Iceoryx(name), pinning)?.stdin(Stdio::piped()).spawn()?;
    let mut found = subscriber.receive().map_err(plain);
    look_until(pinning.is_shared(), || {
        if matches!(found, Ok(None)) {
            found = subscriber.receive().map_err(plain);
        }
        !matches!(found, Ok(None))
    });
    let frame = found?.context("a sample")?;
    std::hint::black_box(frame.payload().first());
    let taken = time::now() - begin;
    drop(frame);
    // The child waits for this before it takes its frame back.
    drop(child.stdin.take());
    child.wait()?;
    Ok(taken)
}

/// The child's part.
pub(crate) fn child(start: &Start) -> Result<()> {
    match start {
        Start::Byte => Ok(std::io::stdout().write_all(&[1])?),
        Start::Socket => {
            let descriptor = rustix::io::dup(rustix::stdio::stdin())?;
            Ok(std::os::unix::net::UnixStream::from(descriptor).write_all(&[1; BYTES])?)
        }
        Start::Ours => {
            let host = Child::connect(SOON)?;
            let options = SwapchainOptions { width: SIDE, height: SIDE, ..SwapchainOptions::default() };
            let producer = host.create_producer(&options)?;
            let image = producer.acquire(SOON)?;
            producer.present(image, &PresentInfo::default()).map_err(|(_, error)| error)?;
            // Takes in the consumer, and ends when the host does.
            while host.wait_closed(Timeout::NONE).is_err() {
                let mut either = [producer.descriptor(), host.descriptor()]
                    .map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN));
                rustix::event::poll(&mut either, None)?;
                producer.service();
            }
            Ok(())
        }
        Start::IpcChannel(name) => {
            Ok(IpcSender::connect(name.clone())?.send(IpcSharedMemory::from_byte(1, BYTES))?)
        }
        Start::Iceoryx(name) => {
            let node = node()?;
            let service = node.service_builder(&ServiceName::new(name).map_err(plain)?);
            let service =
                service.publish_subscribe::<[u8]>().history_size(1).open_or_create().map_err(plain)?;
            let publisher =
                service.publisher_builder().initial_max_slice_len(BYTES).create().map_err(plain)?;
            let sample = publisher.loan_slice_uninit(BYTES).map_err(plain)?.write_from_slice(&[1; BYTES]);
            sample.send().map_err(plain)?;
            let _ = std::io::stdin().read(&mut [0]);
            Ok(())
        }
    }
}
