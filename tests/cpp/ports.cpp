/* Ports, port sets, messages and names, as a program in C++ uses them. */
#include <thread>

#include "check.hpp"

/* A port with one send right. */
struct port {
    sfp::receive_right receive = sfp::receive_right::create();
    sfp::send_right send = receive.make_send();
};

static void a_message_is_given_up_when_it_is_sent()
{
    port made;
    auto &receive = made.receive;
    auto &send = made.send;
    sfp::message message(7, "text");
    message.append(" and ");
    const std::byte bytes[] = { std::byte{ 'b' } };
    message.append(sfp::span<const std::byte>(bytes, 1));
    message.append("c", 1);
    CHECK(message.id() == 7 && message.text() == "text and bc" && !message.is_empty());
    CHECK(message.payload().size() == 11 && message.payload()[0] == std::byte{ 't' });
    send.send(std::move(message), SOON);
    CHECK(message.is_empty() && !message);
    THROWS(SFP_STATUS_INVALID_ARGUMENT, send.send(std::move(message), SOON));
    auto received = receive.receive(SOON);
    CHECK(received && received->id() == 7 && received->text() == "text and bc");
    CHECK(received->sender().process_id == static_cast<std::uint32_t>(getpid()));
    THROWS(SFP_STATUS_NOT_FOUND, sfp::message(1).sender());
}

static void a_message_that_is_not_sent_is_kept()
{
    port made;
    auto &receive = made.receive;
    auto &send = made.send;
    CHECK(!send.is_dead());
    receive.reset();
    CHECK(send.is_dead());
    sfp::message message(1, "whole");
    THROWS(SFP_STATUS_PEER_DEAD, send.send(std::move(message), SOON));
    CHECK(message.text() == "whole");
    THROWS(SFP_STATUS_PEER_DEAD, send.request(std::move(message), SOON));
    CHECK(message.text() == "whole");
    THROWS(SFP_STATUS_INVALID_ARGUMENT, sfp::send_right().send(std::move(message), SOON));
    CHECK(message.text() == "whole");
}

static void waiting_says_why_nothing_came()
{
    port made;
    auto &receive = made.receive;
    auto &send = made.send;
    auto nothing = receive.receive(1ms);
    CHECK(!nothing && nothing.timed_out() && nothing.status() == SFP_STATUS_TIMED_OUT);
    CHECK(receive.receive(sfp::poll).timed_out() && receive.receive(-1s).timed_out());
    CHECK(receive.receive(std::chrono::steady_clock::now()).timed_out());
    bool thrown = false;
    try {
        (void)nothing.value();
    } catch (const std::bad_optional_access &) {
        thrown = true;
    }
    CHECK(thrown);
    send.reset();
    CHECK(receive.receive(sfp::forever).status() == SFP_STATUS_NO_SENDERS);
    auto once = receive.make_send_once();
    CHECK(!once.is_dead());
    once.reset();
    THROWS(SFP_STATUS_PEER_DEAD, receive.receive(SOON));
}

static void copies_are_the_same_right()
{
    port made;
    auto &receive = made.receive;
    auto &send = made.send;
    sfp::send_right copy = send, assigned;
    CHECK(copy.get() == send.get());
    assigned = copy;
    assigned = *&assigned;
    send.reset();
    copy = sfp::send_right();
    CHECK(receive.receive(1ms).timed_out()); /* `assigned` is there */
    sfp::send_right moved = std::move(assigned);
    moved.send(sfp::message(1), SOON);
    moved.reset();
    CHECK(receive.receive(SOON).has_value());
    CHECK(receive.receive(SOON).status() == SFP_STATUS_NO_SENDERS);
    static_assert(!std::is_copy_constructible_v<sfp::receive_right> && !std::is_copy_constructible_v<sfp::message>);
    static_assert(!std::is_copy_constructible_v<sfp::host> && !std::is_copy_constructible_v<sfp::image>);
    static_assert(std::is_copy_constructible_v<sfp::frame> && std::is_copy_assignable_v<sfp::surface>);
    static_assert(std::is_nothrow_move_constructible_v<sfp::host> && std::is_nothrow_move_assignable_v<sfp::frame>);
}

