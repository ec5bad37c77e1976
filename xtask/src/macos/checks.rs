//! What must hold of every file that was linked for macOS, whether it can run here or not.
//!
//! The library exports what the header declares for macOS, and nothing else. It imports from the frameworks exactly
//! what the link stubs name, programs and tests nothing that is not named there, each symbol from the library that has
//! it. From libSystem they import only what Apple's headers declare, and nothing that is newer than the oldest macOS
//! that they are for. Install names, versions and signatures are right.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};

use super::build::Products;
use super::headers::{Headers, version};
use super::image::{Image, Import, short_name};
use super::stub::Stub;
use super::toolchain::Toolchain;
use super::{Architecture, MINIMUM, install_name, sdk};
use crate::header::HEADER;
use crate::project::Project;
use crate::symbols;

/// The system's own library, by which all that is no framework is reached.
const SYSTEM: &str = "/usr/lib/libSystem.B.dylib";

/// What the headers that zig brings do not declare, and why it may be used all the same.
const UNDECLARED: [(&str, &str); 16] = [
    ("_bootstrap_check_in", "servers/bootstrap.h of Apple's SDK"),
    ("_bootstrap_look_up", "servers/bootstrap.h of Apple's SDK"),
    ("_mach_vm_allocate", "mach/mach_vm.h of Apple's SDK"),
    ("_mach_vm_deallocate", "mach/mach_vm.h of Apple's SDK"),
    ("_mach_vm_inherit", "mach/mach_vm.h of Apple's SDK"),
    ("_mach_vm_map", "mach/mach_vm.h of Apple's SDK"),
    ("_mach_vm_region", "mach/mach_vm.h of Apple's SDK"),
    ("_mach_vm_region_recurse", "mach/mach_vm.h of Apple's SDK"),
    ("__dispatch_source_type_read", "dispatch/source.h, by a macro: DISPATCH_SOURCE_TYPE_READ"),
    (
        "_fileport_makefd",
        "sys/fileport.h of the kernel's source: the one way for a descriptor to travel in a message",
    ),
    ("_fileport_makeport", "sys/fileport.h of the kernel's source"),
    ("_environ", "C programs declare it themselves: environ(7)"),
    ("dyld_stub_binder", "the linker's own: functions are looked up by it when they are first called"),
    ("___bzero", "the compiler's own: memory that is set to 0 on Intel"),
    ("___stack_chk_fail", "the compiler's own: stack protector"),
    ("___stack_chk_guard", "the compiler's own: stack protector"),
];

/// Symbols that a program may start without.
const WEAK: [(&str, &str); 0] = [];

/// Looks at everything that was built for one processor; gives what is wrong.
pub(super) fn check(
    project: &Project,
    toolchain: &Toolchain,
    architecture: Architecture,
    products: &Products,
) -> Result<Vec<String>> {
    let stubs: Vec<Stub> =
        project.files(sdk::STUBS, "tbd")?.iter().map(|file| Stub::read(file)).collect::<Result<_>>()?;
    let headers = Headers::read(&toolchain.headers)?;
    let judge = Judge { architecture, stubs: &stubs, headers: &headers, ours: &install_name(project) };
    // Many files have the same fault.
    let mut faults: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut blame = |file: &str, found: Vec<String>| {
        for fault in found {
            faults.entry(fault).or_default().push(file.to_owned());
        }
    };

    let library = Image::read(project, toolchain, &products.library)?;
    let declared =
        toolchain.cc(project, architecture).arg("-E").arg("-P").arg("-std=c11").arg(HEADER).read()?;
    blame("the library", judge.library(&library, &symbols::functions(&declared)?));

    let mut used = BTreeSet::new();
    let mut count = 1;
    for file in products.programs() {
        let image = Image::read(project, toolchain, file)?;
        blame(&file.file_name().unwrap_or_default().to_string_lossy(), judge.file(&image));
        used.extend(image.imports.into_iter().map(|import| import.symbol));
        count += 1;
    }
    blame("the stubs", judge.superfluous(&used));
    println!(
        "{}: {count} files checked; the library exports {} functions and imports {} symbols{}",
        architecture.target(),
        library.exports.len(),
        library.imports.len(),
        by_library(&library.imports),
    );
    let target = architecture.target();
    Ok(faults.into_iter().map(|(fault, files)| format!("{target}: {fault} ({})", some(&files))).collect())
}

/// The first few of many.
fn some(files: &[String]) -> String {
    let shown = files.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(", ");
    match files.len() {
        0..=2 => shown,
        count => format!("{shown} and {} more", count - 2),
    }
}

/// How many symbols come of each library, for the log.
fn by_library(imports: &[Import]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for import in imports {
        *counts.entry(import.library.as_deref().unwrap_or("anywhere")).or_default() += 1;
    }
    let parts: Vec<String> = counts.iter().map(|(name, count)| format!("{count} of {name}")).collect();
    format!(" ({})", parts.join(", "))
}

