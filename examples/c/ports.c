/*
 * Ports and messages between two processes: this program starts itself once more, asks its child something, and gets
 * an answer. The messages carry bytes, a memory region and a right to send.
 */
#include <surfaceport.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CHECK(call)                                                                                \
    do {                                                                                           \
        if ((call) != SFP_STATUS_OK) {                                                             \
            fprintf(stderr, "ports: %s: %s\n", #call, sfp_last_error_message());                   \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

enum { SUM_UP = 1, SUM = 2, NOTE = 3, COUNT = 1000 };

/* The child answers one request, tells what it did by the right that came with it, and ends. */
static int serve(void)
{
    sfp_child *host = NULL;
    sfp_channel *channel = NULL;
    sfp_message *request = NULL;
    CHECK(sfp_child_connect(SFP_SECONDS(5), &host));
    CHECK(sfp_child_channel(host, &channel));
    CHECK(sfp_channel_receive(channel, SFP_SECONDS(5), &request));

    sfp_sender sender;
    sfp_memory *numbers = NULL;
    sfp_send_right *notes = NULL;
    CHECK(sfp_message_sender(request, &sender)); /* the kernel's word on this very message */
    CHECK(sfp_message_take_memory(request, 0, &numbers));
    CHECK(sfp_message_take_send_right(request, 1, &notes));
    printf("child: request %" PRIu32 " of process %" PRIu32 ": %.*s\n", sfp_message_id(request),
           sender.process_id, (int)sfp_message_payload_size(request),
           (const char *)sfp_message_payload(request));

    uint64_t sum = 0;
    for (int n = 0; n < COUNT; n++)
        sum += ((const uint32_t *)sfp_memory_base(numbers))[n]; /* the host's memory, not a copy */
    sfp_message *answer = sfp_message_create(SUM);
    CHECK(sfp_message_append(answer, &sum, sizeof sum));
    CHECK(sfp_message_reply(request, answer, SFP_SECONDS(5)));

    sfp_message *note = sfp_message_create(NOTE);
    CHECK(sfp_message_append(note, "summed up", 9));
    CHECK(sfp_send(notes, note, SFP_SECONDS(5))); /* what was sent is not ours to release */

    sfp_message_release(request);
    sfp_memory_release(numbers);
    sfp_send_right_release(notes);
    sfp_channel_release(channel);
    sfp_child_release(host);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        return serve();

    sfp_host *host = NULL;
    sfp_channel *channel = NULL;
    const char *child[] = { argv[0], "serve", NULL };
    sfp_spawn_options options = SFP_SPAWN_OPTIONS_INIT;
    options.argv = child;
    CHECK(sfp_host_spawn(&options, &host));
    CHECK(sfp_host_channel(host, SFP_SECONDS(5), &channel));

    sfp_memory *numbers = NULL;
    CHECK(sfp_memory_create(COUNT * sizeof(uint32_t), SFP_MEMORY_ACCESS_READ_ONLY_FOR_OTHERS, &numbers));
    for (uint32_t n = 0; n < COUNT; n++)
        ((uint32_t *)sfp_memory_base(numbers))[n] = n + 1;

    sfp_receive_right *notes = NULL;
    sfp_send_right *to_notes = NULL;
    CHECK(sfp_receive_right_create(&notes));
    CHECK(sfp_receive_right_make_send(notes, &to_notes));

    sfp_message *request = sfp_message_create(SUM_UP), *answer = NULL;
    CHECK(sfp_message_append(request, "please sum up", 13));
    CHECK(sfp_message_attach_memory(request, numbers));
    CHECK(sfp_message_attach_send_right(request, to_notes));
    CHECK(sfp_channel_request(channel, request, SFP_SECONDS(5), &answer));
    uint64_t sum = 0;
    if (sfp_message_payload_size(answer) == sizeof sum) /* who answers can be wrong: look first */
        memcpy(&sum, sfp_message_payload(answer), sizeof sum);
    printf("host: the sum is %" PRIu64 "\n", sum);

    sfp_message *note = NULL;
    sfp_sender sender;
    CHECK(sfp_receive(notes, SFP_SECONDS(5), &note));
    CHECK(sfp_message_sender(note, &sender));
    bool by_child = sender.process_id == sfp_host_process_id(host);
    printf("host: %.*s, says %s\n", (int)sfp_message_payload_size(note),
           (const char *)sfp_message_payload(note), by_child ? "the child" : "somebody else");

    sfp_exit end;
    CHECK(sfp_host_wait_exit(host, SFP_SECONDS(5), &end));
    sfp_message_release(answer);
    sfp_message_release(note);
    sfp_memory_release(numbers);
    sfp_send_right_release(to_notes);
    sfp_receive_right_release(notes);
    sfp_channel_release(channel);
    sfp_host_release(host);
    return sum == (uint64_t)COUNT * (COUNT + 1) / 2 && by_child && end.code == 0 ? 0 : 1;
}
