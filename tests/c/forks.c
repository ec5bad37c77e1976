/*
 * Forks of a process that uses the library. Each test makes one kind of handle, forks, has the fork end in some way or live
 * on, and sees that this process goes on as if there had been no fork.
 */
#define _DEFAULT_SOURCE

#include <fcntl.h>
#include <signal.h>

#include "roles.h"

enum { WIDTH = 64, HEIGHT = 32, IMAGES = 3, ECHO = 1 };

/* How a fork ends. */
enum ending {
    RELEASES,       /* every handle, then it ends */
    EXITS,          /* by exit(), whose handlers release every handle */
    EXITS_AT_ONCE,  /* by _exit() */
    ABORTS,
    IS_KILLED,
    LIVES_ON,       /* until this process has gone on for a while */
    ENDINGS,
};

static const char *const endings[ENDINGS] = {
    "releases", "exits", "exits at once", "aborts", "is killed", "lives on",
};

/* Everything that a test can have; what it has not is NULL. */
static struct world {
    sfp_host *host;
    sfp_channel *channel;
    sfp_producer *producer;
    sfp_consumer_right *consumer_right;
    sfp_consumer *consumer;
    sfp_frame *frame;
    sfp_image *image;
    sfp_receive_right *receive;
    sfp_send_right *send;
    sfp_send_once_right *once;
    sfp_port_set *set;
    sfp_message *message;
    sfp_memory *memory;
    sfp_surface *surface;
    sfp_child *child;
    sfp_channel_end *ends[2];
    sfp_invitation *invitation;
    /* How often this process sent something to be echoed. */
    uint32_t echoes;
    uint32_t last_frame;
    sfp_present_mode mode;
} world;

static char name[80];

static void release_all(void)
{
    sfp_frame_release(world.frame);
    sfp_image_release(world.image);
    sfp_consumer_release(world.consumer);
    sfp_consumer_right_release(world.consumer_right);
    sfp_producer_release(world.producer);
    sfp_message_release(world.message);
    sfp_port_set_release(world.set);
    sfp_receive_right_release(world.receive);
    sfp_send_right_release(world.send);
    sfp_send_once_right_release(world.once);
    sfp_memory_release(world.memory);
    sfp_surface_release(world.surface);
    sfp_channel_end_release(world.ends[0]);
    sfp_channel_end_release(world.ends[1]);
    sfp_channel_release(world.channel);
    sfp_invitation_release(world.invitation);
    sfp_child_release(world.child);
    sfp_host_release(world.host);
    memset(&world, 0, sizeof world);
}

static sfp_swapchain_options options_of(sfp_present_mode mode)
{
    sfp_swapchain_options options = SFP_SWAPCHAIN_OPTIONS_INIT;
    options.width = WIDTH;
    options.height = HEIGHT;
    options.images = IMAGES;
    options.mode = mode;
    return options;
}

/* Frame n has the value n in every pixel. */
static void draw(sfp_image *image, uint32_t n)
{
    sfp_pixels pixels;
    OK(sfp_image_lock(image, SFP_LOCK_WRITE, &pixels));
    for (uint32_t y = 0; y < pixels.height; y++)
        for (uint32_t x = 0; x < pixels.width; x++)
            ((uint32_t *)((char *)pixels.base + y * pixels.bytes_per_row))[x] = n;
    OK(sfp_image_unlock(image));
}

static bool is_drawn(sfp_surface *surface, uint32_t n)
{
    sfp_pixels pixels;
    OK(sfp_surface_lock(surface, SFP_LOCK_READ, &pixels));
    bool equal = true;
    for (uint32_t y = 0; y < pixels.height; y++)
        for (uint32_t x = 0; x < pixels.width; x++)
            equal = equal && ((uint32_t *)((char *)pixels.base + y * pixels.bytes_per_row))[x] == n;
    OK(sfp_surface_unlock(surface, SFP_LOCK_READ));
    return equal;
}

/* Roles of children. */

static void render(sfp_child *host, sfp_present_mode mode)
{
    sfp_swapchain_options options = options_of(mode);
    sfp_producer *producer = NULL;
    sfp_image *image = NULL;
    OK(sfp_child_create_producer(host, &options, &producer));
    for (uint32_t n = 1; sfp_producer_acquire(producer, SOON, &image) == SFP_STATUS_OK; n++) {
        draw(image, n);
        OK(sfp_producer_present(producer, image, NULL));
        /* The host has what it wants by then. */
        if (sfp_child_wait_closed(host, SFP_POLL) != SFP_STATUS_TIMED_OUT)
            break;
    }
    sfp_producer_release(producer);
}

