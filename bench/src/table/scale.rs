//! Scale: many streams into one thread, many consumers of one stream.

use std::os::fd::AsFd;

use anyhow::{Context, Result};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use surfaceport::message::Message;
use surfaceport::swapchain::{Consumer, PresentInfo, Producer, SwapchainOptions};
use surfaceport::{Timeout, time};

use crate::Options;
use crate::desk::{Order, Work};
use crate::measure::{processor_time, sleep_until};
use crate::peer::{Peer, Role, SOON, Seat};
use crate::report::{Table, Unit};
use crate::samples::Series;

const STREAMS: [usize; 4] = [1, 4, 16, 64];
const CONSUMERS: [usize; 3] = [1, 4, 16];
const TICK: u64 = 16_666_667;
/// The side of an image in pixels. Nothing here depends on it.
const SIDE: u32 = 64;

fn swapchain_options() -> SwapchainOptions {
    SwapchainOptions { width: SIDE, height: SIDE, ..SwapchainOptions::default() }
}

pub(crate) fn run(options: &Options) -> Result<Vec<Table>> {
    let mut tables = run_streams(options)?;
    tables.extend(run_consumers(options)?);
    Ok(tables)
}

fn present(producer: &Producer, is_last: bool) -> Result<()> {
    let image = producer.acquire(SOON)?;
    let mut info = PresentInfo::default();
    info.user[8] = u8::from(is_last);
    info.user[..8].copy_from_slice(&time::now().to_ne_bytes());
    producer.present(image, &info).map_err(|(_, error)| error)?;
    Ok(())
}

fn latency(user: &[u8]) -> Result<u64> {
    let received = time::now();
    let sent = i64::from_ne_bytes(*user.first_chunk().context("a stamp")?);
    Ok((received - sent).max(0) as u64)
}

/// A child that has one stream and presents by the clock.
pub(crate) fn producer(mut seat: Seat) -> Result<()> {
    let producer = seat.host.create_producer(&swapchain_options())?;
    loop {
        let order = seat.desk.next_order()?;
        if order.work == Work::Stop {
            return Ok(());
        }
        // Each begins at a time of its own, so that they do not all come at once.
        let first = time::now() + order.seed as i64;
        for number in 0..order.count {
            sleep_until(first + (number * order.gap) as i64);
            present(&producer, false)?;
        }
        seat.desk.done()?;
    }
}

/// Several children and their streams, waited for by one thread.
struct Streams {
    consumers: Vec<Consumer>,
    peers: Vec<Peer>,
    epoll: std::os::fd::OwnedFd,
    /// Of this process for each stream, besides pixels, which it does not touch.
    memory: f64,
    descriptors: f64,
}

impl Streams {
    fn start(count: usize, options: &Options) -> Result<Self> {
        let (memory, descriptors) = (own_memory()?, own_descriptors()?);
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let (mut consumers, mut peers) = (Vec::new(), Vec::new());
        for number in 0..count {
            let peer = Peer::spawn(Role::Producer, options.pinning)?;
            let consumer = peer.host.accept_consumer(SOON)?;
            let data = EventData::new_u64(number as u64);
            epoll::add(&epoll, consumer.descriptor().as_fd(), data, EventFlags::IN)?;
            consumers.push(consumer);
            peers.push(peer);
        }
        let mut streams = Self { consumers, peers, epoll, memory: 0.0, descriptors: 0.0 };
        streams.round(options.count(60, 20))?;
        streams.memory = (own_memory()? - memory).max(0.0) / count as f64;
        streams.descriptors = (own_descriptors()? - descriptors) / count as f64;
        Ok(streams)
    }

    /// Latencies, and nanoseconds of this process for each frame.
    fn round(&mut self, frames: usize) -> Result<(Vec<u64>, f64)> {
        let count = self.peers.len();
        for (number, peer) in self.peers.iter().enumerate() {
            let seed = TICK * number as u64 / count as u64;
            peer.desk.order(Order { gap: TICK, seed, ..Order::new(Work::Clocked, frames) })?;
        }
        let begin = processor_time();
        let mut latencies = Vec::with_capacity(frames * count);
        let mut ready = Vec::with_capacity(count);
        // The newest frame wins: one that came too late to be seen is not waited for.
        let second = rustix::time::Timespec { tv_sec: 1, tv_nsec: 0 };
        let all = frames * count;
        while latencies.len() < all {
            ready.clear();
            epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut ready), Some(&second))?;
            if ready.is_empty() {
                break;
            }
            for event in &ready {
                let number = event.data.u64() as usize;
                while let Ok(frame) = self.consumers[number].acquire(Timeout::NONE) {
                    latencies.push(latency(&frame.info().present.user)?);
                }
            }
        }
        let taken = (processor_time() - begin) as f64 / latencies.len().max(1) as f64;
        for peer in &mut self.peers {
            peer.desk.wait_done()?;
        }
        Ok((latencies, taken))
    }
}

/// What this process and those that it shares memory with have written of what it maps, in bytes: not its program.
fn own_memory() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let dirty = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).context("a line of dirty memory")?;
        anyhow::Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0)
    };
    Ok(dirty("Private_Dirty:")? + dirty("Shared_Dirty:")?)
}

