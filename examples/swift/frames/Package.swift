// swift-tools-version: 5.9
import PackageDescription

// A host and its child in Swift. A package of your own names the library the same way. The folder is not called `swift`:
// two packages that are used together cannot have folders of the same name.
let package = Package(
    name: "frames",
    platforms: [.macOS(.v13)],
    dependencies: [.package(path: "../../../bindings/swift")],
    targets: [
        .executableTarget(name: "host", dependencies: [.product(name: "SurfacePort", package: "swift")]),
        .executableTarget(name: "child", dependencies: [.product(name: "SurfacePort", package: "swift")]),
    ],
    swiftLanguageVersions: [.version("6")]
)
