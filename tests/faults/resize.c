/*
 * A swapchain that changes its size several times, in fifo mode and in mailbox mode, between three processes: this one
 * looks at the frames and passes the right to do so on to a viewer, and the producer draws.
 */
#include "exercise.h"

enum { FRAMES = 24, OF_A_SIZE = 6 };

static bool draw(sfp_producer *producer, uint32_t n, const char *stream)
{
    sfp_image *image = NULL;
    sfp_pixels pixels;
    sfp_status status;
    TRY(status, sfp_producer_acquire(producer, SOON, &image));
    if (!good(status, "acquire an image"))
        return false;
    TRY(status, sfp_image_lock(image, SFP_LOCK_WRITE, &pixels));
    if (status == SFP_STATUS_OK) {
        memcpy(pixels.base, &n, sizeof n);
        status = sfp_image_unlock(image);
    }
    if (status == SFP_STATUS_OK)
        TRY(status, sfp_producer_present(producer, image, NULL));
    if (status != SFP_STATUS_OK)
        sfp_image_release(image);
    else
        printf("sent %s %u\n", stream, (unsigned)n);
    return good(status, "present");
}

static bool produce(sfp_child *host, sfp_channel *channel, sfp_present_mode mode, const char *stream)
{
    sfp_producer *producer = NULL;
    sfp_swapchain_options options = SFP_SWAPCHAIN_OPTIONS_INIT;
    options.width = 64;
    options.height = 64;
    options.mode = mode;
    sfp_status status;
    TRY(status, sfp_child_create_producer(host, &options, &producer));
    bool well = good(status, "make a swapchain") && wait_for(channel, READY);
    for (uint32_t n = 1; n <= FRAMES && well; n++) {
        if (n % OF_A_SIZE == 0) {
            TRY(status, sfp_producer_resize(producer, 64 + n, 64));
            well = good(status, "resize");
        }
        well = well && draw(producer, n, stream);
    }
    sfp_producer_release(producer);
    return well;
}

static bool look(sfp_consumer *consumer, const char *stream)
{
    sfp_status status;
    printf("expects %s\n", stream);
    for (;;) {
        sfp_frame *frame = NULL;
        sfp_pixels pixels;
        uint32_t n = 0;
        TRY(status, sfp_consumer_acquire(consumer, SOON, &frame));
        if (status == SFP_STATUS_CLOSED)
            return true;
        if (!good(status, "acquire a frame"))
            return false;
        sfp_surface *surface = sfp_frame_surface(frame);
        TRY(status, sfp_surface_lock(surface, SFP_LOCK_READ, &pixels));
        if (good(status, "lock")) {
            memcpy(&n, pixels.base, sizeof n);
            sfp_surface_unlock(surface, SFP_LOCK_READ);
            /* The frame of a size is of that size. */
            bool right = pixels.width == (n < OF_A_SIZE ? 64 : 64 + n / OF_A_SIZE * OF_A_SIZE);
            printf("%s %s %u\n", right ? "got" : "wrong", stream, (unsigned)n);
        }
        sfp_frame_release(frame);
    }
}

static bool be_child(bool is_producer)
{
    sfp_child *host = meet();
    sfp_channel *channel = NULL;
    sfp_status status;
    bool well = false;
    if (host != NULL) {
        TRY(status, sfp_child_channel(host, &channel));
        well = good(status, "channel");
    }
    for (int mode = 0; mode < 2 && well; mode++) {
        if (is_producer) {
            well = mode == 0 ? produce(host, channel, SFP_PRESENT_MODE_FIFO, "fifo")
                             : produce(host, channel, SFP_PRESENT_MODE_MAILBOX, "newest");
            continue;
        }
        sfp_consumer *consumer = NULL;
        TRY(status, sfp_child_accept_consumer(host, SOON, &consumer));
        well = good(status, "accept") && send_plain(channel, READY) &&
               look(consumer, mode == 0 ? "fifo-viewer" : "newest-viewer");
        sfp_consumer_release(consumer);
    }
    sfp_channel_release(channel);
    sfp_child_release(host);
    return well;
}

/* Gets the right to see the next swapchain, and shares it. */
static sfp_consumer *share(sfp_host *producer, sfp_host *viewer)
{
    sfp_consumer_right *right = NULL;
    sfp_consumer *consumer = NULL;
    sfp_status status;
    TRY(status, sfp_host_accept_consumer_right(producer, SOON, &right));
    if (status == SFP_STATUS_OK)
        TRY(status, sfp_host_offer_consumer_right(viewer, right));
    if (status == SFP_STATUS_OK)
        TRY(status, sfp_consumer_attach(right, NULL, &consumer));
    sfp_consumer_right_release(right);
    good(status, "share");
    return consumer;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (argc > 1)
        return be_child(strcmp(argv[1], "producer") == 0) ? 0 : 1;

    sfp_host *producer = start(argv[0], "producer", NULL), *viewer = start(argv[0], "viewer", NULL);
    sfp_channel *to_producer = NULL, *to_viewer = NULL;
    sfp_status status;
    bool well = producer != NULL && viewer != NULL;
    if (well) {
        TRY(status, sfp_host_channel(producer, SOON, &to_producer));
        well = good(status, "channel");
    }
    if (well) {
        TRY(status, sfp_host_channel(viewer, SOON, &to_viewer));
        well = good(status, "channel");
    }
    for (int mode = 0; mode < 2 && well; mode++) {
        sfp_consumer *consumer = share(producer, viewer);
        well = consumer != NULL && wait_for(to_viewer, READY);
        if (well)
            puts("ready");
        well = well && send_plain(to_producer, READY) && look(consumer, mode == 0 ? "fifo-host" : "newest-host");
        sfp_consumer_release(consumer);
    }
    sfp_channel_release(to_producer);
    sfp_channel_release(to_viewer);
    if (!well) {
        sfp_host_release(producer);
        sfp_host_release(viewer);
        return 1;
    }
    well = end_well(producer);
    return end_well(viewer) && well ? 0 : 1;
}
