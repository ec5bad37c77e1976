//! The tools that make programs for macOS: found, or named with the command that brings them.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use regex::Regex;

use super::{Architecture, MINIMUM, sdk, work_folder};
use crate::c_compiler::C11;
use crate::command::Command;
use crate::packages::build::without_places;
use crate::project::{LIBRARY, Project};

/// The version of zig that is known to do: where its headers and stubs lie differs between versions.
pub(super) const ZIG_VERSION: &str = "0.17.0";

/// Where `pip install --target` is told to put zig, in cargo's target folder.
const ZIG_FOLDER: &str = "ziglang";

/// The version of LLVM's tools that is looked for first, as Debian names them.
const LLVM_VERSION: &str = "19";

/// The tools of one run.
pub(super) struct Toolchain {
    rust: Rust,
    lipo: String,
    nm: String,
    objdump: String,
    /// Where the C headers of macOS are.
    pub(super) headers: Vec<PathBuf>,
    kind: Kind,
}

/// A Rust toolchain: the one that runs us, or another one by the paths of its programs.
#[derive(Debug)]
enum Rust {
    Current,
    At { cargo: PathBuf, rustc: PathBuf, rustdoc: PathBuf },
}

enum Kind {
    /// From another system.
    Cross { zig: String, linker: String, sysroot: PathBuf },
    /// On a Mac.
    Native,
}

impl Toolchain {
    /// The tools, or what is missing, each with the way to get it.
    pub(super) fn find(project: &Project) -> Result<Result<Toolchain, Vec<String>>> {
        if cfg!(target_os = "macos") { native(project) } else { cross(project) }
    }

    /// What does the work, for the log.
    pub(super) fn about(&self) -> String {
        match &self.kind {
            Kind::Cross { zig, linker, .. } => {
                let cargo = match &self.rust {
                    Rust::Current => "cargo".to_owned(),
                    Rust::At { cargo, .. } => cargo.display().to_string(),
                };
                format!("for macOS {MINIMUM} by {cargo}, {linker} and {zig}")
            }
            Kind::Native => format!("for macOS {MINIMUM} by this Mac's own tools"),
        }
    }

    /// The compiler, whose standard library is in all that is built.
    pub(super) fn rustc(&self) -> &Path {
        match &self.rust {
            Rust::Current => Path::new("rustc"),
            Rust::At { rustc, .. } => rustc,
        }
    }