fn own_descriptors() -> Result<f64> {
    Ok(std::fs::read_dir("/proc/self/fd")?.count() as f64)
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn run_streams(options: &Options) -> Result<Vec<Table>> {
    let mut groups = STREAMS.map(|_| None);
    for (group, count) in groups.iter_mut().zip(STREAMS) {
        *group = Some(Streams::start(count, options)?);
    }
    let new = || STREAMS.map(|_| Series::default());
    let (mut latencies, mut taken) = (new(), new());
    for _ in 0..options.rounds {
        for (place, group) in groups.iter_mut().flatten().enumerate() {
            let (times, each) = group.round(options.count(180, 20))?;
            latencies[place].push(&times);
            taken[place].push_value(each);
        }
    }
    let name = |count: usize| counted(count, "stream");
    let one = name(STREAMS[0]);
    let mut times = Table::new(
        "streams",
        "Scale: streams of 60 Hz into one thread, present to acquired",
        Unit::Nanoseconds,
    );
    let mut processor =
        Table::new("streams-processor", "Scale: the host's processor time for each frame", Unit::Nanoseconds);
    let mut memory =
        Table::new("streams-memory", "Scale: the host's memory for each stream, besides pixels", Unit::Bytes);
    let mut descriptors =
        Table::new("streams-descriptors", "Scale: the host's descriptors for each stream", Unit::Count);
    for (place, group) in groups.iter().flatten().enumerate() {
        let (by, size) = (name(STREAMS[place]), STREAMS[place] as f64);
        times.add("streams", 0.0, &by, &latencies[place]);
        processor.add("streams", 0.0, &by, &taken[place]);
        let add = |table: &mut Table, value: f64| {
            let mut series = Series::default();
            series.push_value(value);
            table.add("streams", size, &by, &series);
        };
        add(&mut memory, group.memory);
        add(&mut descriptors, group.descriptors);
    }
    times.note(
        "Each stream has a child of its own; all children run on one processor. The host waits by epoll.",
    );
    memory.note("What was written of the memory that this process maps, divided by the streams. The child's own and the \
                 kernel's are not in it.");
    let mut tables = vec![times, processor, memory, descriptors];
    tables.iter_mut().for_each(|table| table.compare_to_case(&one));
    Ok(tables)
}

/// A child that takes every frame it can, and sends how long they took.
pub(crate) fn consumer(mut seat: Seat) -> Result<()> {
    let consumer = seat.host.accept_consumer(SOON)?;
    loop {
        let order = seat.desk.next_order()?;
        if order.work == Work::Stop {
            return Ok(());
        }
        let mut latencies = Vec::new();
        loop {
            let frame = consumer.acquire(Timeout::FOREVER)?;
            let user = frame.info().present.user;
            latencies.extend_from_slice(&latency(&user)?.to_ne_bytes());
            if user[8] != 0 {
                break;
            }
        }
        seat.give(Message::with_payload(0, latencies)?)?;
        seat.desk.done()?;
    }
}

/// One stream and its consumers.
struct Audience {
    producer: Producer,
    peers: Vec<Peer>,
}

impl Audience {
    fn start(count: usize, options: &Options) -> Result<Self> {
        let producer = Producer::create(&swapchain_options())?;
        let start = |_| {
            let peer = Peer::spawn(Role::Consumer, options.pinning)?;
            let offered = peer.host.offer_consumer_right(producer.consumer_right()?);
            offered.map_err(|failure| failure.error)?;
            Ok(peer)
        };
        let peers = (0..count).map(start).collect::<Result<_>>()?;
        let mut audience = Self { producer, peers };
        // It is attached by a frame that is not the last.
        audience.round(options.count(200, 100))?;
        Ok(audience)
    }

    /// Latencies of all, and nanoseconds of this process for each frame and consumer.
    fn round(&mut self, frames: usize) -> Result<(Vec<u64>, f64)> {
        for peer in &self.peers {
            peer.desk.order(Order::new(Work::Clocked, frames))?;
        }
        let begin = processor_time();
        let first = time::now() + 5_000_000;
        for number in 0..frames as i64 {
            sleep_until(first + number * 2_000_000);
            present(&self.producer, false)?;
        }
        sleep_until(first + frames as i64 * 2_000_000);
        present(&self.producer, true)?;
        let taken = (processor_time() - begin) as f64 / frames as f64;
        let mut latencies = Vec::new();
        for peer in &mut self.peers {
            let message = peer.take()?;
            let stamps = message.payload().chunks_exact(8).filter_map(|stamp| stamp.first_chunk());
            latencies.extend(stamps.map(|stamp| u64::from_ne_bytes(*stamp)));
            peer.desk.wait_done()?;
        }
        Ok((latencies, taken))
    }
}

fn run_consumers(options: &Options) -> Result<Vec<Table>> {
    let mut groups = Vec::new();
    for count in CONSUMERS {
        groups.push(Audience::start(count, options)?);
    }
    let new = || CONSUMERS.map(|_| Series::default());
    let (mut latencies, mut taken) = (new(), new());
    for _ in 0..options.rounds {
        for (place, group) in groups.iter_mut().enumerate() {
            let (times, each) = group.round(options.count(1000, 100))?;
            latencies[place].push(&times);
            taken[place].push_value(each);
        }
    }
    let mut times =
        Table::new("consumers", "Scale: consumers of one stream, present to acquired", Unit::Nanoseconds);
    let mut processor = Table::new(
        "consumers-processor",
        "Scale: the producer's processor time for each frame",
        Unit::Nanoseconds,
    );
    for (place, count) in CONSUMERS.iter().enumerate() {
        let by = counted(*count, "consumer");
        times.add("consumers", 0.0, &by, &latencies[place]);
        processor.add("consumers", 0.0, &by, &taken[place]);
    }
    let one = counted(CONSUMERS[0], "consumer");
    times.note("A frame every 2 ms; all consumers are woken from their sleep, and run on one processor, one after the \
                other.");
    processor.note("The producer's timer is in it.");
    let mut tables = vec![times, processor];
    tables.iter_mut().for_each(|table| table.compare_to_case(&one));
    Ok(tables)
}
