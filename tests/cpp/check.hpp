/*
 * A small test runner: each test is a function, CHECK() says what must be true in it, and the program's last line says
 * how many tests passed. A test with another process starts this program once more in a role.
 */
#ifndef CHECK_HPP
#define CHECK_HPP

#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <string>
#include <string_view>

#include <surfaceport.hpp>

using namespace std::chrono_literals;

/* Far beyond what anything here takes; it only keeps a failing test from hanging. */
constexpr auto SOON = 60s;

inline int passed, failed;
inline bool this_failed;
inline std::string program;

/* What must be true. The test goes on if it is not. */
#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)

inline void check(bool holds, const char *text, const char *file, int line)
{
    if (!holds) {
        this_failed = true;
        std::printf("%s:%d: not true: %s (last error: %s)\n", file, line, text, sfp_last_error_message());
    }
}

#ifndef SFP_NO_EXCEPTIONS
/* What must throw this status, with words. */
#define THROWS(expected, ...) check(throws(expected, [&] { (void)(__VA_ARGS__); }), #__VA_ARGS__, __FILE__, __LINE__)

template <class Call>
bool throws(sfp::status expected, Call &&call)
{
    try {
        call();
    } catch (const sfp::error &error) {
        const std::string what = error.what();
        return error.status() == expected && *error.detail() != '\0'
            && what == std::string(sfp::status_name(expected)) + ": " + error.detail();
    }
    return false;
}
#endif

#define RUN(test) run(test, #test)

inline void run(void (*test)(), const char *name)
{
    this_failed = false;
#ifdef SFP_NO_EXCEPTIONS
    test();
#else
    try {
        test();
    } catch (const std::exception &error) {
        std::printf("%s: thrown: %s\n", name, error.what());
        this_failed = true;
    }
#endif
    std::printf("%s: %s\n", name, this_failed ? "FAILED" : "passed");
    (this_failed ? failed : passed)++;
}

inline int finish()
{
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}

inline std::vector<std::string> in_role(const char *role)
{
    std::fflush(stdout);
    return { program, role };
}

inline int open_descriptors()
{
    DIR *folder = opendir("/dev/fd");
    int count = 0;
    while (folder != nullptr && readdir(folder) != nullptr)
        count++;
    closedir(folder);
    return count;
}

/* The last test of all. */
inline int descriptors_before;

inline void nothing_is_left()
{
    sfp_surface_totals totals{};
    CHECK(sfp_live_surfaces(nullptr, 0, &totals) == SFP_STATUS_OK && totals.count == 0);
    CHECK(open_descriptors() == descriptors_before);
}

#endif
