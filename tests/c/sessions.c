/* Sessions and channels, as a program in C uses them: with children that it starts, and that die. */
#define _DEFAULT_SOURCE

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>

#include "roles.h"

extern char **environ;

enum { HELLO = 1, ANSWER = 2, BYE = 3 };

static bool has_text(const sfp_message *message, const char *text)
{
    return sfp_message_payload_size(message) == strlen(text)
        && memcmp(sfp_message_payload(message), text, strlen(text)) == 0;
}

static sfp_message *text_message(uint32_t id, const char *text)
{
    sfp_message *message = sfp_message_create(id);
    OK(sfp_message_append(message, text, strlen(text)));
    return message;
}

static sfp_channel *channel_of_host(sfp_host *host)
{
    sfp_channel *channel = NULL;
    OK(sfp_host_channel(host, SOON, &channel));
    return channel;
}

static sfp_channel *channel_of_child(sfp_child *child)
{
    sfp_channel *channel = NULL;
    OK(sfp_child_channel(child, &channel));
    return channel;
}

static sfp_message *receive(sfp_channel *channel)
{
    sfp_message *message = NULL;
    OK(sfp_channel_receive(channel, SOON, &message));
    return message;
}

static void look_around(sfp_child *host)
{
    sfp_sender sender;
    OK(sfp_child_host(host, &sender));
    CHECK(sender.process_id == (uint32_t)getppid() && sender.user_id == (uint32_t)geteuid());
    CHECK(sfp_child_features(host) == 0 && sfp_child_refused(host) == 0);
    sfp_channel *channel = channel_of_child(host);
    sfp_sender peer;
    OK(sfp_channel_peer(channel, &peer));
    CHECK(peer.process_id == sender.process_id);
    sfp_child *again = NULL;
    FAILS(SFP_STATUS_WRONG_STATE, sfp_child_connect(SOON, &again));
    CHECK(again == NULL);
    FAILS(SFP_STATUS_TIMED_OUT, sfp_child_wait_closed(host, SFP_POLL));
    sfp_consumer *none = NULL;
    FAILS(SFP_STATUS_TIMED_OUT, sfp_child_accept_consumer(host, SFP_MILLISECONDS(1), &none));
    sfp_message_release(receive(channel)); /* the host has looked, too */
    sfp_channel_release(channel);
}

static void both_sides_know_each_other(void)
{
    sfp_child *child = NULL;
    FAILS(SFP_STATUS_NOT_FOUND, sfp_child_connect(SFP_POLL, &child));
    CHECK(child == NULL);

    sfp_host *host = start("look around");
    OK(sfp_host_wait_connected(host, SOON));
    CHECK(sfp_host_is_connected(host));
    CHECK(sfp_host_process_id(host) > 0 && sfp_host_features(host) == 0 && sfp_host_refused(host) == 0);
    sfp_exit end;
    FAILS(SFP_STATUS_TIMED_OUT, sfp_host_wait_exit(host, SFP_POLL, &end));
    sfp_consumer *none = NULL;
    FAILS(SFP_STATUS_TIMED_OUT, sfp_host_accept_consumer(host, SFP_MILLISECONDS(1), &none));
    sfp_channel *channel = channel_of_host(host);
    sfp_sender peer;
    OK(sfp_channel_peer(channel, &peer));
    CHECK(peer.process_id == sfp_host_process_id(host));
    CHECK(sfp_channel_refused(channel) == 0);
    OK(sfp_channel_send(channel, text_message(BYE, ""), SOON));
    /* It ends in good order. */
    sfp_consumer_right *right = NULL;
    FAILS(SFP_STATUS_CLOSED, sfp_host_accept_consumer_right(host, SOON, &right));
    CHECK(right == NULL && !sfp_host_is_connected(host));
    CHECK(is_readable(sfp_host_fd(host), 60000));
    sfp_channel_release(channel);
    end_well(host);
}

