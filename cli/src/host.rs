//! The host of the demonstration: it starts the child, takes its frames, shows and saves them, and tells how
//! it went.

use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use surfaceport::Timeout;
use surfaceport::channel::Channel;
use surfaceport::session::{ChildExit, Host, SpawnOptions};
use surfaceport::surface::LockMode;
use surfaceport::swapchain::{Consumer, ConsumerStatistics};

use crate::acquisition::{Shared, Taken};
use crate::clock;
use crate::color::Painter;
use crate::command::{Child, Demo, is_standard_stream};
use crate::failure::{Exit, Failure, Result};
use crate::interrupt::Interrupt;
use crate::newest::Found;
use crate::output::{self, Output};
use crate::picture::Layout;
use crate::recorder::{self, Recorder};
use crate::report::Report;
use crate::still;
use crate::surface;
use crate::view::{self, View, Wish};
use crate::wire::{self, End, FromChild, Received, Stream};
use crate::y4m::Header;

/// How long the child may take for what it does at once.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to say how it went, after it was asked to stop.
const LAST_WORD: Duration = Duration::from_millis(500);
/// How often a host that waits for a stream looks whether it shall stop.
const LOOK: Duration = Duration::from_millis(100);
/// How often the view is looked after.
const TEND: Duration = Duration::from_millis(20);

/// Runs the demonstration and prints its figures.
pub(crate) fn run(demo: &Demo) -> Result<Exit> {
    let task = demo.child()?;
    check_files(demo)?;
    output::standard_output_is_read().map_err(|error| crate::unprinted(&error))?;
    let interrupt = Interrupt::catch()?;
    let mut outputs = Outputs::create(demo, &task, &interrupt)?;
    let begun = Guest::start(&task, interrupt.clone()).and_then(|guest| Ok((guest.stream()?, guest)));
    let (stream, guest) = begun.map_err(|failure| match interrupt.came() {
        // Whatever it led to: Ctrl-C reaches the child too.
        true => stopped_early(),
        false => failure,
    })?;
    let picture = Picture::new(&stream)?;
    let mut view = view::open(demo.show, &picture.layout, stream.total, demo.json)?;
    let recorder = outputs.record.take().map(|(path, output)| {
        Recorder::create(path, output, picture.layout, stream.rate, picture.header.as_ref())
    });
    let recorder = recorder.transpose()?;

    let mut taken = Taken::new();
    let mut counts = ConsumerStatistics::default();
    let shown = match stream.frames {
        true => {
            let consumer = guest.consumer()?;
            let shown = guest.show(&consumer, view.as_mut(), &picture, &mut taken, recorder);
            counts = consumer.statistics();
            shown
        }
        false => recorder.map_or(Ok(()), Recorder::finish).map(|()| Wish::Go),
    };
    // The terminal is the user's again before anything is written.
    drop(view);
    let end = guest.end(shown == Ok(Wish::Go));
    let saved = outputs.save.map_or(Ok(()), |(path, output)| save(path, output, &picture, &taken));

    let told = end.as_ref().ok().and_then(Option::as_ref);
    // Also what was presented before the host was there was never shown.
    let presented = told.map_or(counts.shown + counts.dropped, |end| end.presented);
    let report = Report {
        presented,
        shown: counts.shown,
        dropped: presented.saturating_sub(counts.shown),
        handoff_p50_ns: taken.latencies.quantile(0.50),
        handoff_p99_ns: taken.latencies.quantile(0.99),
        bytes_copied: told.and_then(|end| taken.bytes_copied(&end.memory, picture.layout.file_bytes())),
        host_cpu_ms: clock::cpu_ms(),
        child_cpu_ms: told.map(|end| end.cpu_ms),
        width: stream.width,
        height: stream.height,
        format: surface::format(&picture.layout, picture.full_range).to_string(),
        mode: task.mode.to_string(),
        images: task.images,
    };
    crate::print(&if demo.json { report.json() + "\n" } else { report.table() })?;
    shown?;
    if let Some(failure) = end?.and_then(|end| end.failure) {
        return Err(failure);
    }
    saved?;
    Ok(Exit::Ok)
}

