/*
 * Forks of a program whose handles are static objects: exit() destroys them in each fork, in which they are the parent's.
 */
#include <csignal>
#include <optional>
#include <sys/wait.h>

#include "check.hpp"

static const std::string name = "org.surfaceport.test.forks.cpp." + std::to_string(getpid());

static sfp::swapchain_options four_images()
{
    sfp::swapchain_options options(16, 16, SFP_PRESENT_MODE_FIFO);
    options.images = 4;
    return options;
}

/* What exit() destroys, from the last to the first. */
struct everything {
    sfp::producer producer = sfp::producer::create(four_images());
    sfp::consumer consumer = producer.create_consumer_right().attach();
    std::optional<sfp::frame> held;
    std::optional<sfp::image> drawn;
    sfp::receive_right named = sfp::bootstrap_check_in(name);
    sfp::receive_right port = sfp::receive_right::create();
    sfp::send_right to_port = port.make_send();
    sfp::port_set set = sfp::port_set::create();
    sfp::surface surface = sfp::surface::create(16, 16);
    sfp::memory memory = sfp::memory::create(100);
    sfp::message message{ 5, "unsent" };
    std::optional<sfp::locked<sfp::surface>> lock;
    std::optional<sfp::host> host;
    std::optional<sfp::channel> channel;
};

static std::optional<everything> all;
static std::uint32_t presented, echoed;

static void present()
{
    auto image = *all->producer.acquire(SOON);
    image.lock().row<std::uint32_t>(3)[3] = ++presented;
    all->producer.present(std::move(image));
}

static sfp::frame next()
{
    return *all->consumer.acquire(SOON);
}

static std::uint32_t pixel(const sfp::frame &frame)
{
    return frame.surface().lock(SFP_LOCK_READ).row<const std::uint32_t>(3)[3];
}

/* A child that sends everything back. */
static void echo(const sfp::child &host)
{
    const auto channel = host.channel();
    while (auto message = channel.receive(SOON))
        channel.send(std::move(*message), SOON);
}

static void make_all()
{
    all.emplace();
    presented = echoed = 0;
    present();
    all->held = next();
    present();
    all->drawn = *all->producer.acquire(SOON);
    all->set.add(all->port, 1);
    all->to_port.send(sfp::message(1, "before the fork"), SOON);
    all->lock = all->surface.lock();
    sfp::spawn_options options;
    options.argv = in_role("echo");
    options.hello_timeout = SOON;
    options.grace = SOON;
    all->host = sfp::host::spawn(options);
    all->channel = all->host->channel(SOON);
    all->channel->send(sfp::message(++echoed), SOON);
}

static void all_works()
{
    CHECK(pixel(*all->held) == 1 && all->held->number() == 1);
    {
        auto second = next();
        CHECK(second.number() == 2 && pixel(second) == 2);
    }
    for (std::uint32_t n = 3; n < 10; n++) {
        present();
        auto frame = next();
        CHECK(frame.number() == n && pixel(frame) == n);
    }
    CHECK(pixel(*all->held) == 1);
    all->producer.present(std::move(*all->drawn));
    CHECK(next().number() == 10);
    sfp::bootstrap_look_up(name, SOON).send(sfp::message(2), SOON);
    CHECK(all->named.receive(SOON)->id() == 2);
    CHECK(all->set.wait(SOON)->key == 1);
    CHECK(all->port.receive(SOON)->text() == "before the fork");
    CHECK(all->port.receive(sfp::poll).timed_out());
    CHECK(all->message.text() == "unsent");
    for (int count = 0; count < 30; count++) {
        CHECK(all->channel->receive(SOON)->id() == echoed);
        all->channel->send(sfp::message(++echoed), SOON);
    }
    CHECK(all->host->is_connected());
    CHECK(all->surface.seed() == 0);
    all->lock.reset();
    CHECK(all->surface.seed() == 1);
}

/* Calls of a fork on what its parent made. */
static void all_is_refused()
{
    THROWS(SFP_STATUS_WRONG_STATE, all->producer.acquire(SOON));
    THROWS(SFP_STATUS_WRONG_STATE, all->consumer.acquire(SOON));
    THROWS(SFP_STATUS_WRONG_STATE, all->named.receive(SOON));
    THROWS(SFP_STATUS_WRONG_STATE, all->to_port.send(sfp::message(9), SOON));
    THROWS(SFP_STATUS_WRONG_STATE, all->set.wait(SOON));
    THROWS(SFP_STATUS_WRONG_STATE, all->surface.lock());
    THROWS(SFP_STATUS_WRONG_STATE, all->host->wait_exit(SOON));
    THROWS(SFP_STATUS_WRONG_STATE, all->channel->receive(SOON));
    CHECK(pixel(*all->held) == 1);
    CHECK(all->message.text() == "unsent");
}

template <class End>
static pid_t in_fork(End end)
{
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        this_failed = false;
        try {
            end();
        } catch (const std::exception &error) {
            std::printf("in a fork: thrown: %s\n", error.what());
        }
        std::fflush(stdout);
        _exit(1);
    }
    return child;
}

static int ending_of(pid_t child)
{
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

static void exits_that_destroy_everything()
{
    make_all();
    for (int count = 0; count < 3; count++) {
        CHECK(ending_of(in_fork([] {
            all_is_refused();
            std::exit(this_failed ? 1 : 0);
        })) == 0);
    }
    all_works();
    all.reset();
}

static void exits_at_once()
{
    make_all();
    CHECK(ending_of(in_fork([] { _exit(0); })) == 0);
    CHECK(WIFSIGNALED(ending_of(in_fork([] { std::abort(); }))));
    CHECK(WIFSIGNALED(ending_of(in_fork([] { kill(getpid(), SIGKILL); }))));
    all_works();
    all.reset();
}

/* Which lets go of everything, has the same anew, and lives on. */
static void a_fork_begins_anew()
{
    make_all();
    int told[2];
    CHECK(pipe(told) == 0);
    const pid_t child = in_fork([&] {
        close(told[1]);
        all->named.reset();
        all.reset();
        const auto port = sfp::receive_right::create();
        port.make_send().send(sfp::message(7), SOON);
        CHECK(port.receive(SOON)->id() == 7);
        auto producer = sfp::producer::create(sfp::swapchain_options(8, 8));
        const auto consumer = producer.create_consumer_right().attach();
        producer.present(*producer.acquire(SOON));
        CHECK(consumer.acquire(SOON)->number() == 1);
        char byte;
        CHECK(read(told[0], &byte, 1) == 0);
        std::exit(this_failed ? 1 : 0);
    });
    close(told[0]);
    all_works();
    close(told[1]);
    CHECK(ending_of(child) == 0);
    all.reset();
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc > 1) {
        echo(sfp::child::connect(SOON));
        return 0;
    }
    descriptors_before = open_descriptors();
    RUN(exits_that_destroy_everything);
    RUN(exits_at_once);
    RUN(a_fork_begins_anew);
    RUN(nothing_is_left);
    return finish();
}