/// What files are measured by.
struct Judge<'a> {
    architecture: Architecture,
    stubs: &'a [Stub],
    headers: &'a Headers,
    /// Our library's install name.
    ours: &'a str,
}

impl Judge<'_> {
    /// The shared library, against the functions that the header declares.
    fn library(&self, image: &Image, declared: &BTreeSet<String>) -> Vec<String> {
        let mut faults = self.file(image);
        let exports: BTreeSet<String> = image
            .exports
            .iter()
            .map(|symbol| symbol.strip_prefix('_').unwrap_or(symbol).to_owned())
            .collect();
        for name in declared.difference(&exports) {
            faults.push(format!("{name}: the header declares it, the library does not export it"));
        }
        for name in exports.difference(declared) {
            faults.push(format!("{name}: the library exports it, the header does not declare it"));
        }
        if image.install_name.as_deref() != Some(self.ours) {
            let found = image.install_name.as_deref().unwrap_or("missing");
            faults.push(format!("the library's install name is {found}, not {}", self.ours));
        }
        for path in &image.libraries {
            if self.imported(image, path).is_empty() {
                faults.push(format!("the library loads {path} and uses nothing of it"));
            }
        }
        for stub in self.stubs {
            let imported: BTreeSet<&str> = self.imported(image, &stub.install_name);
            let named = stub.for_library(self.architecture);
            for symbol in imported.difference(&named) {
                faults.push(format!(
                    "{symbol}: the library imports it, {}.tbd does not name it for it",
                    stub.name
                ));
            }
            for symbol in named.difference(&imported) {
                faults.push(format!(
                    "{symbol}: {}.tbd names it for the library, which does not import it",
                    stub.name
                ));
            }
        }
        faults
    }

    /// The symbols that a file imports from the library of this install name.
    fn imported<'i>(&self, image: &'i Image, install_name: &str) -> BTreeSet<&'i str> {
        let name = short_name(install_name);
        let imports = image.imports.iter().filter(|import| import.library.as_deref() == Some(name));
        imports.map(|import| import.symbol.as_str()).collect()
    }

    /// What must hold of any file.
    fn file(&self, image: &Image) -> Vec<String> {
        let mut faults = Vec::new();
        if image.minimum.as_deref() != Some(MINIMUM) {
            let found = image.minimum.as_deref().unwrap_or("nothing");
            faults.push(format!("it is for macOS {found}, not {MINIMUM}"));
        }
        if !image.is_two_level {
            faults.push("it looks for its imports in all libraries (no two-level namespace)".into());
        }
        if self.architecture == Architecture::Aarch64 && !image.is_signed {
            faults.push("it is not signed, and Apple silicon refuses it".into());
        }
        for library in &image.libraries {
            let is_known = library == SYSTEM
                || library == self.ours
                || self.stubs.iter().any(|stub| stub.install_name == *library);
            if !is_known {
                faults.push(format!("it loads {library}, of which there is no link stub"));
            }
        }
        for import in &image.imports {
            if let Err(fault) = self.import(image, import) {
                faults.push(format!("{}: imported, {fault:#}", import.symbol));
            }
        }
        faults
    }

    fn import(&self, image: &Image, import: &Import) -> Result<()> {
        let Import { symbol, library, is_weak } = import;
        let library = library.as_deref().context("but of no library")?;
        let install_name = image.libraries.iter().find(|path| short_name(path) == library);
        let install_name = install_name.with_context(|| format!("but {library} is not loaded"))?;
        let is_listed = |list: &[(&str, &str)]| list.iter().any(|(known, _)| known == symbol);
        if *is_weak && !is_listed(&WEAK) {
            bail!("it may be missing when the program starts (a weak import that is not listed)");
        }
        if install_name == self.ours {
            return Ok(());
        }
        if install_name != SYSTEM {
            let stub = self.stubs.iter().find(|stub| stub.install_name == *install_name);
            let stub = stub.with_context(|| format!("there is no link stub of {library}"))?;
            if !stub.for_library(self.architecture).contains(symbol.as_str())
                && !stub.for_programs(self.architecture).contains(symbol.as_str())
            {
                bail!("{}.tbd does not name it", stub.name);
            }
            return Ok(());
        }
        // `__strcpy_chk` is the compiler's own: strcpy() with a check of the size.
        let function = symbol.strip_prefix("__").and_then(|name| name.strip_suffix("_chk")).unwrap_or(symbol);
        if !self.headers.declares(function) && !is_listed(&UNDECLARED) {
            bail!("no public header declares it");
        }
        if let Some(since) = self.headers.since(symbol)
            && Some(since) > version(MINIMUM)
            && !is_weak
        {
            bail!("macOS has it since {}.{} only: look it up when it is needed", since.0, since.1);
        }
        Ok(())
    }

    /// What the stubs name for programs and tests, and none of them imports.
    fn superfluous(&self, used: &BTreeSet<String>) -> Vec<String> {
        let named = |stub: &Stub| -> Vec<String> {
            let symbols = stub.for_programs(self.architecture).into_iter();
            let unused = symbols.filter(|symbol| !used.contains(*symbol));
            unused
                .map(|symbol| format!("{symbol}: {}.tbd names it for programs, none imports it", stub.name))
                .collect()
        };
        self.stubs.iter().flat_map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::headers;
    use super::super::stub;
    use super::*;

    const OURS: &str = "@rpath/libsurfaceport.0.dylib";
    const FOUNDATION: &str = "/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation";

    fn import(symbol: &str, library: &str) -> Import {
        Import { symbol: symbol.into(), library: Some(library.into()), is_weak: false }
    }

    /// A library with nothing wrong.
    fn library() -> Image {
        Image {
            install_name: Some(OURS.into()),
            libraries: vec![FOUNDATION.into(), SYSTEM.into()],
            minimum: Some(MINIMUM.into()),
            is_two_level: true,
            is_signed: true,
            exports: ["_sfp_version".to_owned()].into(),
            imports: vec![
                import("_CFEqual", "CoreFoundation"),
                import("_CFRelease", "CoreFoundation"),
                import("_CFRetain", "CoreFoundation"),
                import("_mach_msg", "libSystem"),
            ],
        }
    }

    /// What is wrong with the library after a change.
    fn faults(change: impl FnOnce(&mut Image)) -> Vec<String> {
        let (mut image, stubs) = (library(), [stub::tests::stub()]);
        change(&mut image);
        let headers =
            headers::tests::of("int mach_msg(void);\nAPI_AVAILABLE(macos(14.4)) int os_new(void);\n");
        let architecture = Architecture::Aarch64;
        let judge = Judge { architecture, stubs: &stubs, headers: &headers, ours: OURS };
        judge.library(&image, &["sfp_version".to_owned()].into())
    }

    #[track_caller]
    fn is_wrong(change: impl FnOnce(&mut Image), part: &str) {
        let faults = faults(change);
        assert!(!faults.is_empty() && faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:?}");
    }

    #[test]
    fn a_good_library_has_no_fault() {
        assert_eq!(faults(|_| {}), [""; 0]);
    }

    #[test]
    fn exports_are_those_of_the_header() {
        is_wrong(|image| image.exports.clear(), "the library does not export it");
        is_wrong(|image| image.exports.extend(["_sfp_more".into()]), "sfp_more: the library exports it");
        is_wrong(|image| image.install_name = None, "install name is missing");
    }

    #[test]
    fn imports_of_frameworks_are_those_of_the_stubs() {
        is_wrong(
            |image| drop(image.imports.remove(0)),
            "_CFEqual: CoreFoundation.tbd names it for the library",
        );
        is_wrong(|image| image.imports.push(import("_CFHash", "CoreFoundation")), "does not name it");
        // The library does what only programs are meant to.
        is_wrong(|image| image.imports.push(import("_CFRunLoopRun", "CoreFoundation")), "_CFRunLoopRun");
        // A symbol that is bound to the wrong library.
        is_wrong(
            |image| image.imports[1] = import("_CFRelease", "libSystem"),
            "no public header declares it",
        );
        is_wrong(|image| image.imports.push(import("_x", "Metal")), "but Metal is not loaded");
        is_wrong(|image| image.libraries.push("/usr/lib/libz.1.dylib".into()), "there is no link stub");
        is_wrong(|image| image.imports.retain(|import| import.symbol != "_mach_msg"), "uses nothing of it");
    }

    #[test]
    fn the_system_gives_what_its_headers_declare_and_no_news() {
        is_wrong(|image| image.imports.push(import("_secret", "libSystem")), "no public header declares it");
        is_wrong(|image| image.imports.push(import("_os_new", "libSystem")), "macOS has it since 14.4");
        is_wrong(|image| image.imports[3].is_weak = true, "weak import");
        is_wrong(|image| image.imports[3].library = None, "but of no library");
    }

    #[test]
    fn a_file_is_for_the_oldest_macos_and_signed() {
        is_wrong(|image| image.minimum = Some("14.0".into()), "is for macOS 14.0");
        is_wrong(|image| image.is_two_level = false, "two-level");
        is_wrong(|image| image.is_signed = false, "is not signed");
    }

    #[test]
    fn what_only_programs_import_is_imported_by_one() {
        let stubs = [stub::tests::stub()];
        let headers = headers::tests::of("");
        let architecture = Architecture::X86_64;
        let judge = Judge { architecture, stubs: &stubs, headers: &headers, ours: OURS };
        assert_eq!(judge.superfluous(&["_CFRunLoopRun".to_owned()].into()), [""; 0]);
        assert!(judge.superfluous(&BTreeSet::new())[0].contains("_CFRunLoopRun"));
    }
}