/// Saves the last frame that was taken.
fn save(path: &Path, output: Output, picture: &Picture, taken: &Taken) -> Result<()> {
    let Some(frame) = &taken.last else {
        return Err(Failure::new("cannot save the last frame", "there was none", "give a video with frames"));
    };
    let planes = frame.surface().lock(LockMode::Read).map_err(unusable)?;
    still::save(path, output, &mut picture.painter(), &planes)
}

/// The files that will be written, with their names.
struct Outputs<'a> {
    record: Option<(&'a Path, Output)>,
    save: Option<(&'a Path, Output)>,
}

impl Outputs<'_> {
    /// Makes them, so that what cannot be written is told before the work.
    fn create<'a>(demo: &'a Demo, task: &Child, interrupt: &Interrupt) -> Result<Outputs<'a>> {
        let create = |path: Option<&'a Path>, size, failure: fn(&Path, &std::io::Error) -> Failure| {
            path.map(|path| Ok((path, Output::create(path, size, interrupt).map_err(|e| failure(path, &e))?)))
                .transpose()
        };
        let record = create(demo.record.as_deref(), task.recorded_bytes(), recorder::failure)?;
        let save = create(demo.save.as_deref(), 0, still::failure)?;
        if let (Some((_, record)), Some((path, save))) = (&record, &save)
            && record.is_for_the_same_as(save)
        {
            return Err(one_file(path));
        }
        Ok(Outputs { record, save })
    }
}

/// What the frames are.
struct Picture {
    layout: Layout,
    full_range: bool,
    header: Option<Header>,
}

impl Picture {
    fn new(stream: &Stream) -> Result<Picture> {
        let Some(tags) = &stream.tags else {
            let layout = Layout::bgra(stream.width, stream.height);
            return Ok(Picture { layout, full_range: true, header: None });
        };
        let header = Header::from_tags(tags).map_err(|why| {
            Failure::new("the child sent a header that cannot be read", why, "please report this defect")
        })?;
        Ok(Picture { layout: header.layout(), full_range: header.full_range, header: Some(header) })
    }

    fn painter(&self) -> Painter {
        Painter::new(self.layout, self.full_range)
    }
}

/// The child, seen from here.
struct Guest {
    host: Host,
    channel: Arc<Channel>,
    interrupt: Interrupt,
}

impl Guest {
    fn start(task: &Child, interrupt: Interrupt) -> Result<Guest> {
        let failed = |why: &dyn std::fmt::Display| {
            Failure::new("cannot start the child", why, "run surfaceport doctor")
        };
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let command = std::iter::once(program.into_os_string()).chain(task.arguments());
        let host = Host::spawn(&SpawnOptions::new(command)).map_err(|error| failed(&error))?;
        let channel = host.channel(Timeout::after(PATIENCE)).map_err(|error| failed(&error))?.clone();
        Ok(Guest { host, channel, interrupt })
    }

    /// What the child will present. A pipe may take its time before it says what it is.
    fn stream(&self) -> Result<Stream> {
        loop {
            match FromChild::receive(&self.channel, Timeout::after(LOOK))? {
                Received::Message(FromChild::Stream(stream)) => return Ok(stream),
                Received::Message(FromChild::End(End { failure: Some(failure), .. })) => return Err(failure),
                Received::Message(FromChild::End(_)) | Received::Gone => return Err(self.lost()),
                Received::Nothing if self.interrupt.came() => {
                    // It may wait for a pipe.
                    let _ = self.host.kill();
                    return Err(stopped_early());
                }
                Received::Nothing => {}
            }
        }
    }

    fn consumer(&self) -> Result<Consumer> {
        self.host.accept_consumer(Timeout::after(PATIENCE)).map_err(|error| {
            // The child may have said why.
            match FromChild::receive(&self.channel, Timeout::NONE) {
                Ok(Received::Message(FromChild::End(End { failure: Some(failure), .. }))) => failure,
                _ if wire::is_gone(error.status()) => self.lost(),
                _ => unusable(error),
            }
        })
    }

    /// Takes and shows frames until there are no more or the user has seen enough.
    fn show(
        &self,
        consumer: &Consumer,
        view: &mut dyn View,
        picture: &Picture,
        taken: &mut Taken,
        recorder: Option<Recorder>,
    ) -> Result<Wish> {
        let shared = Shared::new();
        let wants = view.interval().is_some();
        std::thread::scope(|scope| {
            let acquiring = scope.spawn(|| {
                let outcome = taken.run(consumer, &shared, wants, recorder);
                shared.newest.close();
                outcome
            });
            let watched = watch(view, &shared, &mut picture.painter(), &self.interrupt);
            if !matches!(watched, Ok(Wish::Go)) {
                shared.stopping.store(true, Ordering::Relaxed);
            }
            // Also when the frames could not be used.
            wire::ask_to_stop(&self.channel);
            let acquired = acquiring.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            acquired.and(watched)
        })
    }