    /// Cargo with a subcommand for a processor's target.
    pub(super) fn cargo(&self, project: &Project, architecture: Architecture, subcommand: &str) -> Command {
        let target = architecture.target();
        let program = match &self.rust {
            Rust::Current => "cargo".into(),
            Rust::At { cargo, .. } => cargo.to_string_lossy().into_owned(),
        };
        let mut command = project
            .command(&program, [subcommand, "--release", "--target", target, "--message-format=json"])
            .env("CARGO_TARGET_DIR", work_folder(project))
            .env("MACOSX_DEPLOYMENT_TARGET", MINIMUM)
            // It would stay in object files that nobody carries to a Mac.
            .env("CARGO_PROFILE_RELEASE_DEBUG", "none");
        if let Rust::At { rustc, rustdoc, .. } = &self.rust {
            // rustup's choice is not for this one.
            command = command.env("RUSTC", rustc).env("RUSTDOC", rustdoc).env_remove("RUSTUP_TOOLCHAIN");
        }
        // Nothing is loaded that nothing is used of: libc names libiconv, and nobody calls it.
        let own = match &self.kind {
            Kind::Native => vec!["-Clink-arg=-Wl,-dead_strip_dylibs".to_owned()],
            Kind::Cross { linker, sysroot, .. } => {
                command = command
                    .arg("-Zbuild-std=std,panic_unwind")
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("SDKROOT", sysroot);
                vec![
                    format!("-Clinker={linker}"),
                    "-Clinker-flavor=ld64.lld".into(),
                    "-Clink-arg=-dead_strip_dylibs".into(),
                    // Debian's compiler has no program for it, and there is nothing to strip.
                    "-Cstrip=none".into(),
                ]
            }
        };
        let mut flags = without_places(project);
        flags.extend(own.into_iter().map(OsString::from));
        // The one variable that no other setting of flags goes before.
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join(OsString::from("\u{1f}").as_os_str()))
    }

    /// Flags of rustc that give the shared library its name and version.
    pub(super) fn library_flags(&self, install_name: &str, version: &str) -> Vec<String> {
        let major = version.split('.').next().unwrap_or_default();
        let release = version.split(['-', '+']).next().unwrap_or_default();
        let words =
            ["-install_name", install_name, "-current_version", release, "-compatibility_version", major];
        match self.kind {
            Kind::Native => vec![format!("-Clink-arg=-Wl,{}", words.join(","))],
            Kind::Cross { .. } => words.iter().map(|word| format!("-Clink-arg={word}")).collect(),
        }
    }

    /// The C compiler for a processor.
    pub(super) fn cc(&self, project: &Project, architecture: Architecture) -> Command {
        self.compiler(project, architecture, "cc")
    }

    /// The C compiler, `cc`, or the C++ compiler, `c++`, for a processor.
    pub(super) fn compiler(&self, project: &Project, architecture: Architecture, name: &str) -> Command {
        match &self.kind {
            Kind::Native => project.command(
                name,
                ["-arch", architecture.apple_name(), &format!("-mmacosx-version-min={MINIMUM}")],
            ),
            Kind::Cross { zig, .. } => {
                let cache = work_folder(project).join("zig");
                project
                    .command(zig, [name, "-target", &format!("{}-macos.{MINIMUM}", architecture.name())])
                    // zig brings a sanitizer of its own into what is not optimized.
                    .arg("-fno-sanitize=undefined")
                    .env("ZIG_GLOBAL_CACHE_DIR", &cache)
                    .env("ZIG_LOCAL_CACHE_DIR", &cache)
            }
        }
    }

    /// Compiles one of our C files to an object, each warning an error.
    pub(super) fn compile(
        &self,
        project: &Project,
        architecture: Architecture,
        source: &Path,
        object: &Path,
    ) -> Result<()> {
        let source = source.strip_prefix(&project.root).unwrap_or(source);
        let mut command = self.cc(project, architecture);
        for flag in C11.strict_flags() {
            command = command.arg(flag);
        }
        command.arg("-Iinclude").arg("-c").arg(source).arg("-o").arg(object).run()
    }

    /// Links an object to the shared library in `folder`, to be found at `rpath` when it runs.
    pub(super) fn link(
        &self,
        project: &Project,
        architecture: Architecture,
        object: &Path,
        folder: &Path,
        rpath: &str,
        program: &Path,
    ) -> Result<()> {
        let library = format!("-l{LIBRARY}");
        let search = format!("-L{}", folder.display());
        let command = match &self.kind {
            Kind::Native => self.cc(project, architecture).arg(format!("-Wl,-rpath,{rpath}")),
            Kind::Cross { linker, sysroot, .. } => project
                .command(linker, ["-arch", architecture.apple_name()])
                .arg("-platform_version")
                .arg("macos")
                .arg(MINIMUM)
                .arg(MINIMUM)
                .arg("-syslibroot")
                .arg(sysroot)
                .arg("-lSystem")
                .arg("-rpath")
                .arg(rpath),
        };
        command.arg(object).arg(search).arg(library).arg("-o").arg(program).run()
    }

    /// Makes one file for all processors of one for each.
    pub(super) fn unite(&self, project: &Project, files: &[PathBuf], united: &Path) -> Result<()> {
        let command = project.command(&self.lipo, ["-create"]);
        let command = files.iter().fold(command, |command, file| command.arg(file));
        command.arg("-output").arg(united).read().map(drop)
    }

    /// The symbols that a file imports, as `nm -m` writes them.
    pub(super) fn imports(&self, project: &Project, file: &Path) -> Result<String> {
        project.command(&self.nm, ["-m", "-u"]).arg(file).read()
    }

    /// The symbols that a file exports, as `objdump --macho` writes them.
    pub(super) fn exports(&self, project: &Project, file: &Path) -> Result<String> {
        project.command(&self.objdump, ["--macho", "--exports-trie"]).arg(file).read()
    }

    /// A file's load commands, as `objdump --macho` writes them.
    pub(super) fn load_commands(&self, project: &Project, file: &Path) -> Result<String> {
        project.command(&self.objdump, ["--macho", "--private-headers"]).arg(file).read()
    }
}

/// This Mac's tools. Apple's nm and objdump are LLVM's.
fn native(project: &Project) -> Result<Result<Toolchain, Vec<String>>> {
    let mut missing = Vec::new();
    let installed = project.command("rustc", ["--print", "sysroot"]).read()?;
    for architecture in [Architecture::Aarch64, Architecture::X86_64] {
        let target = architecture.target();
        if !Path::new(installed.trim()).join("lib/rustlib").join(target).is_dir() {
            missing.push(format!("Rust's library for {target}: `rustup target add {target}`"));
        }
    }
    for tool in ["cc", "lipo", "nm", "objdump"] {
        if !project.command("xcrun", ["--find", tool]).exists() {
            missing.push(format!("{tool}: `xcode-select --install`"));
        }
    }
    if !missing.is_empty() {
        return Ok(Err(missing));
    }
    let sdk = project.command("xcrun", ["--sdk", "macosx", "--show-sdk-path"]).read()?;
    Ok(Ok(Toolchain {
        rust: Rust::Current,
        lipo: "lipo".into(),
        nm: "nm".into(),
        objdump: "objdump".into(),
        headers: vec![Path::new(sdk.trim()).join("usr/include")],
        kind: Kind::Native,
    }))
}

