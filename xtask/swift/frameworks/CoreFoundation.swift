public final class CFRunLoopSource {}
