//! The child of the demonstration: the process that draws. It makes frames, writes them into the swapchain's
//! surfaces and presents them.

use std::time::{Duration, Instant};

use surfaceport::channel::Channel;
use surfaceport::session;
use surfaceport::surface::LockMode;
use surfaceport::swapchain::{PresentInfo, PresentMode, Producer, SwapchainOptions};
use surfaceport::{Status, Timeout};

use crate::clock;
use crate::command::{Child, Mode};
use crate::failure::{Exit, Failure, Result};
use crate::interrupt::Interrupt;
use crate::memory;
use crate::rate::{Pacer, Rate};
use crate::source::Source;
use crate::surface;
use crate::wire::{self, End, FromChild, Stream};
use crate::y4m::MAX_FRAME_TAGS;

/// How long the host may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a child that waits for an image looks whether it shall stop.
const LOOK: Duration = Duration::from_millis(100);

/// Draws or plays what `task` says. What goes wrong is told to the host, which tells the user.
pub(crate) fn run(task: &Child) -> Result<Exit> {
    let interrupt = Interrupt::catch()?;
    let session = session::Child::connect(Timeout::after(PATIENCE)).map_err(|error| {
        Failure::new("the child cannot reach its host", error, "start it by surfaceport demo")
    })?;
    let channel = session.channel();
    let mut end = End::default();
    end.failure = play(task, &session, channel, &interrupt, &mut end).err();
    end.cpu_ms = clock::cpu_ms();
    let exit = if end.failure.is_some() { Exit::Failed } else { Exit::Ok };
    FromChild::End(end).send(channel)?;
    Ok(exit)
}

fn play(
    task: &Child,
    session: &session::Child,
    channel: &Channel,
    interrupt: &Interrupt,
    end: &mut End,
) -> Result<()> {
    let mut source = Source::open(task)?;
    // The first frame before the first surface: a header that lies costs nothing.
    let first = source.advance();
    let layout = source.layout();
    let own_rate = source.rate();
    let rate = task.fps.unwrap_or(own_rate);
    let limit = task.seconds.map(|seconds| rate.frames_in(seconds));
    let stream = Stream {
        width: layout.width,
        height: layout.height,
        rate: if source.tags().is_some() { own_rate } else { rate },
        tags: source.tags().map(<[u8]>::to_vec),
        total: limit.filter(|_| source.tags().is_none()),
        frames: matches!(first, Ok(true)),
    };
    FromChild::Stream(stream).send(channel)?;
    if !first? {
        return Ok(());
    }
    let options = SwapchainOptions {
        width: layout.width,
        height: layout.height,
        format: surface::format(&layout, source.full_range()),
        images: task.images,
        mode: match task.mode {
            Mode::Mailbox => PresentMode::Mailbox,
            Mode::Fifo => PresentMode::Fifo,
            Mode::Immediate => PresentMode::Immediate,
        },
        ..SwapchainOptions::default()
    };
    let producer = session.create_producer(&options).map_err(|error| {
        Failure::new(
            format!("cannot make a swapchain of {} × {}", layout.width, layout.height),
            error,
            "try a smaller --size or fewer --images, and see surfaceport doctor",
        )
    })?;
    if !attached(&producer, channel) {
        return Ok(());
    }
    let pace = (!task.unpaced).then_some(rate);
    let outcome =
        Player { producer: &producer, channel, interrupt, end }.run(&mut source, pace, limit, task.seconds);
    end.presented = producer.statistics().presented;
    outcome
}

struct Player<'a> {
    producer: &'a Producer,
    channel: &'a Channel,
    interrupt: &'a Interrupt,
    end: &'a mut End,
}

impl Player<'_> {
    /// Presents the frame that is ready and all that follow, up to `limit`.
    fn run(
        &mut self,
        source: &mut Source,
        pace: Option<Rate>,
        limit: Option<u64>,
        seconds: Option<f64>,
    ) -> Result<()> {
        let start = Instant::now();
        let mut pacer = pace.map(Pacer::new);
        for count in 1.. {
            // First the wait, then the drawing: after a frame is presented this process sleeps, so that it does
            // not keep the processor from the host that was just woken.
            if let Some(pacer) = &mut pacer {
                pacer.wait();
            }
            let over = pace.is_some() && seconds.is_some_and(|most| start.elapsed().as_secs_f64() >= most);
            if over || self.shall_stop() {
                break;
            }
            if (count > 1 && !source.advance()?) || !self.present(source)? {
                break;
            }
            if limit.is_some_and(|limit| count >= limit) {
                break;
            }
        }
        Ok(())
    }

    fn shall_stop(&self) -> bool {
        self.interrupt.came() || wire::shall_stop(self.channel)
    }

    /// Presents the frame that is ready; false if the host wants no more.
    fn present(&mut self, source: &Source) -> Result<bool> {
        let image = loop {
            match self.producer.acquire(Timeout::after(LOOK)) {
                Ok(image) => break image,
                Err(error) if error.status() == Status::TimedOut => {
                    if self.shall_stop() {
                        return Ok(false);
                    }
                }
                Err(error) if wire::is_gone(error.status()) => return Ok(false),
                Err(error) => return Err(undrawable(error)),
            }
        };
        let surface = image.surface();
        source.write(&mut surface.lock(LockMode::Write).map_err(undrawable)?)?;
        if !self.end.memory.iter().any(|(id, _)| *id == surface.id())
            && let Some(identity) = memory::identity(surface)
        {
            self.end.memory.push((surface.id(), identity));
        }
        let info = PresentInfo { user: user_bytes(source.frame_tags()), ..PresentInfo::default() };
        match self.producer.present(image, &info) {
            Ok(_) => Ok(true),
            Err((_, error)) if wire::is_gone(error.status()) => Ok(false),
            Err((_, error)) => Err(undrawable(error)),
        }
    }
}

/// Waits until the host takes part, so that it sees the first frame, and a stream of one frame too. False if
/// it does not want to, or is gone.
fn attached(producer: &Producer, channel: &Channel) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while producer.statistics().consumers == 0 {
        if wire::shall_stop(channel) || Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
        producer.service();
    }
    true
}

/// A frame's own tags as the 64 bytes that go with it: their length, then they.
fn user_bytes(tags: &[u8]) -> [u8; 64] {
    let mut bytes = [0; 64];
    let length = tags.len().min(MAX_FRAME_TAGS);
    bytes[0] = length as u8;
    bytes[1..=length].copy_from_slice(&tags[..length]);
    bytes
}

fn undrawable(error: surfaceport::Error) -> Failure {
    Failure::new("the child cannot present a frame", error, "run surfaceport doctor")
}
