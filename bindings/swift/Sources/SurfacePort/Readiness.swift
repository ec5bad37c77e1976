import CSurfacePort
import Dispatch

/// Where the events of descriptors arrive. Nothing else runs on it, and nothing there waits.
private let readinessQueue = DispatchQueue(label: "surfaceport.readiness")

/// One wait for a descriptor: a read source that ends at the first event, at a deadline, or when it is cancelled.
private final class Wait: @unchecked Sendable {
    private let source: any DispatchSourceRead
    private let timer: (any DispatchSourceTimer)?

    init(descriptor: Int32, deadline: Int64?) {
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: readinessQueue)
        source.setEventHandler { source.cancel() }
        if let deadline {
            let timer = DispatchSource.makeTimerSource(queue: readinessQueue)
            let left = max(0, deadline - FrameClock.now)
            timer.schedule(deadline: .now() + .nanoseconds(Int(clamping: left)), leeway: .milliseconds(1))
            timer.setEventHandler { source.cancel() }
            self.timer = timer
        } else {
            timer = nil
        }
        self.source = source
    }

    /// Returns when the source has let go of the descriptor, so that whoever owns it may close it.
    func run() async {
        await withCheckedContinuation { continuation in
            source.setCancelHandler { continuation.resume() }
            timer?.activate()
            source.activate()
        }
        timer?.cancel()
    }

    func cancel() {
        source.cancel()
    }
}

/// Waits until a descriptor is readable, or the deadline is over, or the task is cancelled.
private func readable(_ descriptor: Int32, deadline: Int64?, isolation: isolated (any Actor)?) async throws {
    try Task.checkCancellation()
    let wait = Wait(descriptor: descriptor, deadline: deadline)
    await withTaskCancellationHandler {
        await wait.run()
    } onCancel: {
        wait.cancel()
    }
    try Task.checkCancellation()
}

/// Tries `take`, which does not wait, until it says something else than that it timed out. Between two tries it waits
/// for the descriptor, and no thread waits with it.
func whenReady<Value>(
    _ descriptor: Int32, deadline: Int64? = nil, isolation: isolated (any Actor)?,
    _ take: () throws(SurfacePortError) -> Value
) async throws -> Value {
    while true {
        if let value = try unlessTimedOut(deadline: deadline, take) { return value }
        guard descriptor >= 0 else {
            throw SurfacePortError(status: .wrongState, detail: "there is no descriptor to wait for")
        }
        try await readable(descriptor, deadline: deadline, isolation: isolation)
    }
}

/// What `take` gives; `nil` if it timed out and the deadline is not over yet.
private func unlessTimedOut<Value>(
    deadline: Int64?, _ take: () throws(SurfacePortError) -> Value
) throws(SurfacePortError) -> Value? {
    do {
        return try take()
    } catch {
        guard error.status == .timedOut else { throw error }
        if let deadline, FrameClock.now >= deadline { throw error }
        return nil
    }
}

/// Runs a call that waits on a thread of Dispatch, in slices of a tenth of a second, between which it sees that the
/// task was cancelled. For what has no descriptor of its own.
func whenDone<Value: Sendable>(
    deadline: Int64? = nil, _ call: @escaping @Sendable (Int64) throws(SurfacePortError) -> Value
) async throws -> Value {
    while true {
        try Task.checkCancellation()
        let left = deadline.map { max(0, $0 - FrameClock.now) }
        let slice = min(left ?? .max, 100_000_000)
        do {
            return try await withCheckedThrowingContinuation { continuation in
                DispatchQueue.global().async {
                    continuation.resume(with: Result { try call(slice) })
                }
            }
        } catch let error as SurfacePortError where error.status == .timedOut {
            if let deadline, FrameClock.now >= deadline { throw error }
        }
    }
}
