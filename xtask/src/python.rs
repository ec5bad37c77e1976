//! The Python package: a wheel in a fresh virtual environment, checked and used there with programs in C.
//!
//! The environment stays in `target/python-venv`, for the interoperation tests.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::c_compiler::{self, LIMIT};
use crate::command::Command;
use crate::project::Project;
use crate::readme;
use crate::report::Outcome;

/// The package.
const PACKAGE: &str = "bindings/python";
/// Its settings for mypy and pytest.
const SETTINGS: &str = "bindings/python/pyproject.toml";
/// What its tests need.
const REQUIREMENTS: &str = "bindings/python/tests/requirements.txt";
/// The examples, and their partners in C.
const EXAMPLES: &str = "examples/python";
const C_EXAMPLES: &str = "examples/c";
/// The programs of the interoperation tests.
const INTEROP: &str = "tests/interop/python";

/// The name of the README's markers around the commands.
const MARKER: &str = "python-example";

/// Asks whether this Python can do it; what it says otherwise is the reason.
const PROBE: &str = "import sys, venv, ensurepip; \
    sys.exit(sys.version_info < (3, 10) and 'it is older than 3.10')";

/// Makes the wheel, installs it, checks its types, runs its tests, its benchmark and the examples.
pub(crate) fn run(project: &Project) -> Result<Outcome> {
    if let Err(error) = project.command("python3", ["-c", PROBE]).read() {
        let text = format!("{error:#}");
        let line = text.lines().last().unwrap_or_default();
        return Ok(Outcome::Skipped(format!("there is no python3 of 3.10 or later with venv here: {line}")));
    }
    let environment = Environment::make(project)?;
    environment.install()?;
    environment.python(["-m", "surfaceport"]).run()?;
    environment.check_types()?;
    let skipped = environment.test()?;
    // It ends with an error if an array is a copy; how fast it is here, it only says.
    environment.python([]).arg(project.path(PACKAGE).join("bench/frame.py")).arg("inf").run()?;
    environment.run_examples()?;
    environment.run_readme()?;
    let reasons: Vec<String> = skipped.into_iter().chain(environment.open_window()?).collect();
    Ok(if reasons.is_empty() { Outcome::Passed } else { Outcome::Skipped(reasons.join("\n")) })
}

/// A virtual environment with the package in it.
struct Environment<'a> {
    project: &'a Project,
    /// What the step makes.
    folder: PathBuf,
    /// The programs of the environment.
    programs: PathBuf,
}

impl<'a> Environment<'a> {
    /// A fresh one.
    fn make(project: &'a Project) -> Result<Self> {
        let folder = project.scratch("python")?;
        let place = project.target.join("python-venv");
        project.command("python3", ["-m", "venv", "--clear"]).arg(&place).run()?;
        Ok(Environment { project, programs: place.join("bin"), folder })
    }

    /// A program, which sees those of the environment first, and the package that is installed there.
    fn program(&self, program: impl AsRef<Path>) -> Command {
        let mut path = OsString::from(&self.programs);
        if let Some(rest) = std::env::var_os("PATH") {
            path.push(":");
            path.push(rest);
        }
        self.project
            .program(program.as_ref())
            .env("PATH", path)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env_remove("PYTHONPATH")
            .env_remove("SURFACEPORT_LIBRARY")
            .env_remove("SURFACEPORT_WHEEL_LIBRARY")
    }

