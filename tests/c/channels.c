/* Channels, as a program in C uses them: how long they watch before they sleep, and queues that are full. */
#define _DEFAULT_SOURCE

#include <time.h>

#include "roles.h"

static void make_channel(sfp_channel **one, sfp_channel **other)
{
    sfp_channel_end *ends[2];
    OK(sfp_channel_end_create_pair(&ends[0], &ends[1]));
    OK(sfp_channel_end_open(ends[0], one));
    OK(sfp_channel_end_open(ends[1], other));
    sfp_channel_end_release(ends[0]);
    sfp_channel_end_release(ends[1]);
}

static void expect(sfp_channel *channel, uint32_t id)
{
    sfp_message *message = NULL;
    OK(sfp_channel_receive(channel, SOON, &message));
    CHECK(sfp_message_id(message) == id);
    sfp_message_release(message);
}

/* Has messages go through shared memory. */
static void warm_up(sfp_channel *from, sfp_channel *to)
{
    for (uint32_t n = 0; n < 20; n++) {
        OK(sfp_channel_send(from, sfp_message_create(n), SOON));
        expect(to, n);
    }
}

/* What a wait in vain takes of the processor. */
static clock_t work_of_a_wait(sfp_channel *channel)
{
    sfp_message *none = NULL;
    clock_t before = clock();
    FAILS(SFP_STATUS_TIMED_OUT, sfp_channel_receive(channel, SFP_MILLISECONDS(200), &none));
    return clock() - before;
}

static void a_spin_time_is_how_long_a_wait_watches(void)
{
    sfp_channel *one = NULL, *other = NULL;
    make_channel(&one, &other);
    warm_up(one, other);
    OK(sfp_channel_set_spin_time(other, 0));
    (void)work_of_a_wait(other); /* the first one pays for more than itself */
    const clock_t asleep = work_of_a_wait(other);
    OK(sfp_channel_set_spin_time(other, UINT64_MAX));
    const clock_t watching = work_of_a_wait(other);
    CHECK(watching > 4 * asleep);
    OK(sfp_channel_set_spin_time(other, 0));
    warm_up(one, other);
    sfp_channel_release(one);
    sfp_channel_release(other);
}

/* Sends numbered messages until one is dropped. */
static uint32_t send_until_dropped(sfp_channel *channel)
{
    for (uint32_t n = 0; n < 1000000; n++) {
        sfp_message *message = sfp_message_create(n);
        bool sent = false;
        OK(sfp_channel_send_or_drop(channel, message, &sent));
        if (!sent)
            return n;
    }
    CHECK(!"a queue without an end");
    return 0;
}

static void a_full_queue_drops_what_may_be_dropped(void)
{
    sfp_channel *one = NULL, *other = NULL;
    make_channel(&one, &other);
    for (uint64_t round = 0; round < 3; round++) {
        CHECK(sfp_channel_dropped(one) == 3 * round);
        const uint32_t sent = send_until_dropped(one);
        CHECK(sent > 1);
        const int descriptors = open_descriptors();
        sfp_message *file = sfp_message_create(0);
        OK(sfp_message_attach_fd(file, STDOUT_FILENO));
        bool was_sent = true;
        OK(sfp_channel_send_or_drop(one, file, &was_sent));
        CHECK(!was_sent && open_descriptors() == descriptors);
        OK(sfp_channel_send_or_drop(one, sfp_message_create(0), NULL));
        for (uint32_t n = 0; n < sent; n++)
            expect(other, n);
        sfp_message *none = NULL;
        FAILS(SFP_STATUS_TIMED_OUT, sfp_channel_receive(other, SFP_POLL, &none));
    }
    CHECK(sfp_channel_dropped(one) == 9 && sfp_channel_dropped(other) == 0);
    sfp_channel_release(other);
    sfp_message *kept = sfp_message_create(0);
    FAILS(SFP_STATUS_PEER_DEAD, sfp_channel_send_or_drop(one, kept, NULL));
    CHECK(!sfp_message_is_empty(kept));
    sfp_message_release(kept);
    sfp_channel_release(one);
}

static void expect_no_room(sfp_channel *channel)
{
    /* It can be readable once too often. */
    for (int n = 0; n < 5; n++) {
        sfp_message *message = sfp_message_create(0);
        FAILS(SFP_STATUS_TIMED_OUT, sfp_channel_send(channel, message, SFP_POLL));
        sfp_message_release(message);
        if (!is_readable(sfp_channel_writable_fd(channel), 0))
            return;
    }
    CHECK(!"a full queue says that it has room");
}

static void a_descriptor_tells_of_room(void)
{
    sfp_channel *one = NULL, *other = NULL;
    make_channel(&one, &other);
    const int room = sfp_channel_writable_fd(one);
    CHECK(room >= 0 && room != sfp_channel_fd(one) && is_readable(room, 0));
    for (int round = 0; round < 3; round++) {
        const uint32_t sent = send_until_dropped(one);
        expect_no_room(one);
        for (uint32_t n = 0; n < sent; n++)
            expect(other, n);
        CHECK(is_readable(room, 60000) && sfp_channel_writable_fd(one) == room);
        OK(sfp_channel_send(one, sfp_message_create(7), SFP_POLL));
        expect(other, 7);
    }
    send_until_dropped(one);
    expect_no_room(one);
    sfp_channel_release(other);
    CHECK(is_readable(room, 60000));
    sfp_channel_release(one);
    CHECK(sfp_channel_writable_fd(NULL) == -1);
}

int main(int argc, char **argv)
{
    run_role(argc, argv, NULL, 0);
    descriptors_before = open_descriptors();
    RUN(a_spin_time_is_how_long_a_wait_watches);
    RUN(a_full_queue_drops_what_may_be_dropped);
    RUN(a_descriptor_tells_of_room);
    RUN(nothing_is_left);
    return finish();
}
