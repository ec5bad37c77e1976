/* Memory and surfaces, as a program in C++ uses them. */
#include <array>

#include "check.hpp"

static void memory_is_shared_and_checked()
{
    const auto memory = sfp::memory::create(100);
    memory.prefault();
    CHECK(memory.size() == 100 && memory.is_writable() && memory.bytes().size() == 100);
    const std::array<std::byte, 3> from{ std::byte{ 1 }, std::byte{ 2 }, std::byte{ 3 } };
    memory.write(97, from);
    std::vector<std::byte> into(2);
    memory.read(98, into);
    CHECK(into[1] == std::byte{ 3 } && memory.bytes()[97] == std::byte{ 1 });
    THROWS(SFP_STATUS_INVALID_ARGUMENT, memory.write(98, from));
    THROWS(SFP_STATUS_INVALID_ARGUMENT, sfp::memory::create(0));
    const auto copy = memory;
    CHECK(copy.bytes().data() == memory.bytes().data());
    CHECK(sfp::memory().bytes().empty());
}

static void pixels_are_rows()
{
    const auto surface = sfp::surface::create(17, 5);
    CHECK(surface.width() == 17 && surface.height() == 5 && surface.id() != 0 && surface.allocation_size() >= 17 * 5 * 4);
    CHECK(surface.pixel_format() == SFP_PIXEL_FORMAT_BGRA8 && surface.backing() == SFP_BACKING_NATIVE);
    surface.prefault();
    const auto seed = surface.seed();
    {
        auto pixels = surface.lock();
        CHECK(pixels.width() == 17 && pixels.height() == 5 && pixels.plane_count() == 1);
        CHECK(pixels.format() == SFP_PIXEL_FORMAT_BGRA8 && pixels.bytes_per_row() >= 17 * 4);
        const auto row = pixels.row<std::uint32_t>(4);
        CHECK(row.size() == 17 && static_cast<void *>(row.data()) == static_cast<char *>(pixels.base()) + 4 * pixels.bytes_per_row());
        for (auto &pixel : row)
            pixel = 0x01020304;
    }
    CHECK(surface.seed() != seed);
    const auto pixels = surface.lock(SFP_LOCK_READ);
    CHECK(pixels.row<const std::uint32_t>(4)[16] == 0x01020304 && pixels.row<const std::uint32_t>(3)[16] == 0);
}

static void a_lock_ends_once()
{
    const auto surface = sfp::surface::create(4, 4);
    auto first = surface.lock();
    auto moved = std::move(first);
    moved.unlock();
    THROWS(SFP_STATUS_INVALID_ARGUMENT, moved.unlock());
    CHECK(sfp_surface_unlock(surface.get(), SFP_LOCK_WRITE) == SFP_STATUS_WRONG_STATE);
    {
        auto one = surface.lock(), other = surface.lock(SFP_LOCK_READ);
        one = std::move(other);
        CHECK(sfp_surface_unlock(surface.get(), SFP_LOCK_WRITE) == SFP_STATUS_WRONG_STATE);
    }
    CHECK(sfp_surface_unlock(surface.get(), SFP_LOCK_READ) == SFP_STATUS_WRONG_STATE);
}

static void planes_are_where_they_are()
{
    const auto surface = sfp::surface::create(64, 32, SFP_PIXEL_FORMAT_NV12);
    CHECK(surface.plane_count() == 2);
    const auto colours = surface.plane_at(1);
    CHECK(colours.width == 32 && colours.height == 16 && colours.bytes_per_element == 2);
    const auto pixels = surface.lock();
    CHECK(colours.row<std::uint8_t>(15).size() == 64 && colours.row<std::uint16_t>(0).size() == 32);
    colours.row<std::uint8_t>(15)[63] = 9;
    THROWS(SFP_STATUS_INVALID_ARGUMENT, surface.plane_at(2));
    THROWS(SFP_STATUS_INVALID_ARGUMENT, sfp::surface::create(0, 1));
}

