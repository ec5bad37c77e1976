/* Sessions, channels and invitations, as a program in C++ uses them: with children that it starts, and that die. */
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include "check.hpp"

static sfp::host start(const char *role)
{
    sfp::spawn_options options;
    options.argv = in_role(role);
    options.hello_timeout = SOON;
    options.grace = SOON;
    return sfp::host::spawn(options);
}

static void end_well(const sfp::host &host)
{
    const auto end = host.wait_exit(SOON);
    CHECK(end && end->kind == SFP_EXIT_KIND_EXITED && end->code == 0);
}

static bool is_readable(int fd)
{
    pollfd waiting{ fd, POLLIN, 0 };
    return poll(&waiting, 1, 60000) == 1;
}

static void answer(const sfp::child &host)
{
    const auto channel = host.channel();
    CHECK(channel.peer().process_id == static_cast<std::uint32_t>(getppid()));
    CHECK(host.host().process_id == static_cast<std::uint32_t>(getppid()));
    CHECK(host.features() == 0 && host.refused() == 0 && host.fd() >= 0);
    THROWS(SFP_STATUS_WRONG_STATE, sfp::child::connect(SOON));
    CHECK(host.wait_closed(sfp::poll).timed_out());
    THROWS(SFP_STATUS_TIMED_OUT, host.accept_consumer(1ms));
    auto request = *channel.receive(SOON);
    CHECK(request.text() == "a surface");
    const auto surface = request.take_surface(0);
    surface.lock().row<std::uint32_t>(0)[0] += 1;
    sfp::message reply(2, "back");
    reply.attach(surface);
    request.reply(std::move(reply), SOON);
    CHECK(static_cast<bool>(host.wait_closed(SOON)));
}

static void messages_bring_things_both_ways()
{
    const auto surface = sfp::surface::create(16, 16);
    surface.lock().row<std::uint32_t>(0)[0] = 41;
    auto host = start("answer");
    host.wait_connected(SOON);
    CHECK(host.is_connected() && host.process_id() > 0 && host.features() == 0 && host.refused() == 0);
    CHECK(host.wait_exit(sfp::poll).timed_out());
    const auto channel = host.channel(SOON);
    CHECK(channel.peer().process_id == host.process_id() && channel.refused() == 0 && !channel.is_peer_dead());
    sfp::message request(1, "a surface");
    request.attach(surface);
    auto reply = channel.request(std::move(request), SOON);
    CHECK(reply.text() == "back" && reply.sender().process_id == host.process_id());
    CHECK(reply.take_surface(0).id() == surface.id());
    CHECK(surface.lock(SFP_LOCK_READ).row<const std::uint32_t>(0)[0] == 42);
    host.reset(); /* which the child waits for */
    CHECK(channel.receive(SOON).status() == SFP_STATUS_PEER_DEAD);
    CHECK(is_readable(channel.fd()));
}

static void send_and_wait(const sfp::child &host)
{
    host.channel().send(sfp::message(1, "before the end"), SOON);
    (void)host.wait_closed(SOON);
}

static void a_killed_child_is_noticed()
{
    const auto host = start("send and wait");
    const auto channel = host.channel(SOON);
    CHECK(is_readable(channel.fd()));
    host.kill();
    const auto end = host.wait_exit(SOON);
    CHECK(end && end->kind == SFP_EXIT_KIND_SIGNALLED && end->code == SIGKILL);
    CHECK(is_readable(host.fd()));
    auto message = *channel.receive(SOON);
    CHECK(message.text() == "before the end");
    THROWS(SFP_STATUS_PEER_DEAD, channel.send(std::move(message), SOON));
    CHECK(message.text() == "before the end");
    CHECK(channel.receive(SOON).status() == SFP_STATUS_PEER_DEAD && channel.is_peer_dead());
    THROWS(SFP_STATUS_PEER_DEAD, host.accept_consumer(SOON));
}

static void what_cannot_be_started_is_said()
{
    THROWS(SFP_STATUS_NOT_FOUND, sfp::host::spawn({ "/no/such/program" }));
    THROWS(SFP_STATUS_INVALID_ARGUMENT, sfp::host::spawn(std::vector<std::string>()));
    sfp::spawn_options options;
    options.argv = { "/bin/sh", "-c", "exec sleep 60" };
    options.hello_timeout = 1ms;
    options.grace = 0s;
    const auto silent = sfp::host::spawn(options);
    THROWS(SFP_STATUS_NO_HELLO, silent.wait_connected(SOON));
    THROWS(SFP_STATUS_NOT_FOUND, sfp::child::connect(SOON));
}

static void tell_environment(const sfp::child &host)
{
    const char *value = std::getenv("SFP_CPP_TEST"), *home = std::getenv("HOME");
    char folder[4096] = "";
    CHECK(getcwd(folder, sizeof folder) != nullptr);
    host.channel().send(sfp::message(home == nullptr, std::string(value) + " in " + folder), SOON);
}