static void render_newest(sfp_child *host)
{
    render(host, SFP_PRESENT_MODE_MAILBOX);
}

static void render_each(sfp_child *host)
{
    render(host, SFP_PRESENT_MODE_FIFO);
}

static void echo(sfp_child *host)
{
    sfp_channel *channel = NULL;
    sfp_message *message = NULL;
    OK(sfp_child_channel(host, &channel));
    while (sfp_channel_receive(channel, SOON, &message) == SFP_STATUS_OK)
        if (sfp_channel_send(channel, message, SOON) != SFP_STATUS_OK) {
            sfp_message_release(message); /* the host wants no more answers */
            break;
        }
    CHECK(sfp_last_error_status() == SFP_STATUS_CLOSED || sfp_last_error_status() == SFP_STATUS_PEER_DEAD);
    sfp_channel_release(channel);
}

/* Things to have: how they are made, what a fork may do with them, and how it is seen that they are whole. */

struct thing {
    const char *name;
    void (*make)(void);
    void (*in_fork)(void);
    void (*works)(void);
};

static void start_host(const char *role)
{
    world.host = start(role);
    OK(sfp_host_wait_connected(world.host, SOON));
}

static void make_frame(void)
{
    start_host(world.mode == SFP_PRESENT_MODE_FIFO ? "render each" : "render newest");
    OK(sfp_host_accept_consumer(world.host, SOON, &world.consumer));
    OK(sfp_consumer_acquire(world.consumer, SOON, &world.frame));
    world.last_frame = (uint32_t)sfp_frame_number(world.frame);
}

static void frame_in_fork(void)
{
    sfp_frame *frame = NULL;
    FAILS(SFP_STATUS_WRONG_STATE, sfp_consumer_acquire(world.consumer, SOON, &frame));
    CHECK(strstr(sfp_last_error_message(), "fork") != NULL);
    CHECK(frame == NULL);
    sfp_consumer_statistics statistics;
    (void)sfp_consumer_get_statistics(world.consumer, &statistics);
    CHECK(sfp_frame_number(world.frame) == world.last_frame);
    sfp_frame_info info;
    (void)sfp_frame_get_info(world.frame, &info);
    (void)sfp_consumer_fd(world.consumer);
    /* The pixels are there to be looked at, and nothing else. */
    sfp_surface *surface = sfp_frame_surface(world.frame);
    CHECK(is_drawn(surface, world.last_frame));
    sfp_pixels pixels;
    FAILS(SFP_STATUS_WRONG_STATE, sfp_surface_lock(surface, SFP_LOCK_WRITE, &pixels));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_host_accept_consumer(world.host, SFP_POLL, &world.consumer));
}

/* Twice as many frames come as there are images, in order and as they were drawn. */
static void expect_frames(void)
{
    for (int count = 0; count < 2 * IMAGES; count++) {
        sfp_frame *frame = NULL;
        OK(sfp_consumer_acquire(world.consumer, SOON, &frame));
        uint32_t number = (uint32_t)sfp_frame_number(frame);
        CHECK(number > world.last_frame);
        CHECK(world.mode != SFP_PRESENT_MODE_FIFO || number == world.last_frame + 1);
        CHECK(is_drawn(sfp_frame_surface(frame), number));
        world.last_frame = number;
        sfp_frame_release(frame);
    }
}

static void frame_works(void)
{
    uint32_t held = world.last_frame;
    if (world.frame != NULL) {
        held = (uint32_t)sfp_frame_number(world.frame);
        CHECK(is_drawn(sfp_frame_surface(world.frame), held));
    }
    expect_frames();
    if (world.frame != NULL)
        CHECK(is_drawn(sfp_frame_surface(world.frame), held)); /* nothing was drawn over it */
    CHECK(sfp_host_is_connected(world.host));
}

static void make_consumer(void)
{
    make_frame();
    sfp_frame_release(world.frame);
    world.frame = NULL;
}

static void consumer_in_fork(void)
{
    sfp_frame *frame = NULL;
    FAILS(SFP_STATUS_WRONG_STATE, sfp_consumer_acquire(world.consumer, SFP_POLL, &frame));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_consumer_acquire(world.consumer, SFP_FOREVER, &frame));
}

static void make_producer(void)
{
    sfp_swapchain_options options = options_of(world.mode);
    OK(sfp_producer_create(&options, &world.producer));
    OK(sfp_producer_create_consumer_right(world.producer, &world.consumer_right));
    OK(sfp_consumer_attach(world.consumer_right, NULL, &world.consumer));
    sfp_consumer_right_release(world.consumer_right);
    OK(sfp_producer_create_consumer_right(world.producer, &world.consumer_right));
}