static void answer(sfp_child *host)
{
    sfp_channel *channel = channel_of_child(host);
    sfp_message *request = receive(channel);
    CHECK(sfp_message_id(request) == HELLO && has_text(request, "a surface, memory, a file"));
    CHECK(sfp_message_has_reply_right(request));
    sfp_surface *surface = NULL;
    sfp_memory *memory = NULL;
    int file = -1;
    OK(sfp_message_take_surface(request, 0, &surface));
    OK(sfp_message_take_memory(request, 1, &memory));
    CHECK(strcmp(sfp_memory_base(memory), "written by the host") == 0);
    if (sfp_message_attachment_count(request) > 2) {
        OK(sfp_message_take_fd(request, 2, &file));
        CHECK(write(file, "by the child", 12) == 12);
        close(file);
    }
    sfp_pixels pixels;
    OK(sfp_surface_lock(surface, SFP_LOCK_WRITE, &pixels));
    *(uint32_t *)pixels.base += 1;
    OK(sfp_surface_unlock(surface, SFP_LOCK_WRITE));
    sfp_message *reply = text_message(ANSWER, "back");
    OK(sfp_message_attach_surface(reply, surface));
    OK(sfp_message_attach_memory(reply, memory));
    OK(sfp_message_reply(request, reply, SOON));
    sfp_message_release(request);
    sfp_surface_release(surface);
    sfp_memory_release(memory);
    sfp_channel_release(channel);
    OK(sfp_child_wait_closed(host, SOON));
    CHECK(is_readable(sfp_child_fd(host), 60000));
}

static void messages_bring_things_both_ways(void)
{
    sfp_surface_descriptor descriptor = SFP_SURFACE_DESCRIPTOR_INIT;
    descriptor.width = 16;
    descriptor.height = 16;
    sfp_surface *surface = NULL, *same = NULL;
    sfp_memory *memory = NULL, *same_memory = NULL;
    OK(sfp_surface_create(&descriptor, &surface));
    OK(sfp_memory_create(4096, SFP_MEMORY_ACCESS_READ_WRITE, &memory));
    strcpy(sfp_memory_base(memory), "written by the host");
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    fcntl(pipes[0], F_SETFD, FD_CLOEXEC);
    fcntl(pipes[1], F_SETFD, FD_CLOEXEC);
    sfp_pixels pixels;
    OK(sfp_surface_lock(surface, SFP_LOCK_WRITE, &pixels));
    *(uint32_t *)pixels.base = 41;
    OK(sfp_surface_unlock(surface, SFP_LOCK_WRITE));

    sfp_host *host = start("answer");
    sfp_channel *channel = channel_of_host(host);
    sfp_message *request = text_message(HELLO, "a surface, memory, a file"), *reply = NULL;
    OK(sfp_message_attach_surface(request, surface));
    OK(sfp_message_attach_memory(request, memory));
    const bool has_file = files_can_travel();
    if (has_file)
        OK(sfp_message_attach_fd(request, pipes[1]));
    close(pipes[1]);
    OK(sfp_channel_request(channel, request, SOON, &reply));
    CHECK(has_text(reply, "back"));
    sfp_sender sender;
    OK(sfp_message_sender(reply, &sender));
    CHECK(sender.process_id == sfp_host_process_id(host));
    OK(sfp_message_take_surface(reply, 0, &same));
    OK(sfp_message_take_memory(reply, 1, &same_memory));
    CHECK(sfp_surface_id(same) == sfp_surface_id(surface) && *(uint32_t *)pixels.base == 42);
    char text[16] = "";
    if (has_file)
        CHECK(read(pipes[0], text, sizeof text) == 12 && strcmp(text, "by the child") == 0);
    close(pipes[0]);
    sfp_message_release(reply);
    sfp_surface_release(same);
    sfp_surface_release(surface);
    sfp_memory_release(same_memory);
    sfp_memory_release(memory);
    sfp_channel_release(channel);
    sfp_host_release(host); /* which the child waits for */
}

static void send_and_wait(sfp_child *host)
{
    sfp_channel *channel = channel_of_child(host);
    OK(sfp_channel_send(channel, text_message(HELLO, "before the end"), SOON));
    OK(sfp_child_wait_closed(host, SOON));
    sfp_channel_release(channel);
}

