/* Channels, as a program in C++ uses them: how long they watch before they sleep, and queues that are full. */
#include <ctime>
#include <poll.h>

#include "check.hpp"

static std::pair<sfp::channel, sfp::channel> make_channel()
{
    auto ends = sfp::channel_end::create_pair();
    return { std::move(ends.first).open(), std::move(ends.second).open() };
}

/* Has messages go through shared memory. */
static void warm_up(const sfp::channel &from, const sfp::channel &to)
{
    for (std::uint32_t n = 0; n < 20; n++) {
        from.send(sfp::message(n, ""), SOON);
        CHECK(to.receive(SOON)->id() == n);
    }
}

/* What a wait in vain takes of the processor. */
static std::clock_t work_of_a_wait(const sfp::channel &channel)
{
    const auto before = std::clock();
    CHECK(channel.receive(200ms).timed_out());
    return std::clock() - before;
}

static void a_spin_time_is_how_long_a_wait_watches()
{
    const auto [one, other] = make_channel();
    warm_up(one, other);
    other.set_spin_time(0s);
    (void)work_of_a_wait(other); /* the first one pays for more than itself */
    const auto asleep = work_of_a_wait(other);
    other.set_spin_time(sfp::timeout::forever());
    CHECK(work_of_a_wait(other) > 4 * asleep);
    other.set_spin_time(-1s);
    warm_up(one, other);
}

static void a_full_queue_drops_what_may_be_dropped()
{
    auto ends = make_channel();
    auto &one = ends.first, &other = ends.second;
    std::uint32_t sent = 0;
    while (sent < 1000000 && one.send_or_drop(sfp::message(sent, "")))
        sent++;
    CHECK(sent > 1 && one.dropped() == 1);
    CHECK(!one.send_or_drop(sfp::message(0, "")) && one.dropped() == 2);
    for (std::uint32_t n = 0; n < sent; n++)
        CHECK(other.receive(SOON)->id() == n);
    CHECK(other.receive(sfp::poll).timed_out());
    CHECK(one.send_or_drop(sfp::message(7, "")) && other.receive(SOON)->id() == 7 && one.dropped() == 2);
    other.reset();
    sfp::message kept(1, "kept");
    THROWS(SFP_STATUS_PEER_DEAD, one.send_or_drop(std::move(kept)));
    CHECK(kept.text() == "kept");
}

static bool is_readable(int fd, int milliseconds)
{
    pollfd waiting{ fd, POLLIN, 0 };
    return poll(&waiting, 1, milliseconds) == 1;
}

static void a_descriptor_tells_of_room()
{
    auto ends = make_channel();
    auto &one = ends.first, &other = ends.second;
    const int room = one.writable_fd();
    CHECK(is_readable(room, 0));
    std::uint32_t sent = 0;
    while (sent < 1000000 && one.send_or_drop(sfp::message(sent, "")))
        sent++;
    int tries = 0;
    while (is_readable(room, 0) && tries++ < 5) /* once too often */
        THROWS(SFP_STATUS_TIMED_OUT, one.send(sfp::message(0, ""), sfp::poll));
    CHECK(tries < 5);
    for (std::uint32_t n = 0; n < sent; n++)
        CHECK(other.receive(SOON)->id() == n);
    CHECK(is_readable(room, 60000));
    one.send(sfp::message(7, ""), sfp::poll);
    other.reset();
    CHECK(is_readable(room, 60000));
    one.reset();
    THROWS(SFP_STATUS_INVALID_ARGUMENT, one.writable_fd());
}

int main(int, char **argv)
{
    program = argv[0];
    descriptors_before = open_descriptors();
    RUN(a_spin_time_is_how_long_a_wait_watches);
    RUN(a_full_queue_drops_what_may_be_dropped);
    RUN(a_descriptor_tells_of_room);
    RUN(nothing_is_left);
    return finish();
}