static void present_next(void)
{
    sfp_image *image = NULL;
    OK(sfp_producer_acquire(world.producer, SOON, &image));
    /* None that somebody draws into. */
    CHECK(world.image == NULL || sfp_image_index(image) != sfp_image_index(world.image));
    draw(image, world.last_frame + 1);
    OK(sfp_producer_present(world.producer, image, NULL));
}

static void expect_next(void)
{
    sfp_frame *frame = NULL;
    OK(sfp_consumer_acquire(world.consumer, SOON, &frame));
    CHECK(sfp_frame_number(frame) == world.last_frame + 1);
    CHECK(is_drawn(sfp_frame_surface(frame), world.last_frame + 1));
    sfp_frame_release(frame);
    world.last_frame++;
}

static void producer_in_fork(void)
{
    sfp_image *image = NULL;
    FAILS(SFP_STATUS_WRONG_STATE, sfp_producer_acquire(world.producer, SOON, &image));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_producer_resize(world.producer, 2 * WIDTH, HEIGHT));
    sfp_consumer_right *right = NULL;
    FAILS(SFP_STATUS_WRONG_STATE, sfp_producer_create_consumer_right(world.producer, &right));
    sfp_consumer *consumer = NULL;
    FAILS(SFP_STATUS_WRONG_STATE, sfp_consumer_attach(world.consumer_right, NULL, &consumer));
    if (world.image != NULL) {
        FAILS(SFP_STATUS_WRONG_STATE, sfp_producer_present(world.producer, world.image, NULL));
        sfp_pixels pixels;
        FAILS(SFP_STATUS_WRONG_STATE, sfp_image_lock(world.image, SFP_LOCK_WRITE, &pixels));
    }
    sfp_producer_statistics statistics;
    (void)sfp_producer_get_statistics(world.producer, &statistics);
    (void)sfp_producer_service(world.producer);
    (void)sfp_producer_fd(world.producer);
}

static void producer_works(void)
{
    for (int count = 0; count < 2 * IMAGES; count++) {
        present_next();
        expect_next();
    }
    if (world.image != NULL) {
        draw(world.image, world.last_frame + 1);
        OK(sfp_producer_present(world.producer, world.image, NULL));
        world.image = NULL;
        expect_next();
    }
    sfp_consumer *second = NULL;
    OK(sfp_consumer_attach(world.consumer_right, NULL, &second));
    sfp_consumer_release(second);
}

static void make_image(void)
{
    make_producer();
    OK(sfp_producer_acquire(world.producer, SOON, &world.image));
}

static void make_channel(void)
{
    start_host("echo");
    OK(sfp_host_channel(world.host, SOON, &world.channel));
    /* So many that a ring is in use. */
    for (int count = 0; count < 20; count++) {
        sfp_message *answer = NULL;
        OK(sfp_channel_send(world.channel, sfp_message_create(++world.echoes), SOON));
        OK(sfp_channel_receive(world.channel, SOON, &answer));
        sfp_message_release(answer);
    }
    /* One is on its way at the time of the fork. */
    OK(sfp_channel_send(world.channel, sfp_message_create(++world.echoes), SOON));
}

static void channel_in_fork(void)
{
    sfp_message *message = sfp_message_create(1000), *answer = NULL;
    FAILS(SFP_STATUS_WRONG_STATE, sfp_channel_send(world.channel, message, SOON));
    CHECK(!sfp_message_is_empty(message));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_channel_receive(world.channel, SOON, &answer));
    sfp_message_release(message);
    (void)sfp_channel_fd(world.channel);
}

static void channel_works(void)
{
    for (int count = 0; count < 40; count++) {
        sfp_message *answer = NULL;
        OK(sfp_channel_receive(world.channel, SOON, &answer));
        CHECK(sfp_message_id(answer) == world.echoes);
        sfp_message_release(answer);
        sfp_message *message = sfp_message_create(++world.echoes);
        if (count % 10 == 0) { /* some of them large, by the way for those */
            static const char block[100000];
            OK(sfp_message_append(message, block, sizeof block));
        }
        OK(sfp_channel_send(world.channel, message, SOON));
    }
    CHECK(sfp_channel_refused(world.channel) == 0);
}

static void make_host(void)
{
    start_host("echo");
}

