//! The command line.

use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::failure::{Exit, Failure, Result, one_line};
use crate::rate::Rate;
use crate::screen::Screen;
use crate::source::SCENE_RATE;
use crate::view::Show;
use crate::y4m::MAX_SIDE;

const EXIT_STATUSES: &str = "\
Exit status:
  0  it did what was asked
  1  something failed, or the doctor found a problem; one line on standard error says what
  2  the command line makes no sense";

const DEMO_EXAMPLES: &str = "\
Examples:
  surfaceport demo
      an animated scene for 5 seconds, shown in a window, in the terminal, or as progress
  surfaceport demo --seconds 3 --save out.png --show none --json
      the same without a picture, the last frame as PNG, the figures as JSON
  ffmpeg -v error -i film.mp4 -f yuv4mpegpipe - | surfaceport demo --input -
      a film, at its own frame rate
  surfaceport demo --input film.y4m --record copy.y4m
      every frame through the swapchain into another file, as fast as it goes";

/// One process draws into shared surfaces, another one shows them, without a copy.
#[derive(Debug, Parser)]
#[command(name = "surfaceport", version, after_help = EXIT_STATUSES)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

/// What the program is asked to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a child that draws a scene or plays a video, and show its frames here.
    #[command(allow_negative_numbers = true, after_help = format!("{DEMO_EXAMPLES}\n\n{EXIT_STATUSES}"))]
    Demo(Demo),
    /// Tell what this system offers, and what is wrong.
    #[command(after_help = format!("Examples:\n  surfaceport doctor\n  surfaceport doctor --json\n\n{EXIT_STATUSES}"))]
    Doctor(Doctor),
    /// The other side of `demo`.
    #[command(hide = true)]
    Child(Child),
    /// The other side of `doctor`.
    #[cfg(target_os = "macos")]
    #[command(hide = true)]
    Probe,
}

/// `surfaceport doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Tell it as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `surfaceport demo`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Demo {
    /// Size of the scene in pixels [default: 1280x720].
    #[arg(long, value_name = "WIDTHxHEIGHT", conflicts_with = "input")]
    size: Option<Size>,
    /// Frames a second, as 60, 59.94 or 30000/1001 [default: 60, or what the video says].
    #[arg(long)]
    pub(crate) fps: Option<Rate>,
    /// Seconds to run [default: 5, or the whole video].
    #[arg(long, value_parser = seconds)]
    seconds: Option<f64>,
    /// Images of the swapchain, 2 to 16; 1 in immediate mode [default: 3].
    #[arg(long, value_name = "COUNT")]
    images: Option<u32>,
    /// How frames are handed over [default: mailbox, or fifo with --record].
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Play this YUV4MPEG2 stream instead of the scene; - is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Save the last frame as PNG.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Write every frame as YUV4MPEG2, in fifo mode and as fast as it goes.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Tell the figures as one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Where to show the frames.
    #[arg(long, value_enum, default_value_t = Show::Auto)]
    pub(crate) show: Show,
}

/// `surfaceport child`: what the host tells the child that it starts.
#[derive(Clone, Debug, PartialEq, Args)]
pub(crate) struct Child {
    /// Size of the scene.
    #[arg(long)]
    pub(crate) size: Size,
    /// The frame rate that was asked for.
    #[arg(long)]
    pub(crate) fps: Option<Rate>,
    /// The time that was asked for.
    #[arg(long)]
    pub(crate) seconds: Option<f64>,
    /// Images of the swapchain.
    #[arg(long)]
    pub(crate) images: u32,
    /// How frames are handed over.
    #[arg(long, value_enum)]
    pub(crate) mode: Mode,
    /// The stream to play.
    #[arg(long)]
    pub(crate) input: Option<PathBuf>,
    /// Whether frames go as fast as the host takes them.
    #[arg(long)]
    pub(crate) unpaced: bool,
}

