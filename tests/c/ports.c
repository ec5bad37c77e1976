/* Ports, messages, port sets and names, as a program in C uses them. */
#define _POSIX_C_SOURCE 200809L

#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include "check.h"

enum { OPEN_DOCUMENT = 1, ANSWER = 2, STOP = 3 };

static char name[64];

static void make_port(sfp_receive_right **receive, sfp_send_right **send)
{
    OK(sfp_receive_right_create(receive));
    OK(sfp_receive_right_make_send(*receive, send));
}

static bool has_text(const sfp_message *message, const char *text)
{
    return sfp_message_payload_size(message) == strlen(text)
        && memcmp(sfp_message_payload(message), text, strlen(text)) == 0;
}

static void send_text(sfp_send_right *right, uint32_t id, const char *text)
{
    sfp_message *message = sfp_message_create(id);
    OK(sfp_message_append(message, text, strlen(text)));
    OK(sfp_send(right, message, SFP_SECONDS(5)));
}

static bool is_readable(int fd)
{
    struct pollfd waiting = { .fd = fd, .events = POLLIN, .revents = 0 };
    return poll(&waiting, 1, 0) == 1;
}

static void the_header_is_the_librarys(void)
{
    CHECK(sfp_version() == SFP_VERSION_NUMBER);
    CHECK(strcmp(sfp_version_string(), SFP_VERSION) == 0);
    CHECK(strcmp(sfp_status_name(SFP_STATUS_PEER_DEAD), "SFP_STATUS_PEER_DEAD") == 0);
    CHECK(SFP_SECONDS(2) == 2 * SFP_MILLISECONDS(1000));
    CHECK(SFP_FOREVER < 0);
    CHECK(SFP_POLL == 0);
}

static void a_message_brings_bytes_and_things(void)
{
    sfp_receive_right *receive, *reply_here;
    sfp_send_right *peer, *to_me;
    make_port(&receive, &peer);
    make_port(&reply_here, &to_me);
    sfp_surface_descriptor descriptor = SFP_SURFACE_DESCRIPTOR_INIT;
    descriptor.width = 64;
    descriptor.height = 48;
    sfp_surface *thumbnail = NULL;
    OK(sfp_surface_create(&descriptor, &thumbnail));

    const char *path = "/tmp/document";
    sfp_message *m = sfp_message_create(OPEN_DOCUMENT);
    OK(sfp_message_append(m, path, strlen(path)));
    OK(sfp_message_attach_surface(m, thumbnail));
    OK(sfp_message_attach_send_right(m, to_me));
    OK(sfp_send(peer, m, SFP_MILLISECONDS(100)));

    sfp_message *got = NULL;
    OK(sfp_receive(receive, SFP_SECONDS(5), &got));
    CHECK(sfp_message_id(got) == OPEN_DOCUMENT);
    CHECK(has_text(got, path));
    CHECK(sfp_message_attachment_count(got) == 2);
    CHECK(sfp_message_attachment_kind(got, 0) == SFP_ATTACHMENT_SURFACE);
    CHECK(sfp_message_attachment_kind(got, 1) == SFP_ATTACHMENT_SEND_RIGHT);
    sfp_surface *same = NULL;
    OK(sfp_message_take_surface(got, 0, &same));
    CHECK(sfp_surface_id(same) == sfp_surface_id(thumbnail));
    CHECK(sfp_surface_width(same) == 64 && sfp_surface_height(same) == 48);
    sfp_send_right *answer = NULL;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_message_take_send_right(got, 0, &answer));
    CHECK(answer == NULL);
    OK(sfp_message_take_send_right(got, 1, &answer));
    send_text(answer, ANSWER, "opened");
    sfp_message_release(got);
    OK(sfp_receive(reply_here, SFP_SECONDS(5), &got));
    CHECK(has_text(got, "opened"));
    sfp_message_release(got);

    sfp_surface_release(same);
    sfp_surface_release(thumbnail);
    sfp_send_right_release(answer);
    sfp_send_right_release(to_me);
    sfp_send_right_release(peer);
    sfp_receive_right_release(reply_here);
    sfp_receive_right_release(receive);
}

