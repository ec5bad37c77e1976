// swift-tools-version: 5.9
import PackageDescription

// The sources use typed throws and the language mode 6, so the compiler has to be Swift 6 (Xcode 16) or later.
let package = Package(
    name: "SurfacePort",
    platforms: [.macOS(.v13)],
    products: [
        .library(name: "SurfacePort", targets: ["SurfacePort"])
    ],
    targets: [
        // The C API. Its header is a link to the one in `include/`; pkg-config says where an installed library is.
        .systemLibrary(name: "CSurfacePort", pkgConfig: "surfaceport"),
        .target(name: "SurfacePort", dependencies: ["CSurfacePort"]),
        // What the tests start as another process.
        .executableTarget(name: "SurfacePortTestChild", dependencies: ["SurfacePort"], path: "Tests/TestChild"),
        .testTarget(name: "SurfacePortTests", dependencies: ["SurfacePort", "CSurfacePort", "SurfacePortTestChild"]),
    ],
    swiftLanguageVersions: [.version("6")]
)
