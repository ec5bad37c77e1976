import CSurfacePort

/// Which library runs.
public enum SurfacePortVersion {
    /// Of the library that runs, as text: "1.2.3".
    public static var library: String {
        String(cString: sfp_version_string())
    }

    /// Of the library that runs, as a number that grows with it: 1002003 is 1.2.3.
    public static var number: UInt32 {
        sfp_version()
    }
}