static void values_are_whole()
{
    const auto surface = sfp::surface::create(4, 4);
    const std::string large(5000, 'x');
    surface.set_value("large", large);
    surface.set_value("none", std::string_view());
    const std::array<std::byte, 2> bytes{ std::byte{ 0 }, std::byte{ 7 } };
    surface.set_value("bytes", bytes);
    CHECK(surface.value("large") == large && surface.value("none").empty());
    CHECK(surface.value("bytes") == std::string("\0\7", 2));
    for (int n = 0; n < 40; n++)
        surface.set_value("a name of some length, number " + std::to_string(n), "value");
    auto names = surface.value_names();
    std::sort(names.begin(), names.end());
    CHECK(names.size() == 43 && names[0] == "a name of some length, number 0" && names[42] == "none");
    surface.remove_value("large");
    THROWS(SFP_STATUS_NOT_FOUND, surface.value("large"));
    THROWS(SFP_STATUS_TOO_LARGE, surface.set_value("large", std::string(30000, 'x')));
    CHECK(surface.color_space() == SFP_COLOR_SPACE_UNKNOWN);
    surface.set_color_space(SFP_COLOR_SPACE_BT709);
    CHECK(surface.color_space() == SFP_COLOR_SPACE_BT709);
}

static void uses_and_states_are_counted()
{
    const auto surface = sfp::surface::create(4, 4);
    CHECK(!surface.is_in_use() && surface.use_count() == 0);
    surface.increment_use_count();
    CHECK(surface.is_in_use() && surface.use_count() == 1);
    surface.decrement_use_count();
    THROWS(SFP_STATUS_WRONG_STATE, surface.decrement_use_count());
    CHECK(surface.set_purgeable(SFP_PURGEABLE_VOLATILE) == SFP_PURGEABLE_NON_VOLATILE);
    CHECK(surface.purgeable() == SFP_PURGEABLE_VOLATILE);
}

static void all_surfaces_are_known()
{
    CHECK(sfp::live_surfaces().ids.empty());
    const auto one = sfp::surface::create(4, 4), other = sfp::surface::create(4, 4), same = one;
    const auto found = sfp::live_surfaces();
    CHECK(found.totals.count == 2 && found.ids.size() == 2 && found.totals.bytes > 0);
    CHECK(std::count(found.ids.begin(), found.ids.end(), other.id()) == 1);
}

static void handles_go_to_c_and_back()
{
    auto surface = sfp::surface::create(4, 4);
    const auto id = surface.id();
    const auto again = sfp::surface::retain(surface.get());
    sfp_surface *handle = surface.release();
    CHECK(!surface && surface.get() == nullptr && surface.width() == 0);
    surface = sfp::surface::adopt(handle);
    CHECK(surface.id() == id && again.id() == id);
}

#ifdef __linux__
static void pixels_have_a_descriptor()
{
    const auto surface = sfp::surface::create(4, 4);
    auto fd = surface.export_fd();
    CHECK(fd.get() >= 0);
    sfp::file_descriptor moved = std::move(fd);
    CHECK(!fd && moved);
    fd = std::move(moved);
    const int number = fd.release();
    CHECK(!fd && close(number) == 0);
    try {
        CHECK(surface.export_dma_buf().get() >= 0);
    } catch (const sfp::error &error) {
        CHECK(error.status() == SFP_STATUS_UNSUPPORTED); /* no /dev/udmabuf here */
    }
}
#endif

int main()
{
    descriptors_before = open_descriptors();
    RUN(memory_is_shared_and_checked);
    RUN(pixels_are_rows);
    RUN(a_lock_ends_once);
    RUN(planes_are_where_they_are);
    RUN(values_are_whole);
    RUN(uses_and_states_are_counted);
    RUN(all_surfaces_are_known);
    RUN(handles_go_to_c_and_back);
#ifdef __linux__
    RUN(pixels_have_a_descriptor);
#endif
    RUN(nothing_is_left);
    return finish();
}
