public final class IOSurfaceRef {}