static void host_in_fork(void)
{
    sfp_exit end;
    FAILS(SFP_STATUS_WRONG_STATE, sfp_host_wait_connected(world.host, SOON));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_host_wait_exit(world.host, SOON, &end));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_host_kill(world.host));
    (void)sfp_host_is_connected(world.host);
}

static void host_works(void)
{
    sfp_exit end;
    CHECK(sfp_host_is_connected(world.host));
    FAILS(SFP_STATUS_TIMED_OUT, sfp_host_wait_exit(world.host, SFP_POLL, &end));
    OK(sfp_host_channel(world.host, SOON, &world.channel));
    OK(sfp_channel_send(world.channel, sfp_message_create(ECHO), SOON));
    sfp_message *answer = NULL;
    OK(sfp_channel_receive(world.channel, SOON, &answer));
    sfp_message_release(answer);
}

static void make_name(void)
{
    OK(sfp_bootstrap_check_in(name, &world.receive));
}

static void name_in_fork(void)
{
    sfp_message *message = NULL;
    FAILS(SFP_STATUS_WRONG_STATE, sfp_receive(world.receive, SFP_FOREVER, &message));
    sfp_send_right *send = NULL;
    FAILS(SFP_STATUS_WRONG_STATE, sfp_receive_right_make_send(world.receive, &send));
}

static void name_works(void)
{
    sfp_receive_right *second = NULL;
    FAILS(SFP_STATUS_ALREADY_EXISTS, sfp_bootstrap_check_in(name, &second));
    sfp_send_right *send = NULL;
    OK(sfp_bootstrap_look_up(name, SFP_POLL, &send));
    OK(sfp_send(send, sfp_message_create(7), SOON));
    sfp_message *message = NULL;
    OK(sfp_receive(world.receive, SOON, &message));
    CHECK(sfp_message_id(message) == 7);
    sfp_message_release(message);
    sfp_send_right_release(send);
}

static void make_port(void)
{
    OK(sfp_receive_right_create(&world.receive));
    OK(sfp_receive_right_make_send(world.receive, &world.send));
    OK(sfp_receive_right_make_send_once(world.receive, &world.once));
    OK(sfp_memory_create(4096, SFP_MEMORY_ACCESS_READ_WRITE, &world.memory));
    OK(sfp_memory_write(world.memory, 0, "memory", 7));
    world.message = sfp_message_create(5);
    OK(sfp_message_append(world.message, "payload", 8));
    OK(sfp_message_attach_memory(world.message, world.memory));
    sfp_receive_right *moving = NULL;
    OK(sfp_receive_right_create(&moving));
    OK(sfp_message_attach_receive_right(world.message, moving));
    sfp_receive_right_release(moving);
    OK(sfp_send(world.send, sfp_message_create(1), SOON));
}

static void port_in_fork(void)
{
    sfp_message *message = sfp_message_create(3), *received = NULL;
    FAILS(SFP_STATUS_WRONG_STATE, sfp_send(world.send, message, SOON));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_request(world.send, message, SOON, &received));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_send_once(world.once, message, SOON));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_receive(world.receive, SFP_POLL, &received));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_message_attach_receive_right(message, world.receive));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_message_attach_send_right(message, world.send));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_message_attach_memory(message, world.memory));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_message_append(world.message, "more", 4));
    bool dead;
    FAILS(SFP_STATUS_WRONG_STATE, sfp_send_right_is_dead(world.send, &dead));
    sfp_memory *taken = NULL;
    FAILS(SFP_STATUS_WRONG_STATE, sfp_message_take_memory(world.message, 0, &taken));
    /* What is only looked at is there. */
    CHECK(sfp_message_id(world.message) == 5 && sfp_message_attachment_count(world.message) == 2);
    CHECK(strcmp(sfp_message_payload(world.message), "payload") == 0);
    char text[7];
    OK(sfp_memory_read(world.memory, 0, text, sizeof text));
    CHECK(strcmp(text, "memory") == 0);
    FAILS(SFP_STATUS_WRONG_STATE, sfp_memory_write(world.memory, 0, "fork", 5));
    CHECK(!sfp_message_is_empty(message));
    sfp_message_release(message);
}

static void port_works(void)
{
    OK(sfp_send(world.send, world.message, SOON));
    world.message = NULL;
    CHECK(is_readable(sfp_receive_right_fd(world.receive), 0));
    const uint32_t expected[] = { 1, 5 };
    for (int n = 0; n < 2; n++) {
        sfp_message *message = NULL;
        OK(sfp_receive(world.receive, SOON, &message));
        CHECK(sfp_message_id(message) == expected[n]);
        sfp_message_release(message);
    }
    CHECK(strcmp(sfp_memory_base(world.memory), "memory") == 0);
    /* The end of the fork's copies was no end of the rights. */
    sfp_message *none = NULL;
    FAILS(SFP_STATUS_TIMED_OUT, sfp_receive(world.receive, SFP_POLL, &none));
}

