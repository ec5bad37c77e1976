//! A user of examples/cpp/engine.cpp: moves the pointer, presses keys, resizes and closes the window, kills the
//! renderer; and looks at every pixel that the window shows.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use x11rb::protocol::xproto::Window;

use crate::c_compiler::LIMIT;
use crate::command::Command;
use crate::display::{Display, Picture, User};
use crate::project::Project;

/// How long the picture may take to follow the input.
const PATIENCE: Duration = Duration::from_secs(30);

/// The engine's own scene around the renderer's part, in pixels.
const BORDER: usize = 40;

/// The colour of the cross where the mouse is.
const CROSS: u32 = 0x00FF_00FF;

/// What must be shown of the renderer.
#[derive(Clone, Copy)]
struct Shown {
    width: usize,
    height: usize,
    /// The middle of the cross, if there is one.
    cross: Option<(usize, usize)>,
    /// How many keys were pressed.
    keys: u32,
    /// Whether the renderer is dead, and its last picture red.
    is_dead: bool,
}

impl Shown {
    /// The renderer's pixel of frame `n`; what examples/cpp/renderer.cpp draws.
    fn pixel(&self, n: u32, x: usize, y: usize) -> u32 {
        let near = |a: usize, b: usize| a.abs_diff(b) < 12;
        let is_cross = self.cross.is_some_and(|(a, b)| (x == a && near(y, b)) || (y == b && near(x, a)));
        let (across, down) = (x as u32, y as u32);
        let colour = (((across + n) & 127) << 16) | (((down + n) & 127) << 8) | ((40 * self.keys) & 127);
        let light = if self.is_dead { 0x00FF_0000 } else { 0x00FF_FFFF };
        light & if is_cross { CROSS } else { colour }
    }

    /// Which frame, of 128 that look different, the picture shows; or where it is another picture.
    fn frame(&self, picture: &Picture) -> std::result::Result<u32, String> {
        let size = (picture.width, picture.height);
        if size != (self.width + 2 * BORDER, self.height + 2 * BORDER) {
            return Err(format!("the window has the size {size:?}"));
        }
        // The engine's own scene is of one colour, of which the red part changes.
        let scene = picture.at(0, 0);
        if !is_scene(scene) {
            return Err(format!("the engine's scene is {scene:06x}"));
        }
        let first = picture.at(BORDER, BORDER);
        let n = (0..128).find(|&n| self.pixel(n, 0, 0) == first);
        let n = n.ok_or_else(|| format!("the renderer's first pixel is {first:06x}"))?;
        for y in 0..picture.height {
            for x in 0..picture.width {
                let inside = |at: usize, size: usize| at.checked_sub(BORDER).filter(|&at| at < size);
                let wanted = match (inside(x, self.width), inside(y, self.height)) {
                    (Some(x), Some(y)) => self.pixel(n, x, y),
                    _ => scene,
                };
                if picture.at(x, y) != wanted {
                    let found = picture.at(x, y);
                    return Err(format!("frame {n}: {found:06x} at ({x}, {y}), wanted {wanted:06x}"));
                }
            }
        }
        Ok(n)
    }
}

/// Whether a pixel is the engine's own.
fn is_scene(pixel: u32) -> bool {
    pixel & 0xFFFF == 0x3C5A
}

/// Runs the engine on a display of its own, in the folder with its programs, once to a good end and once with a
/// renderer that dies. The last pictures are left in the folder.
pub(crate) fn try_out(project: &Project, folder: &Path) -> Result<()> {
    let engine = project.program(&folder.join("engine")).shown("./engine").dir(folder);
    run(&engine, folder, "engine-followed", follow)?;
    run(&engine, folder, "engine-survived", survive)
}

type Play = fn(&Watch) -> Result<Picture>;

/// Runs the engine beside the user who closes it.
fn run(engine: &Command, folder: &Path, name: &str, play: Play) -> Result<()> {
    let display = Display::start()?;
    let user = display.user()?;
    let engine = engine.clone().env("DISPLAY", display.name()).env("SDL_RENDER_DRIVER", "software");
    thread::scope(|scope| {
        let running = scope.spawn(|| engine.run_limited(LIMIT, &folder.join(format!("{name}.txt"))));
        // An engine that the user gave up on ends with its display.
        let played = Watch::begin(&user).and_then(|watch| {
            let picture = play(&watch)?;
            user.close(watch.window)?;
            picture.save(&folder.join(format!("{name}.png")))
        });
        if played.is_err() {
            drop(display);
        }
        let ended = running.join().map_err(|_| anyhow::anyhow!("the engine's thread panicked"))?;
        match (played, ended) {
            (Ok(()), ended) => ended.map(|_| ()),
            (Err(error), Ok(_)) => Err(error),
            (Err(error), Err(end)) => Err(error.context(format!("{end:#}"))),
        }
    })
    .with_context(|| name.to_owned())
}