/// How frames are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// The newest frame wins.
    Mailbox,
    /// Every frame is seen, in order.
    Fifo,
    /// One image; a frame may be seen half drawn.
    Immediate,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Mailbox => "mailbox",
            Mode::Fifo => "fifo",
            Mode::Immediate => "immediate",
        })
    }
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Pixels of a row.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let side = |text: &str| text.parse().ok().filter(|side| (1..=MAX_SIDE).contains(side));
        let sides = text.split_once(['x', 'X', '×']).and_then(|(w, h)| Some((side(w)?, side(h)?)));
        let (width, height) =
            sides.ok_or_else(|| format!("a size is two numbers from 1 to {MAX_SIDE}, as 1280x720"))?;
        Ok(Size { width, height })
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|&seconds: &f64| seconds > 0.0 && seconds <= 86_400.0);
    value.ok_or_else(|| "it is a number over 0 and up to 86400".into())
}

impl Demo {
    /// What the child is told: everything that was left open is decided here.
    pub(crate) fn child(&self) -> Result<Child> {
        let mode = self.mode.unwrap_or(if self.record.is_some() { Mode::Fifo } else { Mode::Mailbox });
        if self.record.is_some() && mode != Mode::Fifo {
            return Err(Failure::usage(
                format!("cannot record in {mode} mode"),
                "only fifo mode sees every frame",
                "leave --mode away or give --mode fifo",
            ));
        }
        let images = match (mode, self.images) {
            (Mode::Immediate, None | Some(1)) => 1,
            (Mode::Immediate, Some(images)) => {
                return Err(Failure::usage(
                    format!("cannot use {images} images in immediate mode"),
                    "immediate mode draws into the one image that is shown",
                    "leave --images away or choose another mode",
                ));
            }
            (_, None) => 3,
            (_, Some(images @ 2..=16)) => images,
            (mode, Some(images)) => {
                return Err(Failure::usage(
                    format!("cannot use {images} image{} in {mode} mode", if images == 1 { "" } else { "s" }),
                    "a swapchain that does not tear has 2 to 16",
                    "give --images 3, or --mode immediate for one image",
                ));
            }
        };
        Ok(Child {
            size: self.size.unwrap_or(Size { width: 1280, height: 720 }),
            fps: self.fps,
            seconds: self.seconds.or(self.input.is_none().then_some(5.0)),
            images,
            mode,
            input: self.input.clone(),
            // A video that is recorded goes at full speed unless a rate was asked for; for the scene the
            // rate is the recording's.
            unpaced: self.record.is_some() && (self.input.is_none() || self.fps.is_none()),
        })
    }
}

impl Child {
    /// How many bytes a recording of this will have, as far as that is known before.
    pub(crate) fn recorded_bytes(&self) -> u64 {
        match (&self.input, self.seconds) {
            (None, Some(seconds)) => {
                let pixels = u64::from(self.size.width) * u64::from(self.size.height);
                // Three samples for each, and what stands before a frame.
                self.fps.unwrap_or(SCENE_RATE).frames_in(seconds).saturating_mul(pixels * 3 + 6)
            }
            // As it is played it is recorded.
            (Some(path), None) => {
                std::fs::metadata(path).ok().filter(|found| found.is_file()).map_or(0, |f| f.len())
            }
            _ => 0,
        }
    }

    /// The arguments from which the child reads this again.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["child".into()];
        let mut option = |name: &str, value: &dyn fmt::Display| {
            arguments.push(format!("--{name}={value}").into());
        };
        option("size", &self.size);
        option("images", &self.images);
        option("mode", &self.mode);
        if let Some(fps) = &self.fps {
            option("fps", fps);
        }
        if let Some(seconds) = &self.seconds {
            option("seconds", seconds);
        }
        if self.unpaced {
            arguments.push("--unpaced".into());
        }
        if let Some(input) = &self.input {
            let mut argument = OsString::from("--input=");
            argument.push(input);
            arguments.push(argument);
        }
        arguments
    }
}

