//! `cargo xtask install`: what `cargo cinstall` of cargo-c installs, with CMake's files and the program besides.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use object::read::elf::{Dyn, ElfFile64, FileHeader};
use object::{Endianness, elf};

use super::build::{self, soname};
use super::consumer;
use super::contents::{self, COMPILER, Contents, WITH_PROGRAM};
use super::layout::{Layout, below};
use crate::c_compiler::{C99, CXX17};
use crate::project::{LIBRARY, Project};
use crate::report::Outcome;

/// Where to install; the names are those of the GNU coding standards.
#[derive(Args)]
pub(crate) struct Folders {
    /// The folder that all others are in by default.
    #[arg(long, default_value = "/usr/local")]
    prefix: PathBuf,
    /// For the program; PREFIX/bin if it is not named.
    #[arg(long)]
    bindir: Option<PathBuf>,
    /// For the libraries and what describes them; PREFIX/lib if it is not named.
    #[arg(long)]
    libdir: Option<PathBuf>,
    /// For the headers; PREFIX/include if it is not named.
    #[arg(long)]
    includedir: Option<PathBuf>,
    /// For the licences of what is installed and the list of it; PREFIX/share/doc/surfaceport if it is not named.
    #[arg(long)]
    docdir: Option<PathBuf>,
    /// The folder that stands for the root of the system, for those who make packages.
    #[arg(long, default_value = "/")]
    destdir: PathBuf,
}

impl Folders {
    fn layout(&self) -> Result<Layout> {
        let usual = Layout::new(&self.prefix);
        let layout = Layout {
            bindir: self.bindir.clone().unwrap_or(usual.bindir),
            libdir: self.libdir.clone().unwrap_or(usual.libdir),
            includedir: self.includedir.clone().unwrap_or(usual.includedir),
            docdir: self.docdir.clone().unwrap_or(usual.docdir),
            ..usual
        };
        for folder in [&layout.prefix, &layout.bindir, &layout.libdir, &layout.includedir, &layout.docdir] {
            if !folder.is_absolute() {
                bail!("{} must be an absolute path", folder.display());
            }
        }
        Ok(layout)
    }
}

/// The task.
pub(crate) fn run(project: &Project, folders: &Folders) -> Result<()> {
    let layout = folders.layout()?;
    let build = build::build(project, &layout.libdir)?;
    let destdir = std::path::absolute(&folders.destdir).context("cannot find DESTDIR")?;
    layout.fill(project, &build, &destdir)?;
    let papers = below(&destdir, &layout.docdir);
    Contents::find(project, COMPILER.as_ref(), &[&contents::here()], WITH_PROGRAM)?
        .write_into(project, &papers)?;
    println!("installed {LIBRARY} {} in {}", project.version, below(&destdir, &layout.prefix).display());
    println!("{}", finding(&layout.libdir));
    Ok(())
}

/// How programs find the shared library, for those who would see *cannot open shared object file* else.
fn finding(libdir: &Path) -> String {
    let folder = libdir.display();
    if cfg!(target_os = "macos") {
        format!("programs that are linked to it find it by its full path, in {folder}")
    } else {
        format!(
            "if a program says \"cannot open shared object file\": run ldconfig, where {folder} is a folder of the \
             loader's; else link with -Wl,-rpath,{folder}"
        )
    }
}

/// The step: installs into a folder, and builds and runs the examples with nothing but what is there.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    let folder = project.scratch("install")?;
    let destdir = folder.join("root");
    let libdir = PathBuf::from("/usr/lib/of-this-processor");
    let folders = Folders {
        prefix: "/usr".into(),
        bindir: None,
        libdir: Some(libdir.clone()),
        includedir: None,
        docdir: None,
        destdir: destdir.clone(),
    };
    run(project, &folders)?;
    check(project, &destdir, &libdir, &folder)?;
    let program = destdir.join("usr/bin").join(LIBRARY);
    let version = project.command(&program.to_string_lossy(), ["--version"]).read()?;
    if version.trim() != format!("{LIBRARY} {}", project.version) {
        bail!("the program says it is {version:?}");
    }
    has_licences(&destdir.join("usr/share/doc").join(LIBRARY))?;
    Ok(Outcome::Passed)
}