static void requests_are_answered()
{
    port made;
    auto &receive = made.receive;
    auto &send = made.send;
    std::thread answering([receive = receive.share()] {
        auto first = *receive.receive(SOON);
        CHECK(first.has_reply_right());
        first.reply(sfp::message(1, "by reply"), SOON);
        auto second = *receive.receive(SOON);
        second.take_reply_right().send(sfp::message(2, "by right"), SOON);
        auto third = *receive.receive(SOON);
        sfp::message carrier(3);
        carrier.set_reply_right(third.take_reply_right());
        CHECK(carrier.has_reply_right() && !third.has_reply_right());
        carrier.reply(sfp::message(3, "by another"), SOON);
        receive.receive(SOON).value().reset(); /* unanswered */
    });
    CHECK(send.request(sfp::message(0), SOON).text() == "by reply");
    CHECK(send.request(sfp::message(0), SOON).text() == "by right");
    CHECK(send.request(sfp::message(0), SOON).text() == "by another");
    sfp::message lost(0);
    THROWS(SFP_STATUS_PEER_DEAD, send.request(std::move(lost), SOON));
    CHECK(lost.is_empty()); /* it had arrived */
    answering.join();
}

static void everything_travels()
{
    port made;
    auto &receive = made.receive;
    auto &send = made.send;
    port made_moving;
    auto &moving = made_moving.receive;
    auto &to_moving = made_moving.send;
    auto [one, other] = sfp::channel_end::create_pair();
    to_moving.send(sfp::message(9, "queued before"), SOON);
    const auto surface = sfp::surface::create(16, 16);
    const auto memory = sfp::memory::create(64);
    sfp::message message(1);
    message.attach(to_moving);
    message.attach(std::move(moving));
    CHECK(!moving);
    message.attach(memory);
    message.attach(surface);
    message.attach_fd(STDOUT_FILENO);
    message.attach(std::move(one));
    CHECK(!one && message.attachment_count() == 5 + SFP_CHANNEL_END_ATTACHMENTS);
    send.send(std::move(message), SOON);

    auto received = *receive.receive(SOON);
    CHECK(received.attachment_kind(0) == SFP_ATTACHMENT_SEND_RIGHT && received.attachment_kind(4) == SFP_ATTACHMENT_FD);
    THROWS(SFP_STATUS_INVALID_ARGUMENT, received.take_surface(0));
    const auto right = received.take_send_right(0);
    const auto moved = received.take_receive_right(1);
    CHECK(moved.receive(SOON)->text() == "queued before");
    right.send(sfp::message(10), SOON);
    CHECK(moved.receive(SOON)->id() == 10);
    CHECK(received.take_memory(2).size() == 64);
    CHECK(received.take_surface(3).id() == surface.id());
    CHECK(received.take_fd(4).get() >= 0 && received.attachment_kind(4) == SFP_ATTACHMENT_NONE);
    const auto near = std::move(other).open();
    const auto far = received.take_channel_end(5).open();
    near.send(sfp::message(1, "there"), SOON);
    CHECK(far.receive(SOON)->text() == "there");
}

