/*
 * A channel between two processes: messages of every size class, and with attachments of every kind, one way, then the
 * other, then both at once.
 */
#include "exercise.h"
#include <fcntl.h>
#include <sys/stat.h>

/* The first ones are small, until the channel has its ring. */
enum { SMALL = 20, ATTACHMENTS = 7, ROUNDS = 10, ROUNDS_FROM = 101 };

static const size_t sizes[] = { 1, 100, 16383, 16384, 16385, 32769, 100000, 1 << 20, 3 << 20 };
enum { SIZES = sizeof sizes / sizeof *sizes, COUNT = SMALL + SIZES + 2 * ATTACHMENTS };

static size_t size_of(uint32_t n)
{
    if (n > SMALL && n <= SMALL + SIZES)
        return sizes[n - SMALL - 1];
    return n > SMALL + SIZES + ATTACHMENTS && n <= COUNT ? 50000 : 40;
}

static int attachment_of(uint32_t n)
{
    return n > SMALL + SIZES && n <= COUNT ? 1 + (int)(n - SMALL - SIZES - 1) % ATTACHMENTS : 0;
}

static unsigned char byte_of(uint32_t n, size_t at) { return (unsigned char)(n * 31 + at); }

static sfp_status attach_memory(sfp_message *message, uint32_t n)
{
    sfp_memory *memory = NULL;
    sfp_status status;
    TRY(status, sfp_memory_create(sizeof n, SFP_MEMORY_ACCESS_READ_WRITE, &memory));
    if (status == SFP_STATUS_OK) {
        memcpy(sfp_memory_base(memory), &n, sizeof n);
        TRY(status, sfp_message_attach_memory(message, memory));
    }
    sfp_memory_release(memory);
    return status;
}

static sfp_status attach_surface(sfp_message *message, uint32_t n)
{
    sfp_surface *surface = NULL;
    sfp_surface_descriptor descriptor = SFP_SURFACE_DESCRIPTOR_INIT;
    descriptor.width = n;
    descriptor.height = 16;
    sfp_status status;
    TRY(status, sfp_surface_create(&descriptor, &surface));
    if (status == SFP_STATUS_OK)
        TRY(status, sfp_message_attach_surface(message, surface));
    sfp_surface_release(surface);
    return status;
}

static sfp_status attach_fd(sfp_message *message)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    sfp_status status;
    TRY(status, sfp_message_attach_fd(message, fd));
    close(fd);
    return status;
}

static sfp_status attach_right(sfp_message *message, bool receive)
{
    sfp_receive_right *right = NULL;
    sfp_send_right *to = NULL;
    sfp_status status;
    TRY(status, sfp_receive_right_create(&right));
    if (status == SFP_STATUS_OK)
        TRY(status, sfp_receive_right_make_send(right, &to));
    if (status == SFP_STATUS_OK && receive)
        TRY(status, sfp_message_attach_receive_right(message, right));
    else if (status == SFP_STATUS_OK)
        TRY(status, sfp_message_attach_send_right(message, to));
    sfp_send_right_release(to);
    sfp_receive_right_release(right);
    return status;
}

static sfp_status attach_end(sfp_message *message)
{
    sfp_channel_end *one = NULL, *other = NULL;
    sfp_status status;
    TRY(status, sfp_channel_end_create_pair(&one, &other));
    if (status == SFP_STATUS_OK)
        TRY(status, sfp_message_attach_channel_end(message, one));
    sfp_channel_end_release(one);
    sfp_channel_end_release(other);
    return status;
}

static sfp_status attach(sfp_message *message, uint32_t n)
{
    sfp_status status = SFP_STATUS_OK;
    switch (attachment_of(n)) {
    case 1: return attach_memory(message, n);
    case 2: return attach_surface(message, n);
    case 3: return attach_fd(message);
    case 4: return attach_right(message, false);
    case 5: return attach_right(message, true);
    case 6: return attach_end(message);
    case 7:
        for (int more = 0; more < 5 && status == SFP_STATUS_OK; more++)
            status = attach_memory(message, n);
    }
    return status;
}

static bool memory_is_right(sfp_message *message, size_t at, uint32_t n)
{
    sfp_memory *memory = NULL;
    sfp_status status;
    uint32_t found = 0;
    TRY(status, sfp_message_take_memory(message, at, &memory));
    if (status == SFP_STATUS_OK)
        memcpy(&found, sfp_memory_base(memory), sizeof found);
    sfp_memory_release(memory);
    return found == n;
}