fn cross(project: &Project) -> Result<Result<Toolchain, Vec<String>>> {
    let mut missing = Vec::new();
    let rust = rust(project);
    if rust.is_none() {
        missing.push(
            "a Rust compiler with the source of its library: \
             `rustup component add rust-src`, or `apt install rustc-web cargo-web rust-web-src`"
                .into(),
        );
    }
    let mut llvm = |name: &str, package: &str| {
        let found = [format!("{name}-{LLVM_VERSION}"), name.to_owned()]
            .into_iter()
            .find(|program| project.command(program, ["--version"]).exists());
        found.unwrap_or_else(|| {
            missing.push(format!("{name}: `apt install {package}-{LLVM_VERSION}`"));
            String::new()
        })
    };
    let linker = llvm("ld64.lld", "lld");
    let lipo = llvm("llvm-lipo", "llvm");
    let nm = llvm("llvm-nm", "llvm");
    let objdump = llvm("llvm-objdump", "llvm");
    let zig = zig(project);
    if zig.is_none() {
        missing.push(format!(
            "zig: `python3 -m pip install --target {} ziglang=={ZIG_VERSION}`",
            project.target.join(ZIG_FOLDER).display()
        ));
    }
    let (Some(rust), Some((zig, library)), true) = (rust, zig, missing.is_empty()) else {
        return Ok(Err(missing));
    };
    let sysroot = sdk::make(project, &library.join("libc/darwin/libSystem.tbd"))?;
    let headers =
        ["libc/include/any-darwin-any", "libunwind/include"].map(|path| library.join(path)).to_vec();
    Ok(Ok(Toolchain { rust, lipo, nm, objdump, headers, kind: Kind::Cross { zig, linker, sysroot } }))
}

/// A Rust toolchain with the source of its standard library: the one that runs us, or the system's.
fn rust(project: &Project) -> Option<Rust> {
    let has_source = |rustc: &str| {
        let sysroot = project.command(rustc, ["--print", "sysroot"]).read().unwrap_or_default();
        !sysroot.is_empty()
            && Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file()
    };
    if has_source("rustc") {
        return Some(Rust::Current);
    }
    let system = Path::new("/usr/bin");
    let [cargo, rustc, rustdoc] = ["cargo", "rustc", "rustdoc"].map(|program| system.join(program));
    let complete = cargo.is_file() && rustc.is_file() && has_source(&rustc.to_string_lossy());
    complete.then_some(Rust::At { cargo, rustc, rustdoc })
}

/// The program of zig and the folder of its library.
fn zig(project: &Project) -> Option<(String, PathBuf)> {
    let own = project.target.join(ZIG_FOLDER).join("ziglang").join("zig");
    let named = env::var("ZIG").ok();
    let candidates = named.into_iter().chain([own.to_string_lossy().into_owned(), "zig".into()]);
    candidates.into_iter().find_map(|program| {
        let environment = project.command(&program, ["env"]).read().ok()?;
        let library = zig_library(&environment).ok()?;
        library.join("libc/darwin/libSystem.tbd").is_file().then_some((program, library))
    })
}

/// The folder that `zig env` names.
fn zig_library(environment: &str) -> Result<PathBuf> {
    let named = Regex::new(r#"\blib_dir"?\s*[:=]\s*"([^"]+)""#)?;
    let found = named.captures(environment).context("`zig env` does not name its library")?;
    Ok(PathBuf::from(&found[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zig_names_its_library_in_either_notation() {
        let zon = ".{\n    .zig_exe = \"/opt/zig\",\n    .lib_dir = \"/opt/lib\",\n    .std_dir = \"/opt/lib/std\",\n}\n";
        assert_eq!(zig_library(zon).unwrap(), Path::new("/opt/lib"));
        let json = "{\n \"zig_exe\": \"/opt/zig\",\n \"lib_dir\": \"/opt/lib\",\n}\n";
        assert_eq!(zig_library(json).unwrap(), Path::new("/opt/lib"));
        assert!(zig_library("nothing").is_err());
    }

    #[test]
    fn continuous_integration_brings_what_is_looked_for() {
        let script = Project::find(false).unwrap().read(".ci/run").unwrap();
        for need in [
            format!("ziglang=={ZIG_VERSION}"),
            format!("lld-{LLVM_VERSION}"),
            format!("llvm-{LLVM_VERSION}"),
            "rust-web-src".to_owned(),
        ] {
            assert!(script.contains(&need), "{need}");
        }
    }
}