static void a_killed_child_is_noticed(void)
{
    sfp_host *host = start("send and wait");
    sfp_channel *channel = channel_of_host(host);
    CHECK(is_readable(sfp_channel_fd(channel), 60000));
    bool dead = true;
    OK(sfp_channel_is_peer_dead(channel, &dead));
    CHECK(!dead);
    OK(sfp_host_kill(host));
    sfp_exit end;
    OK(sfp_host_wait_exit(host, SOON, &end));
    CHECK(end.kind == SFP_EXIT_KIND_SIGNALLED && end.code == SIGKILL);
    OK(sfp_host_kill(host));
    CHECK(is_readable(sfp_host_fd(host), 60000));

    sfp_message *message = receive(channel);
    CHECK(has_text(message, "before the end"));
    FAILS(SFP_STATUS_PEER_DEAD, sfp_channel_send(channel, message, SOON));
    CHECK(has_text(message, "before the end")); /* still ours, whole */
    sfp_message *none = NULL;
    FAILS(SFP_STATUS_PEER_DEAD, sfp_channel_request(channel, message, SOON, &none));
    sfp_message_release(message);
    FAILS(SFP_STATUS_PEER_DEAD, sfp_channel_receive(channel, SOON, &none));
    CHECK(none == NULL && is_readable(sfp_channel_fd(channel), 0));
    OK(sfp_channel_is_peer_dead(channel, &dead));
    CHECK(dead);
    sfp_consumer *consumer = NULL;
    FAILS(SFP_STATUS_PEER_DEAD, sfp_host_accept_consumer(host, SOON, &consumer));
    CHECK(strstr(sfp_last_error_message(), "signal 9") != NULL);
    CHECK(!sfp_host_is_connected(host));
    sfp_channel_release(channel);
    sfp_host_release(host);
}

static sfp_status spawn_status(sfp_spawn_options options)
{
    sfp_host *host = NULL;
    sfp_status status = sfp_host_spawn(&options, &host);
    CHECK((status == SFP_STATUS_OK) == (host != NULL));
    sfp_host_release(host);
    return status;
}

static void what_cannot_be_started_is_said(void)
{
    const char *no_program[] = { "/surfaceport/no such program", NULL }, *nothing[] = { NULL };
    const char *shell[] = { "sh", "-c", "exit 3", NULL };
    const char *no_entry[] = { "no entry", NULL }, *no_name[] = { "=value", NULL };
    sfp_spawn_options options = SFP_SPAWN_OPTIONS_INIT;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, spawn_status(options));
    CHECK(strcmp(sfp_last_error_message(), "`argv` is NULL") == 0);
    options.argv = nothing;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, spawn_status(options));
    options.argv = no_program;
    FAILS(SFP_STATUS_NOT_FOUND, spawn_status(options));
    options.argv = shell;
    options.environment = no_entry;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, spawn_status(options));
    options.environment = no_name;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, spawn_status(options));
    options.environment = NULL;
    options.directory = "/surfaceport/no such folder";
    FAILS(SFP_STATUS_NOT_FOUND, spawn_status(options));
    options.directory = NULL;
    options.end_of_life = (sfp_end_of_life)2;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, spawn_status(options));
    options.end_of_life = SFP_END_OF_LIFE_KILL;
    options.reserved[1] = 1;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, spawn_status(options));
    options.reserved[1] = 0;
    options.struct_size = 8;
    FAILS(SFP_STATUS_INVALID_ARGUMENT, spawn_status(options));

    /* One that is no child of ours ends without a hello. */
    sfp_spawn_options plain = SFP_SPAWN_OPTIONS_INIT;
    plain.argv = shell;
    sfp_host *host = NULL;
    OK(sfp_host_spawn(&plain, &host));
    FAILS(SFP_STATUS_PEER_DEAD, sfp_host_wait_connected(host, SOON));
    CHECK(strstr(sfp_last_error_message(), "status 3") != NULL);
    sfp_exit end;
    OK(sfp_host_wait_exit(host, SFP_POLL, &end));
    CHECK(end.kind == SFP_EXIT_KIND_EXITED && end.code == 3);
    sfp_host_release(host);
}

static void a_child_that_says_nothing_is_given_up(void)
{
    const char *sleep[] = { "sleep", "1000", NULL };
    sfp_spawn_options options = SFP_SPAWN_OPTIONS_INIT;
    options.argv = sleep;
    options.hello_timeout_ns = SFP_MILLISECONDS(50);
    options.grace_ns = 1;
    sfp_host *host = NULL;
    OK(sfp_host_spawn(&options, &host));
    sfp_swapchain_options small = SFP_SWAPCHAIN_OPTIONS_INIT;
    small.width = small.height = 1;
    sfp_producer *producer = NULL;
    sfp_consumer_right *right = NULL;
    OK(sfp_producer_create(&small, &producer));
    OK(sfp_producer_create_consumer_right(producer, &right));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_host_offer_consumer_right(host, right));
    sfp_consumer_right_release(right);
    sfp_producer_release(producer);
    sfp_channel *none = NULL;
    FAILS(SFP_STATUS_NO_HELLO, sfp_host_channel(host, SOON, &none));
    CHECK(strstr(sfp_last_error_message(), "hello") != NULL && none == NULL);
    sfp_host_release(host); /* which kills it */
}