static void what_was_not_sent_is_still_ours(void)
{
    sfp_receive_right *receive;
    sfp_send_right *peer;
    make_port(&receive, &peer);
    sfp_receive_right_release(receive);
    bool dead = false;
    OK(sfp_send_right_is_dead(peer, &dead));
    CHECK(dead);
    sfp_message *m = sfp_message_create(OPEN_DOCUMENT);
    OK(sfp_message_append(m, "whole", 5));
    sfp_status s = sfp_send(peer, m, SFP_MILLISECONDS(100));
    CHECK(s == SFP_STATUS_PEER_DEAD);
    CHECK(strlen(sfp_last_error_message()) > 0);
    CHECK(!sfp_message_is_empty(m));
    CHECK(has_text(m, "whole"));
    sfp_message_release(m);
    sfp_send_right_release(peer);
}

/* A server for one client, in another process. */
static void serve(void *ready)
{
    sfp_receive_right *receive = NULL;
    OK(sfp_bootstrap_check_in(name, &receive));
    CHECK(write(*(int *)ready, "!", 1) == 1);
    sfp_message *request = NULL;
    while (sfp_receive(receive, SFP_SECONDS(20), &request) == SFP_STATUS_OK) {
        bool stop = sfp_message_id(request) == STOP;
        if (!stop) {
            sfp_sender sender;
            OK(sfp_message_sender(request, &sender));
            CHECK(sender.process_id == (uint32_t)getppid());
            CHECK(sender.user_id == (uint32_t)geteuid() && sender.group_id == (uint32_t)getegid());
            CHECK(sfp_message_has_reply_right(request));
            sfp_message *answer = sfp_message_create(ANSWER);
            OK(sfp_message_append(answer, "echo: ", 6));
            OK(sfp_message_append(answer, sfp_message_payload(request), sfp_message_payload_size(request)));
            OK(sfp_message_reply(request, answer, SFP_SECONDS(5)));
        }
        sfp_message_release(request);
        if (stop)
            break;
    }
    sfp_receive_right_release(receive);
}

static void another_process_answers_requests(void)
{
    sfp_send_right *server = NULL;
    FAILS(SFP_STATUS_NOT_FOUND, sfp_bootstrap_look_up(name, SFP_POLL, &server));
    CHECK(server == NULL);
    int ready[2];
    CHECK(pipe(ready) == 0);
    pid_t child = in_child(serve, &ready[1]);
    OK(sfp_bootstrap_look_up(name, SFP_SECONDS(20), &server));
    sfp_receive_right *taken = NULL;
    char byte;
    CHECK(read(ready[0], &byte, 1) == 1);
    FAILS(SFP_STATUS_ALREADY_EXISTS, sfp_bootstrap_check_in(name, &taken));
    CHECK(taken == NULL);

    for (int n = 0; n < 100; n++) {
        char question[32], expected[64];
        snprintf(question, sizeof question, "number %d", n);
        snprintf(expected, sizeof expected, "echo: %s", question);
        sfp_message *request = sfp_message_create(OPEN_DOCUMENT), *answer = NULL;
        OK(sfp_message_append(request, question, strlen(question)));
        OK(sfp_request(server, request, SFP_SECONDS(20), &answer));
        CHECK(has_text(answer, expected));
        sfp_sender sender;
        OK(sfp_message_sender(answer, &sender));
        CHECK(sender.process_id == (uint32_t)child);
        sfp_message_release(answer);
    }
    send_text(server, STOP, "");
    check_child(child);
    sfp_send_right_release(server);
    close(ready[0]);
    close(ready[1]);
}

static void wait_to_be_killed(void *theirs)
{
    sfp_receive_right *receive = NULL;
    OK(sfp_bootstrap_check_in(theirs, &receive));
    sfp_message *message = NULL;
    (void)sfp_receive(receive, SFP_SECONDS(60), &message);
}