static void make_set(void)
{
    OK(sfp_receive_right_create(&world.receive));
    OK(sfp_receive_right_make_send(world.receive, &world.send));
    OK(sfp_port_set_create(&world.set));
    OK(sfp_port_set_add(world.set, world.receive, 1));
    OK(sfp_port_set_watch(world.set, world.send, 2));
}

static void set_in_fork(void)
{
    sfp_port_set_event event;
    FAILS(SFP_STATUS_WRONG_STATE, sfp_port_set_wait(world.set, SFP_POLL, &event));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_port_set_remove(world.set, 1));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_port_set_unwatch(world.set, 2));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_port_set_add(world.set, world.receive, 3));
}

static void set_works(void)
{
    sfp_port_set_event event;
    FAILS(SFP_STATUS_TIMED_OUT, sfp_port_set_wait(world.set, SFP_POLL, &event));
    OK(sfp_send(world.send, sfp_message_create(9), SOON));
    OK(sfp_port_set_wait(world.set, SOON, &event));
    CHECK(event.key == 1 && event.kind == SFP_READY_RECEIVE);
    sfp_message *message = NULL;
    OK(sfp_receive(world.receive, SOON, &message));
    sfp_message_release(message);
}

static void make_surface(void)
{
    sfp_surface_descriptor descriptor = SFP_SURFACE_DESCRIPTOR_INIT;
    descriptor.width = WIDTH;
    descriptor.height = HEIGHT;
    OK(sfp_surface_create(&descriptor, &world.surface));
    OK(sfp_surface_increment_use_count(world.surface));
    OK(sfp_surface_set_value(world.surface, "title", "parent", 7));
}

static void surface_in_fork(void)
{
    FAILS(SFP_STATUS_WRONG_STATE, sfp_surface_increment_use_count(world.surface));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_surface_decrement_use_count(world.surface));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_surface_set_value(world.surface, "title", "fork", 5));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_surface_set_purgeable(world.surface, SFP_PURGEABLE_EMPTY, NULL));
    CHECK(is_drawn(world.surface, 0));
    char title[8];
    size_t size = 0;
    OK(sfp_surface_value(world.surface, "title", title, sizeof title, &size));
    CHECK(strcmp(title, "parent") == 0);
}

static void surface_works(void)
{
    CHECK(sfp_surface_use_count(world.surface) == 1 && sfp_surface_is_in_use(world.surface));
    CHECK(sfp_surface_seed(world.surface) == 0);
    sfp_surface_totals totals;
    OK(sfp_live_surfaces(NULL, 0, &totals));
    CHECK(totals.count == 1);
    OK(sfp_surface_decrement_use_count(world.surface));
    CHECK(!sfp_surface_is_in_use(world.surface));
}

static void make_unused(void)
{
    OK(sfp_channel_end_create_pair(&world.ends[0], &world.ends[1]));
    OK(sfp_invitation_create(&world.invitation));
}

static void unused_in_fork(void)
{
    sfp_message *message = sfp_message_create(1);
    FAILS(SFP_STATUS_WRONG_STATE, sfp_message_attach_channel_end(message, world.ends[0]));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_channel_end_open(world.ends[0], &world.channel));
    sfp_message_release(message);
}

static void unused_works(void)
{
    sfp_channel *one = NULL, *other = NULL;
    OK(sfp_channel_end_open(world.ends[0], &one));
    OK(sfp_channel_end_open(world.ends[1], &other));
    OK(sfp_channel_send(one, sfp_message_create(1), SOON));
    sfp_message *message = NULL;
    OK(sfp_channel_receive(other, SOON, &message));
    sfp_message_release(message);
    sfp_channel_release(one);
    sfp_channel_release(other);
}

static const struct thing things[] = {
    { "held frame", make_frame, frame_in_fork, frame_works },
    { "consumer", make_consumer, consumer_in_fork, frame_works },
    { "producer", make_producer, producer_in_fork, producer_works },
    { "image", make_image, producer_in_fork, producer_works },
    { "channel", make_channel, channel_in_fork, channel_works },
    { "host", make_host, host_in_fork, host_works },
    { "name", make_name, name_in_fork, name_works },
    { "port", make_port, port_in_fork, port_works },
    { "port set", make_set, set_in_fork, set_works },
    { "surface", make_surface, surface_in_fork, surface_works },
    { "unused ends", make_unused, unused_in_fork, unused_works },
};
enum { THINGS = sizeof things / sizeof things[0] };

