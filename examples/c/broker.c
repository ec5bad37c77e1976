/*
 * Three processes, as in a browser: a broker starts a renderer and a viewer, which are this program in other roles.
 * The renderer offers the broker the right to consume its swapchain, and the broker passes it on to the viewer; both
 * get an end of a channel, too. After that the frames and the messages go from the one to the other, and the broker
 * is in the way of none of them.
 */
#include <surfaceport.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CHECK(call)                                                                                \
    do {                                                                                           \
        if ((call) != SFP_STATUS_OK) {                                                             \
            fprintf(stderr, "broker: %s: %s\n", #call, sfp_last_error_message());                  \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

enum { MEET = 1, COUNTED = 2, FRAMES = 60 };

/* Gets the end of a channel that the broker sends. */
static sfp_status meet(sfp_child *broker, sfp_channel **other)
{
    sfp_channel *channel = NULL;
    sfp_message *message = NULL;
    sfp_channel_end *end = NULL;
    sfp_status status = sfp_child_channel(broker, &channel);
    if (status == SFP_STATUS_OK)
        status = sfp_channel_receive(channel, SFP_SECONDS(5), &message);
    if (status == SFP_STATUS_OK)
        status = sfp_message_take_channel_end(message, 0, &end);
    if (status == SFP_STATUS_OK)
        status = sfp_channel_end_open(end, other);
    sfp_channel_end_release(end);
    sfp_message_release(message);
    sfp_channel_release(channel);
    return status;
}

/* Presents frames that are one number all over, then asks the viewer how many it saw. */
static int render(void)
{
    sfp_child *broker = NULL;
    sfp_producer *frames = NULL;
    sfp_channel *viewer = NULL;
    sfp_swapchain_options options = SFP_SWAPCHAIN_OPTIONS_INIT;
    options.width = 256;
    options.height = 256;
    options.mode = SFP_PRESENT_MODE_FIFO;
    CHECK(sfp_child_connect(SFP_SECONDS(5), &broker));
    CHECK(sfp_child_create_producer(broker, &options, &frames));
    CHECK(meet(broker, &viewer));
    for (int n = 1; n <= FRAMES; n++) {
        sfp_image *image = NULL;
        sfp_pixels pixels;
        CHECK(sfp_producer_acquire(frames, SFP_SECONDS(5), &image));
        CHECK(sfp_image_lock(image, SFP_LOCK_WRITE, &pixels));
        memset(pixels.base, n, pixels.bytes_per_row * pixels.height);
        CHECK(sfp_image_unlock(image));
        CHECK(sfp_producer_present(frames, image, NULL));
    }
    sfp_producer_release(frames);

    sfp_message *report = NULL;
    uint32_t seen = 0;
    CHECK(sfp_channel_receive(viewer, SFP_SECONDS(5), &report));
    if (sfp_message_payload_size(report) == sizeof seen)
        memcpy(&seen, sfp_message_payload(report), sizeof seen);
    printf("renderer: %d frames, and the viewer saw %" PRIu32 "\n", FRAMES, seen);
    sfp_message_release(report);
    sfp_channel_release(viewer);
    sfp_child_release(broker);
    return seen == FRAMES ? 0 : 1;
}

/* Looks at the frames, and tells the renderer how many were right. */
static int view(void)
{
    sfp_child *broker = NULL;
    sfp_consumer *frames = NULL;
    sfp_channel *renderer = NULL;
    CHECK(sfp_child_connect(SFP_SECONDS(5), &broker));
    CHECK(sfp_child_accept_consumer(broker, SFP_SECONDS(5), &frames));
    CHECK(meet(broker, &renderer));
    uint32_t seen = 0;
    sfp_frame *frame = NULL;
    while (sfp_consumer_acquire(frames, SFP_SECONDS(5), &frame) == SFP_STATUS_OK) {
        sfp_pixels pixels;
        CHECK(sfp_surface_lock(sfp_frame_surface(frame), SFP_LOCK_READ, &pixels));
        const unsigned char *last = (unsigned char *)pixels.base + pixels.bytes_per_row * pixels.height - 1;
        seen += *(unsigned char *)pixels.base == sfp_frame_number(frame) && *last == sfp_frame_number(frame);
        CHECK(sfp_surface_unlock(sfp_frame_surface(frame), SFP_LOCK_READ));
        sfp_frame_release(frame);
    }
    bool in_order = sfp_last_error_status() == SFP_STATUS_CLOSED;
    sfp_message *report = sfp_message_create(COUNTED);
    CHECK(sfp_message_append(report, &seen, sizeof seen));
    CHECK(sfp_channel_send(renderer, report, SFP_SECONDS(5)));
    sfp_channel_release(renderer);
    sfp_consumer_release(frames);
    sfp_child_release(broker);
    return in_order ? 0 : 1;
}

static int start(const char *program, const char *role, sfp_host **host)
{
    const char *child[] = { program, role, NULL };
    sfp_spawn_options options = SFP_SPAWN_OPTIONS_INIT;
    options.argv = child;
    CHECK(sfp_host_spawn(&options, host));
    CHECK(sfp_host_wait_connected(*host, SFP_SECONDS(5)));
    return 0;
}

static int introduce(sfp_host *host, sfp_channel_end *end)
{
    sfp_channel *channel = NULL;
    CHECK(sfp_host_channel(host, SFP_SECONDS(5), &channel));
    sfp_message *message = sfp_message_create(MEET);
    CHECK(sfp_message_attach_channel_end(message, end)); /* it moves; what is left is an empty handle */
    CHECK(sfp_channel_send(channel, message, SFP_SECONDS(5)));
    sfp_channel_end_release(end);
    sfp_channel_release(channel);
    return 0;
}

static int wait_for(sfp_host *host, const char *role)
{
    sfp_exit end;
    CHECK(sfp_host_wait_exit(host, SFP_SECONDS(20), &end));
    printf("broker: the %s ended by %s %d\n", role,
           end.kind == SFP_EXIT_KIND_SIGNALLED ? "signal" : "exit status", (int)end.code);
    sfp_host_release(host);
    return end.code;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return strcmp(argv[1], "renderer") == 0 ? render() : view();

    sfp_host *renderer = NULL, *viewer = NULL;
    if (start(argv[0], "renderer", &renderer) != 0 || start(argv[0], "viewer", &viewer) != 0)
        return 1;

    sfp_consumer_right *right = NULL;
    CHECK(sfp_host_accept_consumer_right(renderer, SFP_SECONDS(5), &right));
    CHECK(sfp_host_offer_consumer_right(viewer, right));
    sfp_consumer_right_release(right);

    sfp_channel_end *one = NULL, *other = NULL;
    CHECK(sfp_channel_end_create_pair(&one, &other));
    if (introduce(renderer, one) != 0 || introduce(viewer, other) != 0)
        return 1;

    int failed = wait_for(renderer, "renderer");
    failed |= wait_for(viewer, "viewer");
    return failed;
}