static bool attachment_is_right(sfp_message *message, uint32_t n)
{
    sfp_surface *surface = NULL;
    sfp_send_right *send = NULL;
    sfp_receive_right *receive = NULL;
    sfp_channel_end *end = NULL;
    struct stat file = { 0 };
    sfp_status status = SFP_STATUS_OK;
    int fd = -1;
    bool right = true;
    switch (attachment_of(n)) {
    case 1: return memory_is_right(message, 0, n);
    case 2:
        TRY(status, sfp_message_take_surface(message, 0, &surface));
        right = status == SFP_STATUS_OK && sfp_surface_width(surface) == n;
        sfp_surface_release(surface);
        return right;
    case 3:
        TRY(status, sfp_message_take_fd(message, 0, &fd));
        right = status == SFP_STATUS_OK && fstat(fd, &file) == 0 && S_ISCHR(file.st_mode);
        if (fd >= 0)
            close(fd);
        return right;
    case 4:
        TRY(status, sfp_message_take_send_right(message, 0, &send));
        sfp_send_right_release(send);
        return status == SFP_STATUS_OK;
    case 5:
        TRY(status, sfp_message_take_receive_right(message, 0, &receive));
        sfp_receive_right_release(receive);
        return status == SFP_STATUS_OK;
    case 6:
        TRY(status, sfp_message_take_channel_end(message, 0, &end));
        sfp_channel_end_release(end);
        return status == SFP_STATUS_OK;
    case 7:
        for (size_t at = 0; at < 5 && right; at++)
            right = memory_is_right(message, at, n);
        return right;
    }
    return sfp_message_attachment_count(message) == 0;
}

static bool payload_is_right(const sfp_message *message, uint32_t n)
{
    const unsigned char *bytes = sfp_message_payload(message);
    if (sfp_message_payload_size(message) != size_of(n))
        return false;
    for (size_t at = 0; at < size_of(n); at++)
        if (bytes[at] != byte_of(n, at))
            return false;
    return true;
}

/* Sends number n. Of those that fail, every other one is given up, if it may, and must not arrive. */
static bool send_number(sfp_channel *channel, const char *stream, uint32_t n, bool may_fail)
{
    sfp_message *message = sfp_message_create(n);
    unsigned char *bytes = malloc(size_of(n));
    sfp_status status;
    for (size_t at = 0; at < size_of(n); at++)
        bytes[at] = byte_of(n, at);
    TRY(status, sfp_message_append(message, bytes, size_of(n)));
    free(bytes);
    if (status == SFP_STATUS_OK)
        status = attach(message, n);
    if (status == SFP_STATUS_OK) {
        status = sfp_channel_send(channel, message, SOON);
        if (is_passing(status) && !(may_fail && n % 2 == 0))
            TRY(status, sfp_channel_send(channel, message, SOON));
    }
    if (status != SFP_STATUS_OK)
        sfp_message_release(message);
    if (is_passing(status) && may_fail) {
        printf("failed %s %u\n", stream, (unsigned)n);
        return true;
    }
    if (status == SFP_STATUS_OK)
        printf("sent %s %u\n", stream, (unsigned)n);
    return good(status, "send");
}

/* Receives until the last one, or a number of messages. */
static bool receive_numbers(sfp_channel *channel, const char *stream, unsigned limit)
{
    for (unsigned count = 0; count < limit; count++) {
        sfp_message *message = NULL;
        sfp_status status;
        TRY(status, sfp_channel_receive(channel, SOON, &message));
        if (status == SFP_STATUS_MALFORMED) {
            printf("gap %s\n", stream);
            continue;
        }
        if (!good(status, "receive"))
            return false;
        uint32_t n = sfp_message_id(message);
        bool right = n == LAST || (payload_is_right(message, n) && attachment_is_right(message, n));
        sfp_message_release(message);
        if (n == LAST)
            break;
        printf("%s %s %u\n", right ? "got" : "wrong", stream, (unsigned)n);
    }
    return true;
}

static bool send_all(sfp_channel *channel, const char *stream)
{
    for (uint32_t n = 1; n <= COUNT; n++)
        if (!send_number(channel, stream, n, true))
            return false;
    return send_plain(channel, LAST);
}

static bool converse(sfp_channel *channel, const char *mine, const char *theirs)
{
    for (uint32_t n = ROUNDS_FROM; n < ROUNDS_FROM + ROUNDS; n++)
        if (!send_number(channel, mine, n, false) || !receive_numbers(channel, theirs, 1))
            return false;
    return true;
}

static bool be_child(void)
{
    sfp_child *host = meet();
    sfp_channel *channel = NULL;
    sfp_status status;
    bool well = false;
    if (host != NULL) {
        TRY(status, sfp_child_channel(host, &channel));
        well = good(status, "channel") && send_plain(channel, READY) && receive_numbers(channel, "down", -1U) &&
               send_all(channel, "up") && converse(channel, "up", "down");
    }
    sfp_channel_release(channel);
    sfp_child_release(host);
    return well;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (argc > 1)
        return be_child() ? 0 : 1;

    sfp_host *host = start(argv[0], "child", NULL);
    sfp_channel *channel = NULL;
    sfp_status status;
    bool well = false;
    if (host != NULL) {
        TRY(status, sfp_host_channel(host, SOON, &channel));
        well = good(status, "channel") && wait_for(channel, READY);
        if (well)
            puts("ready");
        well = well && send_all(channel, "down") && receive_numbers(channel, "up", -1U) &&
               converse(channel, "down", "up");
    }
    if (!well) {
        sfp_channel_release(channel);
        sfp_host_release(host);
        return 1;
    }
    well = end_well(host);
    sfp_channel_release(channel);
    return well ? 0 : 1;
}