/// The papers of a package: the licences of other people's code, which is in each, and the list of it.
pub(super) fn has_licences(folder: &Path) -> Result<()> {
    for file in [contents::BILL.to_owned(), format!("{}/rust-standard-library", contents::LICENCES)] {
        if !folder.join(&file).exists() {
            bail!("{} has no {file}", folder.display());
        }
    }
    let of_crates = fs::read_dir(folder.join(contents::LICENCES))?.count();
    if of_crates < 10 {
        bail!("{} has licences of {of_crates} crates only", folder.display());
    }
    Ok(())
}

/// Checks an installation below `destdir`, made for the system's root and the prefix `/usr`: the library's name, and
/// the examples, linked to the shared and to the static library by what pkg-config says.
pub(super) fn check(project: &Project, destdir: &Path, libdir: &Path, scratch: &Path) -> Result<()> {
    let installed = below(destdir, libdir);
    if cfg!(target_os = "linux") {
        let named = soname_of(&installed.join(format!("lib{LIBRARY}.so")))?;
        let expected = soname(&project.version);
        if named != expected {
            bail!("the shared library is named {named}, not {expected}");
        }
        if !installed.join(&expected).is_file() {
            bail!("{expected} is not beside the library");
        }
    }
    headers(project, &destdir.join("usr/include"), scratch)?;
    let pkg_config = |arguments: &[&str]| -> Result<String> {
        let command = project
            .command("pkg-config", arguments)
            .arg(LIBRARY)
            .env("PKG_CONFIG_LIBDIR", installed.join("pkgconfig"))
            .env("PKG_CONFIG_SYSROOT_DIR", destdir);
        Ok(command.read()?.trim().to_owned())
    };
    let version = pkg_config(&["--modversion"])?;
    if version != project.version {
        bail!("surfaceport.pc says version {version}");
    }
    let flags = pkg_config(&["--cflags", "--libs"])?;
    consumer::build_and_run(project, &scratch.join("shared"), &flags, Some(&installed))?;

    let archive = installed.join(format!("lib{LIBRARY}.a"));
    let all = pkg_config(&["--static", "--libs-only-l"])?.replace(&format!("-l{LIBRARY}"), "");
    let flags = format!("{} {} {all}", pkg_config(&["--cflags"])?, archive.display());
    consumer::build_and_run(project, &scratch.join("static"), &flags, None)
}

/// Each header of the repository is installed as it is, and compiles alone.
fn headers(project: &Project, installed: &Path, scratch: &Path) -> Result<()> {
    for (extension, language) in [("h", C99), ("hpp", CXX17)] {
        for header in project.files("include", extension)? {
            let name = header.file_name().context("a header without a name")?;
            if fs::read(installed.join(name)).ok() != Some(fs::read(&header)?) {
                bail!("{} is not installed as it is", header.display());
            }
            let source = scratch.join(format!("one.{}", language.extension));
            fs::write(&source, format!("#include <{}>\nint none;\n", name.to_string_lossy()))?;
            let flags = language.strict_flags();
            project
                .command(language.compiler, flags)
                .arg("-fsyntax-only")
                .arg("-I")
                .arg(installed)
                .arg(source)
                .run()?;
        }
    }
    Ok(())
}

/// The name that a shared library has in itself.
fn soname_of(file: &Path) -> Result<String> {
    let data = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let name = || -> object::Result<Option<String>> {
        let parsed = ElfFile64::<Endianness>::parse(&*data)?;
        let endian = parsed.endian();
        let sections = parsed.elf_header().sections(endian, &*data)?;
        let Some((entries, strings)) = sections.dynamic(endian, &*data)? else { return Ok(None) };
        let strings = sections.strings(endian, &*data, strings)?;
        for entry in entries {
            if entry.d_tag(endian) == elf::DT_SONAME {
                let name = entry.string(endian, strings)?;
                return Ok(Some(String::from_utf8_lossy(name).into_owned()));
            }
        }
        Ok(None)
    };
    let name = name().with_context(|| format!("cannot parse {}", file.display()))?;
    name.with_context(|| format!("{} has no name in itself", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_below_the_prefix_unless_they_are_named() {
        let mut folders = Folders {
            prefix: "/opt".into(),
            bindir: None,
            libdir: Some("/opt/lib64".into()),
            includedir: None,
            docdir: None,
            destdir: "/".into(),
        };
        let layout = folders.layout().unwrap();
        assert_eq!(layout.bindir, Path::new("/opt/bin"));
        assert_eq!(layout.libdir, Path::new("/opt/lib64"));
        folders.prefix = "relative".into();
        assert!(folders.layout().is_err());
    }
}