/// The engine's window, and the user in front of it.
struct Watch<'a> {
    user: &'a User,
    window: Window,
}

impl<'a> Watch<'a> {
    fn begin(user: &'a User) -> Result<Watch<'a>> {
        // SDL can replace its window before the first picture, so one that vanishes is looked for again.
        let window = until(|| {
            let Some(window) = user.find("engine")? else { return again("there is no window") };
            Ok(match user.look(window) {
                Ok(picture) if is_scene(picture.at(0, 0)) => Ok(window),
                Ok(_) => Err("the engine draws nothing".to_owned()),
                Err(fault) => Err(format!("the engine's window cannot be seen: {fault:#}")),
            })
        })?;
        user.focus(window)?;
        Ok(Watch { user, window })
    }

    /// Waits until the window shows this, in a frame that `is_wanted` wants.
    fn shows(&self, shown: Shown, is_wanted: impl Fn(u32) -> bool) -> Result<(u32, Picture)> {
        until(|| {
            let picture = self.user.look(self.window)?;
            Ok(match shown.frame(&picture) {
                Ok(n) if is_wanted(n) => Ok((n, picture)),
                Ok(n) => Err(format!("it shows frame {n} still")),
                Err(fault) => Err(fault),
            })
        })
    }
}

/// The first picture, and that others follow it.
fn begin(watch: &Watch) -> Result<Shown> {
    let shown = Shown { width: 560, height: 400, cross: None, keys: 0, is_dead: false };
    let (first, _) = watch.shows(shown, |_| true)?;
    watch.shows(shown, |n| n != first)?;
    Ok(shown)
}

fn follow(watch: &Watch) -> Result<Picture> {
    let (user, window) = (watch.user, watch.window);
    let mut shown = begin(watch)?;
    user.point(window, 200, 150)?;
    shown.cross = Some((200 - BORDER, 150 - BORDER));
    watch.shows(shown, |_| true).context("the pointer moved")?;
    // What is outside of the renderer's part is not its input: the key comes after it, and the cross is where it was.
    user.point(window, 10, 10)?;
    user.press_space()?;
    shown.keys = 1;
    watch.shows(shown, |_| true).context("a key was pressed")?;
    user.resize(window, 900, 700)?;
    (shown.width, shown.height) = (900 - 2 * BORDER, 700 - 2 * BORDER);
    watch.shows(shown, |_| true).context("the window was resized")?;
    user.point(window, 700, 500)?;
    user.press_space()?;
    shown.cross = Some((700 - BORDER, 500 - BORDER));
    shown.keys = 2;
    let (_, picture) = watch.shows(shown, |_| true).context("pointer and key in the other size")?;
    Ok(picture)
}

fn survive(watch: &Watch) -> Result<Picture> {
    let (user, window) = (watch.user, watch.window);
    let mut shown = begin(watch)?;
    user.point(window, 300, 200)?;
    shown.cross = Some((300 - BORDER, 200 - BORDER));
    watch.shows(shown, |_| true).context("the pointer moved")?;
    kill_process(child_of(user.process_of(window)?)?, Signal::KILL).context("cannot kill the renderer")?;
    shown.is_dead = true;
    let (n, picture) = watch.shows(shown, |_| true).context("the renderer was killed")?;
    let scene = picture.at(0, 0);
    // The loop goes on without it, whatever the user does.
    user.point(window, 100, 100)?;
    user.press_space()?;
    until(|| {
        let (now, picture) = watch.shows(shown, |_| true)?;
        if now != n {
            bail!("the dead renderer has drawn frame {now} after {n}");
        }
        if picture.at(0, 0) == scene { again("the engine stands still") } else { Ok(Ok(picture)) }
    })
}

/// What is not so yet.
fn again<T>(why: &str) -> Result<std::result::Result<T, String>> {
    Ok(Err(why.to_owned()))
}

/// Looks again until it is so.
fn until<T>(mut look: impl FnMut() -> Result<std::result::Result<T, String>>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look()? {
            Ok(found) => return Ok(found),
            Err(fault) if Instant::now() > deadline => bail!("{fault}"),
            // The screen tells nobody that it changed.
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// The process that this one has started.
fn child_of(process: u32) -> Result<Pid> {
    for entry in fs::read_dir(format!("/proc/{process}/task"))? {
        let children = fs::read_to_string(entry?.path().join("children")).unwrap_or_default();
        if let Some(child) = children.split_whitespace().find_map(|id| Pid::from_raw(id.parse().ok()?)) {
            return Ok(child);
        }
    }
    bail!("the engine, {process}, has started no process")
}