static void a_child_gets_its_environment_and_folder()
{
    sfp::spawn_options options;
    options.argv = in_role("tell environment");
    char absolute[4096];
    CHECK(realpath(options.argv[0].c_str(), absolute) != nullptr);
    options.argv[0] = absolute;
    options.environment = { "SFP_CPP_TEST=value" };
    options.clear_environment = true;
    options.directory = "/";
    options.grace = SOON;
    const auto host = sfp::host::spawn(options);
    const auto message = *host.channel(SOON).receive(SOON);
    CHECK(message.text() == "value in /" && message.id() == 1);
    end_well(host);
}

static void a_wrapper_can_be_allowed()
{
    sfp::spawn_options options;
    options.argv = { "/bin/sh", "-c", "\"$0\" 'send and wait'; exit 0", program };
    options.allow_descendants = true;
    options.grace = SOON;
    const auto host = sfp::host::spawn(options);
    CHECK(host.channel(SOON).receive(SOON)->text() == "before the end");
}

static void an_invitation_is_for_ones_own_means()
{
    auto invitation = sfp::invitation::create();
    invitation.set_hello_timeout(SOON);
    invitation.set_allow_descendants(false);
    std::vector<std::string> texts = invitation.environment(), words = in_role("send and wait");
    CHECK(!texts.empty() && !invitation.fds().empty());
    std::vector<char *> environment, argv;
    for (auto &text : texts)
        environment.push_back(text.data());
    for (auto &word : words)
        argv.push_back(word.data());
    environment.push_back(nullptr);
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    for (const int fd : invitation.fds())
#ifdef __APPLE__
        posix_spawn_file_actions_addinherit_np(&actions, fd);
#else
        posix_spawn_file_actions_adddup2(&actions, fd, fd);
#endif
    pid_t child = 0;
    CHECK(posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environment.data()) == 0);
    posix_spawn_file_actions_destroy(&actions);
    auto host = std::move(invitation).into_host(static_cast<std::uint32_t>(child));
    CHECK(!invitation);
    THROWS(SFP_STATUS_INVALID_ARGUMENT, sfp::invitation().set_allow_descendants(true));
    CHECK(host.channel(SOON).receive(SOON)->text() == "before the end");
    host.reset();
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void show(const sfp::child &host)
{
    const auto offered = host.accept_consumer(SOON);
    const auto right = host.accept_consumer_right(SOON);
    const auto frame = *offered.acquire(SOON);
    const auto same = *right.attach().acquire(SOON);
    CHECK(frame.number() == 1 && same.surface().id() == frame.surface().id());
    const auto own = sfp::producer::create(sfp::swapchain_options(4, 4));
    host.offer_consumer_right(own.create_consumer_right());
    CHECK(static_cast<bool>(host.wait_closed(SOON)));
}

static void a_right_to_consume_goes_both_ways()
{
    const auto producer = sfp::producer::create(sfp::swapchain_options(8, 8));
    const auto right = producer.create_consumer_right();
    const auto host = start("show");
    host.wait_connected(SOON);
    host.offer_consumer_right(right);
    host.offer_consumer_right(right);
    producer.present(*producer.acquire(SOON));
    /* Consumers attach while the producer looks after them. */
    sfp::consumer_right offered;
    while (!offered) {
        producer.service();
        try {
            offered = host.accept_consumer_right(10ms);
        } catch (const sfp::error &error) {
            if (error.status() != SFP_STATUS_TIMED_OUT)
                throw;
        }
    }
    CHECK(static_cast<bool>(offered.attach()));
}

struct role {
    const char *name;
    void (*body)(const sfp::child &);
};

static const role ROLES[] = {
    { "answer", answer }, { "send and wait", send_and_wait }, { "tell environment", tell_environment }, { "show", show },
};

int main(int argc, char **argv)
{
    program = argv[0];
    for (const role &role : ROLES) {
        if (argc < 2 || std::string_view(argv[1]) != role.name)
            continue;
        try {
            role.body(sfp::child::connect(SOON));
        } catch (const std::exception &error) {
            std::printf("%s: thrown: %s\n", role.name, error.what());
            return 1;
        }
        return this_failed ? 1 : 0;
    }
    descriptors_before = open_descriptors();
    RUN(messages_bring_things_both_ways);
    RUN(a_killed_child_is_noticed);
    RUN(what_cannot_be_started_is_said);
    RUN(a_child_gets_its_environment_and_folder);
    RUN(a_wrapper_can_be_allowed);
    RUN(an_invitation_is_for_ones_own_means);
    RUN(a_right_to_consume_goes_both_ways);
    RUN(nothing_is_left);
    return finish();
}