    /// Its Python.
    fn python<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let python = self.program(self.programs.join("python"));
        arguments.iter().fold(python, |command, argument| command.arg(*argument))
    }

    /// Where cargo builds for the wheel: with flags of its own, so not over the library of the other steps.
    fn cargo_folder(&self) -> PathBuf {
        self.project.target.join("python-build")
    }

    /// Has cargo build the wheel, and installs it with what its tests need.
    fn install(&self) -> Result<()> {
        // What an earlier build left would come along.
        let left = self.project.path(PACKAGE).join("build");
        if left.exists() {
            std::fs::remove_dir_all(&left).with_context(|| format!("cannot remove {}", left.display()))?;
        }
        let pip = |verb: &str| self.python(["-m", "pip", "--disable-pip-version-check", verb, "--quiet"]);
        pip("wheel")
            .arg("--no-deps")
            .arg("--wheel-dir")
            .arg(&self.folder)
            .arg(format!("./{PACKAGE}"))
            .env("CARGO_TARGET_DIR", self.cargo_folder())
            .run()?;
        let wheel = self.wheel()?;
        pip("install").arg("--requirement").arg(REQUIREMENTS).arg(&wheel).run()
    }

    /// The one wheel that was made: for any Python 3 of this system.
    fn wheel(&self) -> Result<PathBuf> {
        let files = std::fs::read_dir(&self.folder)?.collect::<Result<Vec<_>, _>>()?;
        let [file] = files.as_slice() else {
            bail!("there is not one wheel in {} but {}", self.folder.display(), files.len());
        };
        let name = file.file_name().to_string_lossy().into_owned();
        let start = format!("surfaceport-{}-py3-none-", self.project.version);
        if !name.starts_with(&start) || name.ends_with("-any.whl") {
            bail!("{name} is no wheel for any Python 3 of one system");
        }
        println!("{name}: {} KiB", file.metadata()?.len() / 1024);
        Ok(file.path())
    }

    /// mypy, at its strictest, of the package, its tests and the programs that use it.
    fn check_types(&self) -> Result<()> {
        let package = self.project.path(PACKAGE);
        let mypy = |files: Vec<PathBuf>| {
            let cache = self.folder.join("mypy");
            let command = self.program("mypy").arg("--strict").arg("--config-file").arg(SETTINGS);
            let command = command.arg("--cache-dir").arg(cache);
            files.iter().fold(command, Command::arg).run()
        };
        mypy(vec![package.join("surfaceport")])?;
        mypy(vec![package.join("tests"), package.join("bench")])?;
        mypy(vec![package.join("setup.py")])?;
        mypy(self.project.files(EXAMPLES, "py")?)?;
        mypy(self.project.files(INTEROP, "py")?)
    }

    /// The tests; what was skipped, and why. Not by `python -m`, which finds the source before the wheel.
    fn test(&self) -> Result<Option<String>> {
        let command = self.program("pytest").arg("--config-file").arg(SETTINGS).arg("--rootdir=.");
        let command = command.arg("-rs").arg("--color=no").arg(format!("{PACKAGE}/tests"));
        judge(&command.run_and_read()?)
    }

    /// The examples with their partners in C, and with each other.
    fn run_examples(&self) -> Result<()> {
        let (c_host, c_child) = (self.compile("host")?, self.compile("child")?);
        let picture = self.folder.join("last.png");
        self.expect("120 frames", self.example("host.py").arg(&c_child).arg(&picture))?;
        self.check_picture(&picture, C_PIXELS)?;
        // The child's first line asks for python3, which is the environment's.
        let child = self.project.path(EXAMPLES).join("child.py");
        self.expect("frame 120", self.program(&c_host).arg(&child))?;
        let view = self.example("view.py").arg("--save");
        self.expect("frame 120", view.arg(&picture).arg(&child))?;
        self.check_picture(&picture, PYTHON_PIXELS)?;
        let interop = self.project.path(INTEROP);
        let host = self.python([]).arg(interop.join("host.py"));
        self.expect("ok", host.arg("python").arg(interop.join("child.py")))
    }

    /// The viewer's window, on a display without a screen; or why there was none.
    fn open_window(&self) -> Result<Option<String>> {
        if !self.project.command("xvfb-run", ["--help"]).exists() {
            return Ok(Some("there is no xvfb-run here: no window was opened".into()));
        }
        if !self.python(["-c", "import tkinter"]).exists() {
            return Ok(Some("python3 has no tkinter here: no window was opened".into()));
        }
        let view = self.project.path(EXAMPLES).join("view.py");
        let shown = self.program("xvfb-run").arg("--auto-servernum").arg("python").arg(view);
        self.expect("ended the stream", shown.arg(self.compile("child")?))?;
        Ok(None)
    }

    /// An example in Python.
    fn example(&self, name: &str) -> Command {
        self.python([]).arg(self.project.path(EXAMPLES).join(name))
    }

    /// An example in C, compiled.
    fn compile(&self, name: &str) -> Result<PathBuf> {
        let source = self.project.path(C_EXAMPLES).join(name).with_extension("c");
        let program = self.folder.join(name);
        if !program.exists() {
            c_compiler::compile(self.project, &source, &[], &program)?;
        }
        Ok(program)
    }

    /// Runs a program that has to say this.
    fn expect(&self, text: &str, command: Command) -> Result<()> {
        let output = command.run_limited(LIMIT, &self.folder.join("output.txt"))?;
        if !output.contains(text) {
            bail!("{command} did not say {text:?}");
        }
        Ok(())
    }

    /// Whether every pixel of a picture is that of the last frame.
    fn check_picture(&self, picture: &Path, pixels: &str) -> Result<()> {
        self.python(["-c", CHECK_PICTURE]).arg(picture).arg(pixels).run()
    }

    /// The README's commands, as they stand.
    fn run_readme(&self) -> Result<()> {
        let shell = readme::shell(self.project, MARKER)?;
        let command = self.project.command("sh", ["-euxc"]).arg(&shell).shown("the README's commands");
        let command = command.env("CARGO_TARGET_DIR", self.cargo_folder());
        let said = command.env("PYTHONDONTWRITEBYTECODE", "1").run_and_read()?;
        if !said.contains("120 frames") {
            bail!("the README's host did not show 120 frames");
        }
        Ok(())
    }
}

