import XCTest

@testable import SurfacePort

/// Sessions and swapchains between real processes.
final class SessionTests: XCTestCase {
    func testFramesOfAChildInOrder() async throws {
        let host = try Host.spawn(testChild("frames"))
        var expected: UInt32 = 0
        for try await frame in try await host.consumer() {
            expected += 1
            XCTAssertEqual(frame.number, UInt64(expected))
            try frame.withPixels { XCTAssertEqual($0.row(0, as: UInt32.self)[0], expected) }
            let info = try frame.info
            XCTAssertEqual(info.displayTime, Int64(expected))
            XCTAssertEqual(info.damage, PixelRectangle(x: expected, y: 2, width: 3, height: 4))
            XCTAssertEqual(info.colorSpace, .displayP3)
            XCTAssertEqual(info.userData, [UInt8(expected)] + [UInt8](repeating: 0, count: 63))
        }
        XCTAssertEqual(expected, 20)
        let exit = try await host.exit(timeout: limit)
        XCTAssertEqual(exit, .exited(0))
    }

    func testAHeldFrameOutlivesItsProducer() async throws {
        let host = try Host.spawn(testChild("frames"))
        var held: Surface?
        do {
            let consumer = try host.acceptConsumer(timeout: limit)
            held = try consumer.acquire(timeout: limit)?.surface
            while try consumer.acquire(timeout: limit) != nil {}
        }
        let exit = try await host.exit(timeout: limit)
        XCTAssertEqual(exit, .exited(0))
        // Two images went round for the other 19 frames; nobody drew into this one.
        try XCTUnwrap(held).withPixels { XCTAssertEqual($0.row(0, as: UInt32.self)[0], 1) }
    }

    func testADeadChildIsAnError() async throws {
        let host = try Host.spawn(testChild("crash"))
        let frames = try await host.consumer(timeout: limit)
        var seen = 0
        await assertThrows(.peerDead) {
            for try await _ in frames { seen += 1 }
        }
        XCTAssertEqual(seen, 4)
        let exit = try await host.exit(timeout: limit)
        XCTAssertEqual(exit, .signalled(SIGKILL))
        await assertThrows(.peerDead) { try await host.consumer(timeout: limit) }
    }

    func testMessagesThereAndBack() async throws {
        let host = try Host.spawn(testChild("echo"))
        let channel = try await host.channel(timeout: limit)
        XCTAssertTrue(host.isConnected)
        XCTAssertEqual(host.features, 0)
        XCTAssertEqual(host.refused, 0)
        XCTAssertEqual(try channel.peer.processID, host.processID)
        let memory = try Memory(size: 4096)
        let message = try Message(id: 10, text: "there")
        try message.attach(memory)
        try message.attach(try Surface(width: 3, height: 2))
        try channel.send(message, timeout: limit)
        let answer = try await channel.receive()
        XCTAssertEqual(answer.id, 11)
        XCTAssertEqual(answer.text, "there")
        XCTAssertEqual(try answer.sender.processID, host.processID)
        // It is the same memory, on its way back.
        try memory.write([42], at: 100)
        XCTAssertEqual(try answer.takeMemory(at: 0).read(at: 100, count: 1), [42])
        XCTAssertEqual(try answer.takeSurface(at: 1).height, 2)

        let reply = try channel.request(try Message(id: 20, text: "request"), timeout: limit)
        XCTAssertEqual(reply.id, 21)
        XCTAssertEqual(reply.text, "request")
        try host.kill()
        var more = 0
        for try await _ in channel.messages { more += 1 }
        XCTAssertEqual(more, 0)
        // Its receive right is closed last, when the kernel has taken all of it down.
        let exit = try await host.exit(timeout: limit)
        XCTAssertEqual(exit, .signalled(SIGKILL))
        XCTAssertTrue(channel.isPeerDead)
    }

    func testAChildLearnsThatNobodyLooks() async throws {
        let host = try Host.spawn(testChild("until-gone"))
        do {
            let consumer = try await host.consumer(timeout: limit)
            let frame = try await consumer.acquire()
            XCTAssertNotNil(frame)
            XCTAssertGreaterThan(try consumer.statistics.shown, 0)
        }
        let exit = try await host.exit(timeout: limit)
        XCTAssertEqual(exit, .exited(7))
    }