static void a_set_waits_for_messages_and_deaths(void)
{
    sfp_port_set *set = NULL;
    OK(sfp_port_set_create(&set));
    sfp_receive_right *first, *second;
    sfp_send_right *to_first, *to_second, *to_them;
    make_port(&first, &to_first);
    make_port(&second, &to_second);
    char theirs[80];
    snprintf(theirs, sizeof theirs, "%s.killed", name);
    pid_t child = in_child(wait_to_be_killed, theirs);
    OK(sfp_bootstrap_look_up(theirs, SFP_SECONDS(20), &to_them));

    OK(sfp_port_set_add(set, first, 1));
    OK(sfp_port_set_add(set, second, 2));
    OK(sfp_port_set_watch(set, to_them, 3));
    int fd = sfp_port_set_fd(set);
    CHECK(fd >= 0);
    CHECK(!is_readable(fd) && !is_readable(sfp_receive_right_fd(second)));
    sfp_port_set_event event;
    FAILS(SFP_STATUS_TIMED_OUT, sfp_port_set_wait(set, SFP_MILLISECONDS(1), &event));

    send_text(to_second, 7, "ready");
    CHECK(is_readable(fd) && is_readable(sfp_receive_right_fd(second)));
    OK(sfp_port_set_wait(set, SFP_FOREVER, &event));
    CHECK(event.key == 2 && event.kind == SFP_READY_RECEIVE);
    sfp_message *message = NULL;
    OK(sfp_receive(second, SFP_POLL, &message));
    CHECK(sfp_message_id(message) == 7);
    sfp_message_release(message);

    CHECK(kill(child, SIGKILL) == 0);
    CHECK(waitpid(child, NULL, 0) == child);
    OK(sfp_port_set_wait(set, SFP_SECONDS(20), &event));
    CHECK(event.key == 3 && event.kind == SFP_READY_DEAD);

    OK(sfp_port_set_remove(set, 1));
    FAILS(SFP_STATUS_NOT_FOUND, sfp_port_set_remove(set, 1));
    sfp_receive_right_release(first);
    sfp_receive_right_release(second);
    sfp_send_right_release(to_first);
    sfp_send_right_release(to_second);
    sfp_send_right_release(to_them);
    sfp_port_set_release(set);
}

static void *count_messages(void *right)
{
    sfp_receive_right *receive = right;
    uintptr_t count = 0;
    sfp_message *message = NULL;
    while (sfp_receive(receive, SFP_SECONDS(20), &message) == SFP_STATUS_OK) {
        sfp_message_release(message);
        count++;
    }
    CHECK(sfp_last_error_status() == SFP_STATUS_NO_SENDERS);
    return (void *)count;
}

static void *send_many(void *right)
{
    sfp_send_right *send = right;
    for (uint32_t n = 0; n < 250; n++)
        send_text(send, n, "many");
    sfp_send_right_release(send);
    return NULL;
}

static void threads_share_rights(void)
{
    sfp_receive_right *receive;
    sfp_send_right *send;
    make_port(&receive, &send);
    pthread_t receiver, senders[4];
    CHECK(pthread_create(&receiver, NULL, count_messages, receive) == 0);
    for (int n = 0; n < 4; n++)
        CHECK(pthread_create(&senders[n], NULL, send_many, sfp_send_right_retain(send)) == 0);
    for (int n = 0; n < 4; n++)
        CHECK(pthread_join(senders[n], NULL) == 0);
    sfp_send_right_release(send);
    void *count = NULL;
    CHECK(pthread_join(receiver, &count) == 0);
    CHECK((uintptr_t)count == 1000);
    sfp_receive_right_release(receive);
}