    /// How it went, as the child tells it. When it was `complete`, it has to; a child that was asked to stop and
    /// does not, because it waits for a pipe, is ended.
    fn end(&self, complete: bool) -> Result<Option<End>> {
        let patience = if complete { PATIENCE } else { LAST_WORD };
        match FromChild::receive(&self.channel, Timeout::after(patience)) {
            Ok(Received::Message(FromChild::End(end))) => Ok(Some(end)),
            _ if complete => Err(self.lost()),
            _ => {
                // One that has ended since is as good.
                let _ = self.host.kill();
                Ok(None)
            }
        }
    }

    /// Why a child that said nothing said nothing.
    fn lost(&self) -> Failure {
        let why = match self.host.wait_exit(Timeout::after(Duration::from_secs(1))) {
            Ok(ChildExit::Exited(code)) => format!("it ended early with status {code}"),
            Ok(ChildExit::Signalled(signal)) => format!("it was ended by signal {signal}"),
            Ok(_) | Err(_) => "it gives no answer".to_owned(),
        };
        Failure::new(
            "the child is lost",
            why,
            "the frames until then are kept; run surfaceport doctor, then try again",
        )
    }
}

/// Shows the newest frames, one after the other, until there are no more or the user wants no more.
fn watch(view: &mut dyn View, shared: &Shared, painter: &mut Painter, interrupt: &Interrupt) -> Result<Wish> {
    loop {
        if view.tend(shared.shown.load(Ordering::Relaxed))? == Wish::Stop || interrupt.came() {
            return Ok(Wish::Stop);
        }
        let began = Instant::now();
        match shared.newest.take(TEND) {
            Found::Closed => return Ok(Wish::Go),
            Found::Nothing => {}
            Found::New(frame) => {
                let planes = frame.surface().lock(LockMode::Read).map_err(unusable)?;
                view.show(frame.number(), painter, &planes)?;
                drop(planes);
                drop(frame);
                let rest = view.interval().unwrap_or_default().saturating_sub(began.elapsed());
                std::thread::sleep(rest);
            }
        }
    }
}

/// Refuses files that would spoil each other, before anything is started.
fn check_files(demo: &Demo) -> Result<()> {
    for (option, path) in [("--record", &demo.record), ("--save", &demo.save)] {
        let Some(path) = path else { continue };
        if is_standard_stream(path) || output::is_standard_output(path) {
            return Err(Failure::usage(
                format!("cannot use standard output for {option}"),
                "the figures go there",
                "give it a file",
            ));
        }
        if demo.input.as_deref().is_some_and(|input| same_file(input, path)) {
            return Err(Failure::usage(
                format!("cannot write to '{}'", path.display()),
                format!("{option} and --input name the same file"),
                "give another file",
            ));
        }
    }
    if let (Some(record), Some(save)) = (&demo.record, &demo.save)
        && (record == save || same_file(record, save))
    {
        return Err(one_file(save));
    }
    if demo.input.as_deref().is_some_and(is_standard_stream) && std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "cannot play standard input",
            "it is a terminal",
            "pipe a stream into it: ffmpeg -i FILE -f yuv4mpegpipe - | surfaceport demo --input -",
        ));
    }
    Ok(())
}

fn one_file(path: &Path) -> Failure {
    Failure::usage(
        format!("cannot write to '{}'", path.display()),
        "--record and --save name the same file",
        "give two files",
    )
}

/// Whether both paths lead to one regular file.
fn same_file(one: &Path, other: &Path) -> bool {
    match (std::fs::metadata(one), std::fs::metadata(other)) {
        (Ok(one), Ok(other)) => one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

fn stopped_early() -> Failure {
    let why = "somebody stopped it before a frame came";
    Failure::new("there is nothing to show", why, "give the stream more time")
}

fn unusable(error: surfaceport::Error) -> Failure {
    Failure::new("the host cannot take the frames", error, "run surfaceport doctor")
}