/* A fork can have everything anew. */
static void make_ones_own(void)
{
    struct world inherited = world;
    memset(&world, 0, sizeof world);
    make_port();
    port_works();
    release_all();
    make_producer();
    producer_works();
    release_all();
    make_surface();
    surface_works();
    release_all();
    snprintf(name + strlen(name), sizeof name - strlen(name), ".%ld", (long)getpid());
    make_name();
    name_works();
    release_all();
    world = inherited;
}

static void have_a_session_of_ones_own(void)
{
    struct world inherited = world;
    memset(&world, 0, sizeof world);
    make_channel();
    channel_works();
    release_all();
    world = inherited;
}

/* What an exit releases, if it is a fork's. */
static void at_exit(void)
{
    release_all();
}

static void end(enum ending ending, int told)
{
    int status = this_failed ? 1 : 0;
    fflush(stdout);
    switch (ending) {
    case RELEASES:
        release_all();
        _exit(status);
    case EXITS:
        atexit(at_exit);
        exit(status);
    case ABORTS:
        if (status == 0)
            abort();
        break;
    case IS_KILLED:
        if (status == 0)
            kill(getpid(), SIGKILL);
        break;
    case LIVES_ON: {
        char byte;
        if (read(told, &byte, 1) != 0)
            status = 1;
        release_all();
        _exit(status);
    }
    default:
        break;
    }
    _exit(status);
}

static bool ended_well(pid_t fork, enum ending ending)
{
    int status = 0;
    if (waitpid(fork, &status, 0) != fork)
        return false;
    if (ending == ABORTS || ending == IS_KILLED)
        return WIFSIGNALED(status) && WTERMSIG(status) == (ending == ABORTS ? SIGABRT : SIGKILL);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static pid_t fork_with(const struct thing *thing, enum ending ending, int told[2])
{
    CHECK(pipe(told) == 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(told[1]);
        this_failed = false;
        thing->in_fork();
        if (ending == RELEASES)
            make_ones_own();
        end(ending, told[0]);
    }
    close(told[0]);
    return child;
}

static const struct thing *thing;
static enum ending ending;

static void this_process_goes_on(void)
{
    thing->make();
    int told[2];
    pid_t child = fork_with(thing, ending, told);
    if (ending != LIVES_ON)
        CHECK(ended_well(child, ending));
    thing->works();
    close(told[1]);
    if (ending == LIVES_ON)
        CHECK(ended_well(child, ending));
    release_all();
}

/* Twenty forks, one after the other and at once. */
static void many_forks_are_as_one(void)
{
    world.mode = SFP_PRESENT_MODE_FIFO;
    make_frame();
    pid_t forks[20];
    int told[20][2];
    for (int n = 0; n < 20; n++)
        forks[n] = fork_with(&things[0], n % 2 == 0 ? LIVES_ON : EXITS, told[n]);
    frame_works();
    for (int n = 0; n < 20; n++)
        close(told[n][1]);
    for (int n = 0; n < 20; n++) {
        CHECK(ended_well(forks[n], n % 2 == 0 ? LIVES_ON : EXITS));
    }
    frame_works();
    release_all();
}

static void a_fork_has_a_session_of_its_own(void)
{
    make_channel();
    int told[2];
    CHECK(pipe(told) == 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        this_failed = false;
        have_a_session_of_ones_own();
        end(RELEASES, told[0]);
    }
    CHECK(ended_well(child, RELEASES));
    channel_works();
    close(told[0]);
    close(told[1]);
    release_all();
}

/* A child that forks, in each way, and serves on. */
static void fork_and_echo(sfp_child *host)
{
    world.child = host;
    OK(sfp_child_channel(host, &world.channel));
    for (int way = 0; way < LIVES_ON; way++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            sfp_consumer *consumer = NULL;
            sfp_child *second = NULL;
            FAILS(SFP_STATUS_WRONG_STATE, sfp_child_accept_consumer(host, SFP_POLL, &consumer));
            FAILS(SFP_STATUS_WRONG_STATE, sfp_child_wait_closed(host, SFP_FOREVER));
            FAILS(SFP_STATUS_WRONG_STATE, sfp_child_connect(SFP_POLL, &second));
            channel_in_fork();
            end((enum ending)way, -1);
        }
        CHECK(ended_well(child, (enum ending)way));
    }
    sfp_channel_release(world.channel);
    memset(&world, 0, sizeof world);
    echo(host);
}