static void tell_environment(sfp_child *host)
{
    char folder[256] = "", text[512];
    CHECK(getcwd(folder, sizeof folder) != NULL);
    const char *added = getenv("SFP_TEST_ADDED"), *inherited = getenv("SFP_TEST_INHERITED");
    snprintf(text, sizeof text, "%s %s %s", folder, added ? added : "-", inherited ? inherited : "-");
    sfp_channel *channel = channel_of_child(host);
    OK(sfp_channel_send(channel, text_message(HELLO, text), SOON));
    OK(sfp_child_wait_closed(host, SOON));
    sfp_channel_release(channel);
}

static void a_child_gets_its_environment_and_folder(void)
{
    char *absolute = realpath(program, NULL);
    const char *argv[] = { absolute, "tell environment", NULL };
    const char *environment[] = { "SFP_TEST_ADDED=a=b", "LD_LIBRARY_PATH=", NULL };
    setenv("SFP_TEST_INHERITED", "yes", 1);
    for (int clear = 0; clear < 2; clear++) {
        sfp_spawn_options options = SFP_SPAWN_OPTIONS_INIT;
        options.argv = argv;
        options.environment = environment;
        options.clear_environment = clear;
        options.directory = "/";
        options.grace_ns = SOON;
        sfp_host *host = NULL;
        OK(sfp_host_spawn(&options, &host));
        sfp_channel *channel = channel_of_host(host);
        sfp_message *message = receive(channel);
        CHECK(has_text(message, clear ? "/ a=b -" : "/ a=b yes"));
        sfp_message_release(message);
        sfp_channel_release(channel);
        sfp_host_release(host);
    }
    free(absolute);
}

static void a_wrapper_can_be_allowed(void)
{
    for (int allow = 0; allow < 2; allow++) {
        /* Not the last command, so that no shell makes itself the program. */
        const char *argv[] = { "sh", "-c", "\"$0\" 'send and wait' >/dev/null 2>&1; exit 0", program, NULL };
        sfp_spawn_options options = SFP_SPAWN_OPTIONS_INIT;
        options.argv = argv;
        options.allow_descendants = allow;
        options.grace_ns = SOON;
        sfp_host *host = NULL;
        fflush(stdout);
        OK(sfp_host_spawn(&options, &host));
        sfp_status status = sfp_host_wait_connected(host, SOON);
        CHECK(status == (allow ? SFP_STATUS_OK : SFP_STATUS_PEER_DEAD));
        CHECK(sfp_host_refused(host) == (allow ? 0 : 1));
        sfp_host_release(host);
    }
}

static void say_hello(sfp_child *host)
{
    send_and_wait(host);
}

static pid_t start_invited(sfp_invitation *invitation)
{
    char *entries[300];
    size_t count = 0;
    for (char **entry = environ; *entry != NULL && count < 200; entry++)
        entries[count++] = *entry;
    for (const char *const *entry = sfp_invitation_environment(invitation); *entry != NULL; entry++)
        entries[count++] = (char *)*entry;
    entries[count] = NULL;
    posix_spawn_file_actions_t actions;
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    for (const int *fd = sfp_invitation_fds(invitation); *fd != -1; fd++)
#ifdef __APPLE__
        CHECK(posix_spawn_file_actions_addinherit_np(&actions, *fd) == 0);
#else
        CHECK(posix_spawn_file_actions_adddup2(&actions, *fd, *fd) == 0);
#endif
    char *argv[] = { (char *)program, "say hello", NULL };
    pid_t child = 0;
    fflush(stdout);
    CHECK(posix_spawn(&child, program, &actions, NULL, argv, entries) == 0);
    CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
    return child;
}