static void a_set_tells_who_is_ready()
{
    port made_first;
    auto &first = made_first.receive;
    auto &to_first = made_first.send;
    port made_second;
    auto &second = made_second.receive;
    auto &to_second = made_second.send;
    const auto set = sfp::port_set::create();
    set.add(first, 1);
    set.add(second, 2);
    THROWS(SFP_STATUS_ALREADY_EXISTS, set.add(first, 1));
    CHECK(set.wait(sfp::poll).timed_out() && set.fd() >= 0 && first.fd() >= 0);
    to_second.send(sfp::message(1), SOON);
    auto event = set.wait(SOON);
    CHECK(event && event->key == 2 && event->kind == SFP_READY_RECEIVE);
    set.remove(2);
    THROWS(SFP_STATUS_NOT_FOUND, set.remove(2));
    set.watch(to_second, 3);
    set.watch(to_first, 4);
    set.unwatch(4);
    second.reset();
    event = set.wait(SOON);
    CHECK(event && event->key == 3 && event->kind == SFP_READY_DEAD);
}

static void names_are_found()
{
    const std::string name = "org.surfaceport.cpp.test-" + std::to_string(getpid());
    THROWS(SFP_STATUS_NOT_FOUND, sfp::bootstrap_look_up(name, sfp::poll));
    THROWS(SFP_STATUS_INVALID_ARGUMENT, sfp::bootstrap_check_in("no spaces"));
    const auto receive = sfp::bootstrap_check_in(name);
    sfp::bootstrap_look_up(name, SOON).send(sfp::message(5), SOON);
    CHECK(receive.receive(SOON)->id() == 5);
}

static void timeouts_are_what_they_say()
{
    CHECK(sfp::timeout(5s).count() == SFP_SECONDS(5) && sfp::timeout(1.5ms).count() == 1500000);
    CHECK(sfp::timeout(std::chrono::duration<double, std::nano>(0.1)).count() == 1);
    CHECK(sfp::timeout(0s).count() == SFP_POLL && sfp::timeout(-5s).count() == SFP_POLL);
    CHECK(sfp::timeout(std::chrono::hours::max()).count() == SFP_FOREVER && sfp::forever.count() == SFP_FOREVER);
    CHECK(sfp::timeout(std::chrono::steady_clock::now() + 1h).count() > SFP_SECONDS(3500));
    const auto before = sfp::clock::now();
    CHECK(before <= sfp::clock::now());
}

static void versions_agree()
{
    CHECK(sfp::version() == SFP_VERSION_NUMBER && std::string(sfp::version_string()) == SFP_VERSION);
    CHECK(std::string(sfp::status_name(SFP_STATUS_CLOSED)) == "SFP_STATUS_CLOSED");
}

#ifdef __linux__
static void rights_have_a_raw_form()
{
    port made;
    auto &receive = made.receive;
    auto &send = made.send;
    const auto receive_fd = std::move(receive).into_fd();
    CHECK(!receive && receive_fd);
    const auto back = sfp::receive_right::from_fd(receive_fd.get());
    const auto send_fd = std::move(send).into_fd();
    CHECK(!send);
    sfp::send_right::from_fd(send_fd.get()).send(sfp::message(3), SOON);
    CHECK(back.receive(SOON)->id() == 3);
    THROWS(SFP_STATUS_INVALID_ARGUMENT, sfp::send_right::from_fd(-1));

    auto [one, other] = sfp::channel_end::create_pair();
    auto fds = std::move(one).into_fds();
    const auto near = sfp::channel_end::from_fds(fds.first.get(), fds.second.get()).open();
    fds = {};
    const auto far = std::move(other).open();
    near.send(sfp::message(4), SOON);
    CHECK(far.receive(SOON)->id() == 4);
}
#endif

int main()
{
    descriptors_before = open_descriptors();
    RUN(a_message_is_given_up_when_it_is_sent);
    RUN(a_message_that_is_not_sent_is_kept);
    RUN(waiting_says_why_nothing_came);
    RUN(copies_are_the_same_right);
    RUN(requests_are_answered);
    RUN(everything_travels);
    RUN(a_set_tells_who_is_ready);
    RUN(names_are_found);
    RUN(timeouts_are_what_they_say);
    RUN(versions_agree);
#ifdef __linux__
    RUN(rights_have_a_raw_form);
#endif
    RUN(nothing_is_left);
    return finish();
}