static void a_receive_right_moves(void)
{
    sfp_receive_right *carrier, *moving, *moved = NULL;
    sfp_send_right *to_carrier, *to_moving;
    make_port(&carrier, &to_carrier);
    make_port(&moving, &to_moving);
    send_text(to_moving, 1, "queued before");
    sfp_message *message = sfp_message_create(0);
    OK(sfp_message_attach_receive_right(message, moving));
    OK(sfp_send(to_carrier, message, SFP_SECONDS(5)));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_receive(moving, SFP_POLL, &message));
    sfp_receive_right_release(moving);
    OK(sfp_receive(carrier, SFP_SECONDS(5), &message));
    OK(sfp_message_take_receive_right(message, 0, &moved));
    sfp_message_release(message);
    OK(sfp_receive(moved, SFP_SECONDS(5), &message));
    CHECK(has_text(message, "queued before"));
    sfp_message_release(message);
    sfp_receive_right_release(moved);
    sfp_receive_right_release(carrier);
    sfp_send_right_release(to_moving);
    sfp_send_right_release(to_carrier);
}

static void a_large_payload_needs_nothing_special(void)
{
    sfp_receive_right *receive;
    sfp_send_right *send;
    make_port(&receive, &send);
    size_t size = 4 << 20;
    char *bytes = malloc(size);
    for (size_t n = 0; n < size; n++)
        bytes[n] = (char)(n * 31 >> 3);
    sfp_message *message = sfp_message_create(1);
    OK(sfp_message_append(message, bytes, size));
    OK(sfp_send(send, message, SFP_SECONDS(5)));
    OK(sfp_receive(receive, SFP_SECONDS(5), &message));
    CHECK(sfp_message_payload_size(message) == size);
    CHECK(memcmp(sfp_message_payload(message), bytes, size) == 0);
    sfp_message_release(message);
    free(bytes);
    sfp_send_right_release(send);
    sfp_receive_right_release(receive);
}

static void memory_goes_without_a_copy(void)
{
    sfp_receive_right *receive;
    sfp_send_right *send;
    make_port(&receive, &send);
    sfp_memory *memory = NULL, *same = NULL;
    OK(sfp_memory_create(1 << 20, SFP_MEMORY_ACCESS_READ_ONLY_FOR_OTHERS, &memory));
    strcpy(sfp_memory_base(memory), "filled in place");
    sfp_message *message = sfp_message_create(1);
    OK(sfp_message_attach_memory(message, memory));
    OK(sfp_send(send, message, SFP_SECONDS(5)));
    OK(sfp_receive(receive, SFP_SECONDS(5), &message));
    OK(sfp_message_take_memory(message, 0, &same));
    CHECK(sfp_memory_size(same) == 1 << 20 && !sfp_memory_is_writable(same));
    CHECK(strcmp(sfp_memory_base(same), "filled in place") == 0);
    strcpy(sfp_memory_base(memory), "and changed");
    CHECK(strcmp(sfp_memory_base(same), "and changed") == 0);
    FAILS(SFP_STATUS_PERMISSION_DENIED, sfp_memory_write(same, 0, "no", 2));
    sfp_message_release(message);
    sfp_memory_release(same);
    sfp_memory_release(memory);
    sfp_send_right_release(send);
    sfp_receive_right_release(receive);
}

static void null_is_no_crash(void)
{
    sfp_message_release(NULL);
    sfp_send_right_release(NULL);
    sfp_receive_right_release(NULL);
    CHECK(sfp_send_right_retain(NULL) == NULL);
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_send(NULL, NULL, SFP_FOREVER));
    CHECK(strcmp(sfp_last_error_message(), "`right` is NULL") == 0);
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_receive(NULL, SFP_FOREVER, NULL));
    CHECK(sfp_message_payload(NULL) == NULL);
    CHECK(sfp_receive_right_fd(NULL) == -1);
}

int main(void)
{
    snprintf(name, sizeof name, "org.surfaceport.test.ports.%ld", (long)getpid());
    RUN(the_header_is_the_librarys);
    RUN(a_message_brings_bytes_and_things);
    RUN(what_was_not_sent_is_still_ours);
    RUN(another_process_answers_requests);
    RUN(a_set_waits_for_messages_and_deaths);
    RUN(threads_share_rights);
    RUN(a_receive_right_moves);
    RUN(a_large_payload_needs_nothing_special);
    RUN(memory_goes_without_a_copy);
    RUN(null_is_no_crash);
    return finish();
}
