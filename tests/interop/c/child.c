/* The child of the interoperation tests, in C. */
#include "interop.h"

static void check_hello(sfp_channel *channel)
{
    sfp_message *message = receive(channel, 1, "hello from the host");
    sfp_surface *surface = NULL;
    sfp_pixels pixels;
    OK(sfp_message_take_surface(message, 0, &surface));
    OK(sfp_surface_lock(surface, SFP_LOCK_READ, &pixels));
    CHECK(pixels.width == SIDE && pixels.height == SIDE && pixels.format == SFP_PIXEL_FORMAT_BGRA8);
    for (uint32_t y = 0; y < SIDE; y++)
        for (uint32_t x = 0; x < SIDE; x++)
            CHECK(row_of(&pixels, y)[x] == 0x11111111);
    OK(sfp_surface_unlock(surface, SFP_LOCK_READ));
    sfp_surface_release(surface);
    sfp_message_release(message);
}

static void send_hello(sfp_channel *channel)
{
    sfp_memory *memory = NULL;
    OK(sfp_memory_create(MEMORY_SIZE, SFP_MEMORY_ACCESS_READ_WRITE, &memory));
    OK(sfp_memory_write(memory, 0, "from the child", strlen("from the child")));
    sfp_message *message = text_message(2, "hello from the child");
    OK(sfp_message_attach_memory(message, memory));
    OK(sfp_channel_send(channel, message, SOON));
    sfp_memory_release(memory);
}

static void present(sfp_producer *frames, uint32_t n)
{
    sfp_image *image = NULL;
    sfp_pixels pixels;
    OK(sfp_producer_acquire(frames, SOON, &image));
    OK(sfp_image_lock(image, SFP_LOCK_WRITE, &pixels));
    for (uint32_t y = 0; y < HEIGHT; y++)
        for (uint32_t x = 0; x < WIDTH; x++)
            row_of(&pixels, y)[x] = pixel(n, x, y);
#ifdef ONE_PIXEL_WRONG /* to see that each host notices it */
    row_of(&pixels, HEIGHT - 1)[WIDTH - 1] ^= n == FRAMES - 1;
#endif
    OK(sfp_image_unlock(image));
    sfp_present_info info = SFP_PRESENT_INFO_INIT;
    info.user[0] = (uint8_t)n;
    OK(sfp_producer_present(frames, image, &info));
}

int main(void)
{
    sfp_child *host = NULL;
    sfp_producer *frames = NULL;
    sfp_channel *channel = NULL;
    OK(sfp_child_connect(SOON, &host));
    sfp_swapchain_options options = SFP_SWAPCHAIN_OPTIONS_INIT;
    options.width = WIDTH;
    options.height = HEIGHT;
    options.images = 3;
    options.mode = SFP_PRESENT_MODE_FIFO;
    OK(sfp_child_create_producer(host, &options, &frames));
    OK(sfp_child_channel(host, &channel));
    check_hello(channel);
    send_hello(channel);
    for (uint32_t n = 0; n < FRAMES; n++)
        present(frames, n);
    sfp_message_release(receive(channel, 3, "bye"));
    sfp_producer_release(frames);
    sfp_channel_release(channel);
    sfp_child_release(host);
    return 0;
}