static void an_invitation_is_for_ones_own_means(void)
{
    for (int by_number = 0; by_number < 2; by_number++) {
        sfp_invitation *invitation = NULL;
        OK(sfp_invitation_create(&invitation));
        OK(sfp_invitation_set_hello_timeout(invitation, SOON));
        OK(sfp_invitation_set_allow_descendants(invitation, false));
        pid_t child = start_invited(invitation);
        sfp_host *host = NULL, *none = NULL;
        FAILS(SFP_STATUS_NOT_FOUND, sfp_invitation_into_host(invitation, INT32_MAX, &none));
        FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_invitation_into_host(invitation, UINT32_MAX, &none));
        /* It is as it was. */
        OK(sfp_invitation_into_host(invitation, by_number ? (uint32_t)child : 0, &host));
        FAILS(SFP_STATUS_WRONG_STATE, sfp_invitation_into_host(invitation, 0, &none));
        FAILS(SFP_STATUS_WRONG_STATE, sfp_invitation_set_hello_timeout(invitation, 0));
        CHECK(none == NULL);
        sfp_invitation_release(invitation);
        OK(sfp_host_wait_connected(host, SOON));
        CHECK(sfp_host_process_id(host) == (uint32_t)child);
        sfp_channel *channel = channel_of_host(host);
        sfp_message *message = receive(channel);
        CHECK(has_text(message, "before the end"));
        sfp_message_release(message);
        sfp_channel_release(channel);
        sfp_host_release(host); /* it neither kills nor reaps; the child ends by itself */
        check_child(child);
    }
    sfp_invitation *unused = NULL;
    OK(sfp_invitation_create(&unused));
    sfp_invitation_release(unused);
}

/* The host's process draws, and this child shows. */
static void show(sfp_child *host)
{
    sfp_consumer *frames = NULL;
    OK(sfp_child_accept_consumer(host, SOON, &frames));
    sfp_frame *frame = NULL;
    uint64_t n = 0;
    while (sfp_consumer_acquire(frames, SOON, &frame) == SFP_STATUS_OK) {
        CHECK(sfp_frame_number(frame) == ++n);
        sfp_frame_release(frame);
    }
    CHECK(sfp_last_error_status() == SFP_STATUS_CLOSED && n == 10);
    sfp_consumer_release(frames);
}

static void a_right_to_consume_goes_any_way(void)
{
    sfp_host *host = start("show");
    OK(sfp_host_wait_connected(host, SOON));
    sfp_swapchain_options options = SFP_SWAPCHAIN_OPTIONS_INIT;
    options.width = 8;
    options.height = 8;
    options.mode = SFP_PRESENT_MODE_FIFO;
    sfp_producer *producer = NULL;
    sfp_consumer_right *right = NULL, *taken = NULL;
    OK(sfp_producer_create(&options, &producer));
    OK(sfp_producer_create_consumer_right(producer, &right));

    /* Through a message of this process to itself, then to the child. */
    sfp_channel_end *one = NULL, *other = NULL;
    sfp_channel *near = NULL, *far = NULL;
    OK(sfp_channel_end_create_pair(&one, &other));
    OK(sfp_channel_end_open(one, &near));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_channel_end_open(one, &far));
    sfp_channel_end_release(one);
    OK(sfp_channel_end_open(other, &far));
    sfp_channel_end_release(other);
    sfp_sender peer;
    FAILS(SFP_STATUS_NOT_FOUND, sfp_channel_peer(far, &peer));
    sfp_message *message = sfp_message_create(HELLO);
    OK(sfp_message_attach_consumer_right(message, right));
    CHECK(sfp_message_attachment_count(message) == SFP_CONSUMER_RIGHT_ATTACHMENTS);
    OK(sfp_channel_send(near, message, SOON));
    message = receive(far);
    OK(sfp_channel_peer(far, &peer));
    CHECK(peer.process_id == (uint32_t)getpid());
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_message_take_consumer_right(message, 1, &taken));
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_message_take_channel_end(message, 0, &one));
    OK(sfp_message_take_consumer_right(message, 0, &taken));
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_message_take_consumer_right(message, 0, &taken));
    sfp_message_release(message);
    OK(sfp_host_offer_consumer_right(host, taken));
    sfp_consumer_right_release(taken);
    sfp_consumer_right_release(right);
    sfp_channel_release(near);
    sfp_channel_release(far);

    for (int n = 0; n < 10; n++) {
        sfp_image *image = NULL;
        OK(sfp_producer_acquire(producer, SOON, &image));
        OK(sfp_producer_present(producer, image, NULL));
    }
    sfp_producer_release(producer);
    end_well(host);
}

static void talk(sfp_child *host)
{
    sfp_channel *channel = channel_of_child(host), *other = NULL;
    sfp_message *message = receive(channel);
    sfp_channel_end *end = NULL;
    OK(sfp_message_take_channel_end(message, 0, &end));
    sfp_message_release(message);
    OK(sfp_channel_end_open(end, &other));
    sfp_channel_end_release(end);
    OK(sfp_channel_send(other, text_message(HELLO, "hello"), SOON));
    message = receive(other);
    CHECK(has_text(message, "hello"));
    sfp_message_release(message);
    sfp_channel_release(other);
    sfp_channel_release(channel);
}

