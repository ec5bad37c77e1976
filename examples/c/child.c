/*
 * A child: draws 120 frames of a moving gradient, and ends. Its host starts it, see host.c.
 */
#include <surfaceport.h>
#include <stdio.h>

#define CHECK(call)                                                                                \
    do {                                                                                           \
        if ((call) != SFP_STATUS_OK) {                                                             \
            fprintf(stderr, "child: %s: %s\n", #call, sfp_last_error_message());                   \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

enum { FRAMES = 120 };

/* The number of the frame in the first pixel, so that the host can check what it shows. */
static void draw(const sfp_pixels *pixels, uint32_t n)
{
    for (uint32_t y = 0; y < pixels->height; y++) {
        uint32_t *row = (uint32_t *)((char *)pixels->base + y * pixels->bytes_per_row);
        for (uint32_t x = 0; x < pixels->width; x++) {
            uint32_t red = (x + 4 * n) & 255, green = (y + 2 * n) & 255, blue = (x + y) & 255;
            row[x] = 0xff000000 | red << 16 | green << 8 | blue;
        }
    }
    *(uint32_t *)pixels->base = n;
}

int main(void)
{
    sfp_child *host = NULL;
    sfp_producer *frames = NULL;

    CHECK(sfp_child_connect(SFP_SECONDS(5), &host));

    sfp_swapchain_options options = SFP_SWAPCHAIN_OPTIONS_INIT; /* 3 images, BGRA8 */
    options.width = 1280;
    options.height = 720;
    options.mode = SFP_PRESENT_MODE_FIFO; /* the host sees every frame; the default is the newest */
    CHECK(sfp_child_create_producer(host, &options, &frames));

    for (uint32_t n = 1; n <= FRAMES; n++) {
        sfp_image *image = NULL;
        sfp_pixels pixels;
        CHECK(sfp_producer_acquire(frames, SFP_FOREVER, &image));
        CHECK(sfp_image_lock(image, SFP_LOCK_WRITE, &pixels));
        draw(&pixels, n);
        CHECK(sfp_image_unlock(image));
        CHECK(sfp_producer_present(frames, image, NULL)); /* the image is the host's now */
    }

    sfp_producer_release(frames); /* the host gets what is left, then SFP_STATUS_CLOSED */
    sfp_child_release(host);
    return 0;
}
