//! A tool that a step calls: shown before it runs, its output streamed, its time limited.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use duct::Expression;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// How long a program's children may take to end after it.
const CHILDREN_END: Duration = Duration::from_secs(5);

/// A program with its arguments and environment, not yet run.
#[derive(Clone)]
pub(crate) struct Command {
    program: OsString,
    arguments: Vec<OsString>,
    dir: Option<PathBuf>,
    env: Vec<(OsString, Option<OsString>)>,
    /// What to show in the place of program and arguments.
    shown: Option<String>,
}

impl Command {
    /// A command that is not run yet.
    pub(crate) fn new<I>(program: impl Into<OsString>, arguments: I) -> Command
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        Command {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            dir: None,
            env: Vec::new(),
            shown: None,
        }
    }

    /// Is shown as this text, which says more than the words do.
    pub(crate) fn shown(mut self, text: impl Into<String>) -> Command {
        self.shown = Some(text.into());
        self
    }

    /// One more argument.
    pub(crate) fn arg(mut self, argument: impl Into<OsString>) -> Command {
        self.arguments.push(argument.into());
        self
    }

    /// More arguments.
    pub(crate) fn args<I>(mut self, arguments: I) -> Command
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Runs in this folder.
    pub(crate) fn dir(mut self, dir: &Path) -> Command {
        self.dir = Some(dir.to_path_buf());
        self
    }

    /// Sets an environment variable; the last one that is said of a name counts.
    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Command {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.into(), Some(value.into())));
        self
    }

    /// Removes an environment variable.
    pub(crate) fn env_remove(mut self, name: &str) -> Command {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.into(), None));
        self
    }

    /// Runs with the tool's own output in view; an error if it does not succeed.
    pub(crate) fn run(&self) -> Result<()> {
        self.show();
        self.check(&self.expression().run().with_context(|| self.cannot_start())?)
    }

    /// Like [`run`](Self::run), and returns what was written to standard output.
    pub(crate) fn run_and_read(&self) -> Result<String> {
        let mut text = String::new();
        self.run_and_hear(|line| {
            println!("{line}");
            text.push_str(line);
            text.push('\n');
        })?;
        Ok(text)
    }

    /// Like [`run`](Self::run), and gives each line of standard output to `hear` in the place of showing it.
    pub(crate) fn run_and_hear(&self, mut hear: impl FnMut(&str)) -> Result<()> {
        self.show();
        let reader = self.expression().reader().with_context(|| self.cannot_start())?;
        for line in BufReader::new(&reader).split(b'\n') {
            hear(&String::from_utf8_lossy(&line?));
        }
        // At the end of its output, the reader has waited for the program.
        self.check(reader.try_wait()?.with_context(|| format!("{self} has not ended"))?)
    }

    /// Runs unseen and returns standard output; an error with standard error if it fails.
    pub(crate) fn read(&self) -> Result<String> {
        let output =
            self.expression().stdout_capture().stderr_capture().run().with_context(|| self.cannot_start())?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            bail!("{} ({}): {}", self, output.status, reason.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs unseen, for a tool that answers by its exit status: that, and all that it wrote.
    pub(crate) fn status_and_output(&self) -> Result<(i32, String)> {
        let output = self
            .expression()
            .stderr_to_stdout()
            .stdout_capture()
            .run()
            .with_context(|| self.cannot_start())?;
        let code = output.status.code().with_context(|| format!("{self}: {}", output.status))?;
        Ok((code, String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    /// Runs a program of ours with a time limit, standard output and error into `log` and then in
    /// view. It and its children form a process group: on time-out all of them are killed, and a
    /// child that outlives the program is an error.
    pub(crate) fn run_limited(&self, limit: Duration, log: &Path) -> Result<String> {
        self.show();
        let handle = self
            .expression()
            .stderr_to_stdout()
            .stdout_path(log)
            .before_spawn(|command| {
                command.process_group(0);
                Ok(())
            })
            .start()
            .with_context(|| self.cannot_start())?;
        let group = handle.pids().first().and_then(|&pid| Pid::from_raw(pid.try_into().ok()?));
        let group = group.with_context(|| self.cannot_start())?;
        let ended = handle.wait_timeout(limit)?.cloned();
        if ended.is_none() {
            let _ = kill_process_group(group, Signal::KILL);
            handle.wait()?;
        }
        let text = String::from_utf8_lossy(&std::fs::read(log)?).into_owned();
        print!("{text}");
        if !text.is_empty() && !text.ends_with('\n') {
            println!();
        }
        let Some(output) = ended else {
            bail!("{self} did not end within {} s and was killed", limit.as_secs());
        };
        let orphans = wait_for_end(group);
        self.check(&output)?;
        orphans.with_context(|| self.to_string())?;
        Ok(text)
    }

    /// Whether the program can be started at all.
    pub(crate) fn exists(&self) -> bool {
        self.expression().stdout_null().stderr_null().run().is_ok_and(|output| output.status.success())
    }

    fn expression(&self) -> Expression {
        let mut expression = duct::cmd(&self.program, &self.arguments).stdin_null().unchecked();
        if let Some(dir) = &self.dir {
            expression = expression.dir(dir);
        }
        for (name, value) in &self.env {
            expression = match value {
                Some(value) => expression.env(name, value),
                None => expression.env_remove(name),
            };
        }
        expression
    }

    fn check(&self, output: &Output) -> Result<()> {
        if !output.status.success() {
            bail!("{self}: {}", output.status);
        }
        Ok(())
    }

    fn show(&self) {
        println!("$ {self}");
    }

    fn cannot_start(&self) -> String {
        format!("cannot run {}", self.program.to_string_lossy())
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(text) = &self.shown {
            return f.write_str(text);
        }
        write!(f, "{}", word(&self.program))?;
        for argument in &self.arguments {
            write!(f, " {}", word(argument))?;
        }
        Ok(())
    }
}

/// A word as one would type it in a shell.
fn word(text: &OsStr) -> String {
    let text = text.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+,./:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Waits until no process of the group is left; kills those that stay.
fn wait_for_end(group: Pid) -> Result<()> {
    let deadline = Instant::now() + CHILDREN_END;
    while test_kill_process_group(group).is_ok() {
        if Instant::now() > deadline {
            let _ = kill_process_group(group, Signal::KILL);
            bail!(
                "it ended, but a process that it started was still there {} s later",
                CHILDREN_END.as_secs()
            );
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        Command::new("sh", ["-c", script])
    }

    fn log(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()))
    }

    #[test]
    fn a_command_is_shown_as_one_types_it() {
        let command = Command::new("cc", ["-std=c99", "two words", "it's", ""]);
        assert_eq!(command.to_string(), r"cc -std=c99 'two words' 'it'\''s' ''");
    }

    #[test]
    fn the_last_word_on_a_variable_counts() {
        let command = shell("echo \"$XTASK_TEST\"").env_remove("XTASK_TEST").env("XTASK_TEST", "one");
        assert_eq!(command.read().unwrap(), "one\n");
        assert_eq!(command.env("XTASK_TEST", "two").read().unwrap(), "two\n");
    }

    #[test]
    fn a_failure_names_the_command_and_its_status() {
        let error = shell("exit 3").run().unwrap_err();
        assert_eq!(error.to_string(), "sh -c 'exit 3': exit status: 3");
        let error = Command::new("/no/such/program", [""; 0]).run().unwrap_err();
        assert!(error.to_string().contains("cannot run /no/such/program"), "{error}");
    }

    #[test]
    fn a_program_that_hangs_is_killed_with_its_children() {
        let log = log("hang");
        let started = Instant::now();
        let error = shell("sleep 60 & sleep 60")
            .run_limited(Duration::from_millis(100), &log)
            .unwrap_err()
            .to_string();
        assert!(error.contains("did not end within"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(30));
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn both_outputs_of_a_program_are_kept() {
        let log = log("outputs");
        let text = shell("echo one; echo two >&2").run_limited(Duration::from_secs(30), &log).unwrap();
        assert_eq!(text, "one\ntwo\n");
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_child_that_stays_is_an_error() {
        let log = log("orphan");
        let error =
            shell("sleep 60 >/dev/null 2>&1 &").run_limited(Duration::from_secs(30), &log).unwrap_err();
        assert!(format!("{error:#}").contains("was still there"), "{error:#}");
        std::fs::remove_file(log).unwrap();
    }
}