/// Whether `path` means standard input or output.
pub(crate) fn is_standard_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads the command line. Help and version are printed here, and then there is nothing to do.
pub(crate) fn read(arguments: impl Iterator<Item = OsString>) -> Result<Option<Command>> {
    let error = match CommandLine::try_parse_from(arguments) {
        Ok(line) => return Ok(Some(line.command)),
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = error.render();
            let coloured = Screen::of(&std::io::stdout()) == Screen::Color;
            let text = if coloured { text.ansi().to_string() } else { text.to_string() };
            // A reader that went away does not want the rest.
            let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
            Ok(None)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            Err(Failure::usage("nothing to do", "no command was given", "see surfaceport --help"))
        }
        _ => Err(usage(&error.render().to_string())),
    }
}

/// One line out of the several that the parser writes.
fn usage(text: &str) -> Failure {
    let head: Vec<&str> =
        text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:")).collect();
    let words: Vec<&str> = head
        .into_iter()
        .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
        .map(|line| line.strip_prefix("error: ").unwrap_or(line))
        .collect();
    let why = one_line(&words.join(", "));
    Failure::usage("cannot understand the command line", why, "see surfaceport --help")
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Command>> {
        read(line.split_whitespace().map(OsString::from))
    }

    fn demo(options: &str) -> Result<Child> {
        match parse(&format!("surfaceport demo {options}"))? {
            Some(Command::Demo(demo)) => demo.child(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        CommandLine::command().debug_assert();
    }

    #[test]
    fn what_is_left_open_is_decided() {
        let child = demo("").unwrap();
        assert_eq!((child.size.width, child.size.height), (1280, 720));
        assert_eq!((child.mode, child.images, child.seconds), (Mode::Mailbox, 3, Some(5.0)));
        assert!(!child.unpaced);
        assert_eq!(demo("--input a.y4m").unwrap().seconds, None);
        assert_eq!(demo("--mode immediate").unwrap().images, 1);
        assert_eq!(demo("--mode immediate --images 1").unwrap().images, 1);
        let recording = demo("--record a.y4m").unwrap();
        assert_eq!((recording.mode, recording.unpaced), (Mode::Fifo, true));
        assert!(demo("--record a.y4m --fps 30").unwrap().unpaced);
        assert!(!demo("--record a.y4m --input - --fps 30").unwrap().unpaced);
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_one_line() {
        for options in [
            "--mode immediate --images 2",
            "--images 1",
            "--images 0",
            "--images 17",
            "--images -1",
            "--record a.y4m --mode mailbox",
            "--record a.y4m --mode immediate",
            "--input a.y4m --size 4x4",
            "--size 0x5",
            "--size 5x16385",
            "--size 99999999999x1",
            "--size 5",
            "--fps 0",
            "--fps 1001",
            "--seconds 0",
            "--seconds nan",
            "--seconds inf",
            "--seconds -1",
            "--mode vsync",
            "--show moon",
            "--unknown",
            "extra",
        ] {
            let failure = demo(options).unwrap_err();
            assert_eq!(failure.exit(), Exit::Usage, "{options}");
            let line = failure.to_string();
            assert!(!line.contains('\n') && line.len() < 300, "{options}: {line}");
        }
        assert_eq!(parse("surfaceport").unwrap_err().exit(), Exit::Usage);
        assert_eq!(parse("surfaceport dance").unwrap_err().exit(), Exit::Usage);
    }

    #[test]
    fn the_child_reads_what_the_host_wrote() {
        for options in [
            "",
            "--size 64x65 --fps 30000/1001 --seconds 0.25 --images 16 --mode fifo",
            "--input -x=y.y4m --record out.y4m",
            "--input - --mode immediate --fps 59.94",
        ] {
            let options = options.replace("--input ", "--input=");
            let child = demo(&options).unwrap();
            let line = std::iter::once(OsString::from("surfaceport")).chain(child.arguments());
            let Some(Command::Child(read)) = read(line).unwrap() else { panic!("another command") };
            assert_eq!(read, child);
        }
    }
}
