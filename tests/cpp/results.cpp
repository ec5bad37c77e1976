/* The header without exceptions: a call returns the value or the error. */
#define SFP_NO_EXCEPTIONS
#include "check.hpp"

bool exceptions_work_here();

static_assert(std::is_same_v<decltype(sfp::surface::create(1, 1)), sfp::result<sfp::surface>>);

static void a_result_is_a_value_or_an_error()
{
    auto surface = sfp::surface::create(4, 4);
    CHECK(surface && surface.has_value() && surface->width() == 4 && surface.status() == SFP_STATUS_OK);
    CHECK((*surface).height() == 4 && surface.value().id() != 0);
    const sfp::surface taken = *std::move(surface);
    CHECK(taken.width() == 4);
    const auto none = sfp::surface::create(0, 0);
    CHECK(!none && none.status() == SFP_STATUS_INVALID_ARGUMENT && !none.timed_out());
    CHECK(none.error().status() == none.status() && *none.error().detail() != '\0');
}

static void success_without_a_value_is_a_result_too()
{
    auto receive = sfp::receive_right::create();
    auto send = receive->make_send();
    CHECK(send->send(sfp::message(1, "text"), SOON).has_value());
    CHECK(receive->receive(SOON)->text() == "text");
    const auto nothing = receive->receive(1ms);
    CHECK(!nothing && nothing.timed_out());
    receive->reset();
    sfp::message message(1, "whole");
    const auto sent = send->send(std::move(message), SOON);
    CHECK(!sent && sent.status() == SFP_STATUS_PEER_DEAD && message.text() == "whole");
    CHECK(sfp::child::connect(SOON).status() == SFP_STATUS_NOT_FOUND);
}

static void frames_come_until_the_end()
{
    auto producer = *sfp::producer::create(sfp::swapchain_options(8, 8, SFP_PRESENT_MODE_FIFO));
    auto consumer = *producer.create_consumer_right()->attach();
    auto image = *producer.acquire(SOON);
    image.lock()->row<std::uint32_t>(7)[7] = 5;
    CHECK(producer.present(std::move(image)).has_value());
    auto frame = consumer.acquire(SOON);
    CHECK(frame && frame->surface().lock(SFP_LOCK_READ)->row<const std::uint32_t>(7)[7] == 5);
    producer.reset();
    frame = consumer.acquire(SOON);
    CHECK(!frame && frame.status() == SFP_STATUS_CLOSED);
}

static void exceptions_are_elsewhere()
{
    CHECK(exceptions_work_here());
}

int main()
{
    descriptors_before = open_descriptors();
    RUN(a_result_is_a_value_or_an_error);
    RUN(success_without_a_value_is_a_result_too);
    RUN(frames_come_until_the_end);
    RUN(exceptions_are_elsewhere);
    RUN(nothing_is_left);
    return finish();
}