static void a_child_that_forks_goes_on(void)
{
    start_host("fork and echo");
    OK(sfp_host_channel(world.host, SOON, &world.channel));
    OK(sfp_channel_send(world.channel, sfp_message_create(++world.echoes), SOON));
    channel_works();
    sfp_host *host = world.host;
    world.host = NULL;
    release_all();
    sfp_host_release(host);
}

/*
 * A process that dies is dead, though a fork of it lives on. That one waits at a descriptor that ends with this process, or
 * when it says so.
 */
static int alive[2];
static const char *const ALIVE = "FORKS_TEST_ALIVE";

static void start_mortal(const char *role)
{
    char number[16];
    CHECK(pipe(alive) == 0);
    snprintf(number, sizeof number, "%d", alive[0]);
    setenv(ALIVE, number, 1);
    int both[2] = { alive[0], alive[1] };
    /* Only one end goes to the child. */
    CHECK(fcntl(both[1], F_SETFD, FD_CLOEXEC) == 0);
    start_host(role);
    close(alive[0]);
    unsetenv(ALIVE);
}

/* In the child: leaves a fork behind. */
static void leave_a_fork(void)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(STDOUT_FILENO);
        (void)!read(atoi(getenv(ALIVE)), &byte, 1);
        _exit(0);
    }
}

static void say(sfp_child *host, uint32_t what)
{
    sfp_channel *channel = NULL;
    OK(sfp_child_channel(host, &channel));
    OK(sfp_channel_send(channel, sfp_message_create(what), SOON));
    sfp_channel_release(channel);
}

static void hear(sfp_host *host, uint32_t what)
{
    sfp_channel *channel = NULL;
    sfp_message *message = NULL;
    OK(sfp_host_channel(host, SOON, &channel));
    OK(sfp_channel_receive(channel, SOON, &message));
    CHECK(sfp_message_id(message) == what);
    sfp_message_release(message);
    sfp_channel_release(channel);
}

static void wait_for_death(sfp_child *host)
{
    leave_a_fork();
    say(host, ECHO);
    (void)sfp_child_wait_closed(host, SFP_FOREVER);
}

static void draw_until_death(sfp_child *host)
{
    sfp_swapchain_options options = options_of(SFP_PRESENT_MODE_MAILBOX);
    sfp_producer *producer = NULL;
    sfp_image *image = NULL;
    OK(sfp_child_create_producer(host, &options, &producer));
    OK(sfp_producer_acquire(producer, SOON, &image));
    draw(image, 1);
    OK(sfp_producer_present(producer, image, NULL));
    /* Until the host has the frame. */
    sfp_channel *channel = NULL;
    sfp_message *message = NULL;
    OK(sfp_child_channel(host, &channel));
    while (sfp_channel_receive(channel, SFP_MILLISECONDS(1), &message) == SFP_STATUS_TIMED_OUT)
        OK(sfp_producer_service(producer));
    sfp_message_release(message);
    OK(sfp_producer_acquire(producer, SOON, &image));
    wait_for_death(host);
}

static void hold_until_death(sfp_child *host)
{
    sfp_consumer *consumer = NULL;
    sfp_frame *frame = NULL;
    OK(sfp_child_accept_consumer(host, SOON, &consumer));
    OK(sfp_consumer_acquire(consumer, SOON, &frame));
    wait_for_death(host);
}

static void own_until_death(sfp_child *host)
{
    sfp_receive_right *right = NULL;
    OK(sfp_bootstrap_check_in(getenv("FORKS_TEST_NAME"), &right));
    wait_for_death(host);
}

static void kill_mortal(void)
{
    sfp_exit end;
    OK(sfp_host_kill(world.host));
    OK(sfp_host_wait_exit(world.host, SOON, &end));
    CHECK(end.kind == SFP_EXIT_KIND_SIGNALLED && end.code == SIGKILL);
}

static void bury(void)
{
    close(alive[1]);
    release_all();
}

static void a_session_ends_with_its_process(void)
{
    start_mortal("wait for death");
    hear(world.host, ECHO);
    OK(sfp_host_channel(world.host, SOON, &world.channel));
    kill_mortal();
    sfp_message *message = NULL;
    FAILS(SFP_STATUS_PEER_DEAD, sfp_channel_receive(world.channel, SOON, &message));
    FAILS(SFP_STATUS_PEER_DEAD, sfp_host_accept_consumer(world.host, SOON, &world.consumer));
    bury();
}