    func testAHostThatDraws() async throws {
        let host = try Host.spawn(testChild("viewer"))
        let producer = try Producer(SwapchainOptions(width: 8, height: 8, mode: .fifo))
        try host.waitConnected(timeout: limit)
        do { try host.offer(try producer.makeConsumerRight()) }
        for _ in 0..<5 {
            let image = try await producer.acquire()
            try producer.present(try XCTUnwrap(image))
        }
        XCTAssertEqual(try producer.statistics.presented, 5)
        // In fifo mode the sixth image is free only when the viewer took frames of the first three.
        let last = try await producer.acquire()
        try producer.present(try XCTUnwrap(last))
        try host.kill()
        let exit = try await host.exit(timeout: limit)
        XCTAssertEqual(exit, .signalled(SIGKILL))
        // All consumers are gone: that is the end.
        while let image = try await producer.acquire() { try producer.present(image) }
    }

    func testATimeForTheHello() async throws {
        var options = SpawnOptions()
        options.helloTimeout = .milliseconds(50)
        options.grace = .zero
        let host = try Host.spawn(testChild("silent"), options: options)
        await assertThrows(.noHello) { try await host.consumer() }
        XCTAssertFalse(host.isConnected)
    }

    func testNoSuchProgram() {
        assertThrows(.notFound) { try Host.spawn(["/no/such/program"]) }
        assertThrows(.invalidArgument) { try Host.spawn([]) }
        assertThrows(.invalidArgument) { try Host.spawn(["/bin/true", "a\0b"]) }
    }

    func testNoHost() {
        assertThrows(.notFound) { try Child.connect(timeout: .zero) }
    }

    func testAWaitForFramesCanBeCancelled() async throws {
        let host = try Host.spawn(testChild("echo"))
        try host.waitConnected(timeout: limit)
        let waiting = Task { try await host.consumer() }
        waiting.cancel()
        do {
            _ = try await waiting.value
            XCTFail("nothing was thrown")
        } catch {
            XCTAssertTrue(error is CancellationError, "\(error)")
        }
        let exiting = Task { try await host.exit() }
        exiting.cancel()
        do {
            _ = try await exiting.value
            XCTFail("nothing was thrown")
        } catch {
            XCTAssertTrue(error is CancellationError, "\(error)")
        }
        await assertThrows(.timedOut) { try await host.consumer(timeout: .milliseconds(20)) }
    }

    func testAnInvitedChild() async throws {
        let invitation = try Invitation()
        XCTAssertFalse(invitation.environment.isEmpty)
        XCTAssertFalse(invitation.fileDescriptors.isEmpty)
        let pid = try start(testChild("frames"), invitation: invitation)
        let host = try invitation.intoHost(processID: UInt32(pid))
        assertThrows(.wrongState) { try invitation.intoHost(processID: 0) }
        var seen = 0
        for try await _ in try await host.consumer(timeout: limit) { seen += 1 }
        XCTAssertEqual(seen, 20)
        var status: Int32 = 0
        XCTAssertEqual(waitpid(pid, &status, 0), pid)
        XCTAssertEqual(status, 0)
    }

    /// Starts a program by means of the system's own.
    private func start(_ arguments: [String], invitation: Invitation) throws -> pid_t {
        #if os(Linux)
        var actions = posix_spawn_file_actions_t()
        #else
        var actions: posix_spawn_file_actions_t?
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in invitation.fileDescriptors {
            #if canImport(Darwin)
                posix_spawn_file_actions_addinherit_np(&actions, descriptor)
            #else
                posix_spawn_file_actions_adddup2(&actions, descriptor, descriptor)
            #endif
        }
        let inherited = ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
        var argv = arguments.map { strdup($0) } + [nil]
        var environment = (inherited + invitation.environment).map { strdup($0) } + [nil]
        defer { (argv + environment).forEach { free($0) } }
        var pid: pid_t = 0
        XCTAssertEqual(posix_spawn(&pid, arguments[0], &actions, nil, &argv, &environment), 0)
        return pid
    }
}