static void a_broker_joins_two_children(void)
{
    sfp_host *hosts[2] = { start("talk"), start("talk") };
    sfp_channel_end *ends[2];
    OK(sfp_channel_end_create_pair(&ends[0], &ends[1]));
    for (int n = 0; n < 2; n++) {
        sfp_channel *channel = channel_of_host(hosts[n]);
        sfp_message *message = sfp_message_create(HELLO);
        OK(sfp_message_attach_channel_end(message, ends[n]));
        FAILS(SFP_STATUS_WRONG_STATE, sfp_message_attach_channel_end(message, ends[n]));
        sfp_channel_end_release(ends[n]);
        OK(sfp_channel_send(channel, message, SOON));
        sfp_channel_release(channel);
    }
    end_well(hosts[0]);
    end_well(hosts[1]);
}

static void an_end_that_does_not_fit_is_kept(void)
{
    sfp_channel_end *one = NULL, *other = NULL;
    OK(sfp_channel_end_create_pair(&one, &other));
    sfp_message *full = sfp_message_create(HELLO);
    for (uint32_t n = 1; n < SFP_MESSAGE_MAX_ATTACHMENTS; n++)
        OK(sfp_message_attach_fd(full, STDOUT_FILENO));
    FAILS(SFP_STATUS_TOO_LARGE, sfp_message_attach_channel_end(full, one));
    sfp_message_release(full);
#ifdef __linux__
    int receive_fd = -1, send_fd = -1;
    OK(sfp_channel_end_into_fds(one, &receive_fd, &send_fd));
    FAILS(SFP_STATUS_WRONG_STATE, sfp_channel_end_into_fds(one, &receive_fd, &send_fd));
    sfp_channel_end_release(one);
    FAILS(SFP_STATUS_INVALID_ARGUMENT, sfp_channel_end_from_fds(receive_fd, -1, &one));
    OK(sfp_channel_end_from_fds(receive_fd, send_fd, &one));
    close(receive_fd);
    close(send_fd);
#endif
    sfp_channel *near = NULL, *far = NULL;
    OK(sfp_channel_end_open(one, &near));
    OK(sfp_channel_end_open(other, &far));
    sfp_channel_end_release(one);
    sfp_channel_end_release(other);
    OK(sfp_channel_send(near, text_message(HELLO, "there"), SOON));
    OK(sfp_channel_send(far, text_message(HELLO, "and back"), SOON));
    sfp_message *message = receive(far);
    CHECK(has_text(message, "there"));
    sfp_message_release(message);
    sfp_channel_release(far);
    message = receive(near);
    CHECK(has_text(message, "and back"));
    sfp_message_release(message);
    FAILS(SFP_STATUS_PEER_DEAD, sfp_channel_receive(near, SOON, &message));
    sfp_channel_release(near);
}

static const struct role ROLES[] = {
    { "look around", look_around },     { "answer", answer },
    { "send and wait", send_and_wait }, { "tell environment", tell_environment },
    { "say hello", say_hello },         { "show", show },
    { "talk", talk },
};

int main(int argc, char **argv)
{
    run_role(argc, argv, ROLES, sizeof ROLES / sizeof ROLES[0]);
    descriptors_before = open_descriptors();
    RUN_WITH_CHILDREN(both_sides_know_each_other);
    RUN_WITH_CHILDREN(messages_bring_things_both_ways);
    RUN_WITH_CHILDREN(a_killed_child_is_noticed);
    RUN_WITH_CHILDREN(what_cannot_be_started_is_said);
    RUN_WITH_CHILDREN(a_child_that_says_nothing_is_given_up);
    RUN_WITH_CHILDREN(a_child_gets_its_environment_and_folder);
    RUN_WITH_CHILDREN(a_wrapper_can_be_allowed);
    RUN_WITH_CHILDREN(an_invitation_is_for_ones_own_means);
    RUN_WITH_CHILDREN(a_right_to_consume_goes_any_way);
    RUN_WITH_CHILDREN(a_broker_joins_two_children);
    RUN(an_end_that_does_not_fit_is_kept);
    RUN(nothing_is_left);
    return finish();
}