/// Compares a picture with red, green and blue of frame `n` as the child draws them; its first pixel is `n`.
const CHECK_PICTURE: &str = "
import sys
import numpy as np
from PIL import Image
n = 120
y, x = np.indices((720, 1280))
wanted = np.stack(np.broadcast_arrays(*eval(sys.argv[2])), axis=2)
wanted[0, 0] = 0, 0, n
shown = np.asarray(Image.open(sys.argv[1]).convert('RGB'))
assert shown.shape == wanted.shape, shown.shape
assert (shown == wanted).all(), 'the picture has other pixels'
";
/// What examples/c/child.c draws, and what examples/python/child.py does.
const C_PIXELS: &str = "(x + 4 * n & 255, y + 2 * n & 255, x + y & 255)";
const PYTHON_PIXELS: &str = "(n, y * 200 // 720, x * 200 // 1280)";

/// What pytest's output says of skipped tests; an error if none has passed.
fn judge(output: &str) -> Result<Option<String>> {
    let summary = output.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim_matches('=');
    let count = |word: &str| {
        let before = summary.split(',').find_map(|part| part.split_once(word))?.0;
        before.trim().parse::<usize>().ok()
    };
    if count(" passed").unwrap_or(0) == 0 || count(" failed").is_some() {
        bail!("pytest ended with: {summary}");
    }
    if !["skipped", "xfailed", "deselected"].iter().any(|word| summary.contains(word)) {
        return Ok(None);
    }
    let reasons = output.lines().filter(|line| line.starts_with("SKIPPED"));
    Ok(Some(reasons.chain([summary.trim()]).collect::<Vec<_>>().join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_is_told_with_its_reason() {
        assert_eq!(judge("....\n4 passed in 1.20s\n").unwrap(), None);
        assert_eq!(judge("a\n===== 4 passed in 65.20s (0:01:05) =====\n\n").unwrap(), None);
        let skipped = "SKIPPED [1] tests/test_a.py:3: no file\n==== 3 passed, 1 skipped in 0.01s ====\n";
        let told = "SKIPPED [1] tests/test_a.py:3: no file\n3 passed, 1 skipped in 0.01s";
        assert_eq!(judge(skipped).unwrap().as_deref(), Some(told));
        assert!(judge("== 3 passed, 1 deselected in 0.01s ==\n").unwrap().is_some());
    }

    #[test]
    fn no_test_at_all_is_an_error() {
        for output in
            ["", "== no tests ran in 0.01s ==\n", "== 1 failed, 2 passed in 1s ==\n", "== 5 skipped =="]
        {
            assert!(judge(output).is_err(), "{output}");
        }
    }
}