static void a_producer_ends_with_its_process(void)
{
    start_mortal("draw until death");
    OK(sfp_host_accept_consumer(world.host, SOON, &world.consumer));
    OK(sfp_consumer_acquire(world.consumer, SOON, &world.frame));
    OK(sfp_host_channel(world.host, SOON, &world.channel));
    OK(sfp_channel_send(world.channel, sfp_message_create(ECHO), SOON));
    hear(world.host, ECHO);
    kill_mortal();
    sfp_frame *frame = NULL;
    FAILS(SFP_STATUS_PEER_DEAD, sfp_consumer_acquire(world.consumer, SOON, &frame));
    CHECK(is_drawn(sfp_frame_surface(world.frame), 1));
    bury();
}

static void a_consumer_ends_with_its_process(void)
{
    start_mortal("hold until death");
    sfp_swapchain_options options = options_of(SFP_PRESENT_MODE_FIFO);
    OK(sfp_producer_create(&options, &world.producer));
    sfp_consumer_right *right = NULL;
    OK(sfp_producer_create_consumer_right(world.producer, &right));
    OK(sfp_host_offer_consumer_right(world.host, right));
    sfp_consumer_right_release(right);
    present_next();
    world.last_frame++;
    /* The consumer is let in by the producer's calls. */
    sfp_channel *channel = NULL;
    sfp_message *message = NULL;
    OK(sfp_host_channel(world.host, SOON, &channel));
    while (sfp_channel_receive(channel, SFP_MILLISECONDS(1), &message) == SFP_STATUS_TIMED_OUT)
        OK(sfp_producer_service(world.producer));
    CHECK(message != NULL && sfp_message_id(message) == ECHO);
    sfp_message_release(message);
    sfp_channel_release(channel);
    kill_mortal();
    /* What it held, and did not take, is nobody's: the images are free, or the producer learns that nobody is left. */
    sfp_image *image = NULL;
    for (int count = 0; count < 2 * IMAGES; count++) {
        sfp_status status = sfp_producer_acquire(world.producer, SOON, &image);
        CHECK(status == SFP_STATUS_OK || status == SFP_STATUS_PEER_DEAD);
        if (status != SFP_STATUS_OK)
            break;
        sfp_image_release(image);
    }
    bury();
}

static void a_name_ends_with_its_process(void)
{
    setenv("FORKS_TEST_NAME", name, 1);
    for (int count = 0; count < 2; count++) {
        start_mortal("own until death");
        hear(world.host, ECHO);
        kill_mortal();
        /* It is nobody's, and the next one can have it, though the fork has the socket and the lock still. */
        sfp_send_right *none = NULL;
        if (count == 0)
            FAILS(SFP_STATUS_NOT_FOUND, sfp_bootstrap_look_up(name, SFP_POLL, &none));
        make_name();
        name_works();
        bury();
    }
}

static const struct role roles[] = {
    { "render newest", render_newest },
    { "render each", render_each },
    { "echo", echo },
    { "fork and echo", fork_and_echo },
    { "wait for death", wait_for_death },
    { "draw until death", draw_until_death },
    { "hold until death", hold_until_death },
    { "own until death", own_until_death },
};

int main(int argc, char **argv)
{
    run_role(argc, argv, roles, sizeof roles / sizeof roles[0]);
    snprintf(name, sizeof name, "org.surfaceport.test.forks.%ld", (long)getpid());
    if (!children_are_possible()) {
        printf("left out: there is no pidfd_open() here\n");
        return finish();
    }
    descriptors_before = open_descriptors();
    for (int mode = 0; mode < 2; mode++) {
        for (int n = 0; n < THINGS; n++) {
            /* Only what has frames knows modes. */
            if (mode == 1 && n > 3)
                break;
            for (int way = 0; way < ENDINGS; way++) {
                char title[80];
                thing = &things[n];
                ending = (enum ending)way;
                world.mode = mode == 0 ? SFP_PRESENT_MODE_MAILBOX : SFP_PRESENT_MODE_FIFO;
                snprintf(title, sizeof title, "%s, %s: a fork %s", thing->name, mode == 0 ? "mailbox" : "fifo",
                         endings[way]);
                run(this_process_goes_on, title);
            }
        }
    }
    RUN(many_forks_are_as_one);
    RUN(a_fork_has_a_session_of_its_own);
    RUN(a_child_that_forks_goes_on);
    RUN(a_session_ends_with_its_process);
    RUN(a_producer_ends_with_its_process);
    RUN(a_consumer_ends_with_its_process);
    RUN(a_name_ends_with_its_process);
    RUN(nothing_is_left);
    return finish();
}
