/* What engine.cpp sends to renderer.cpp over the channel: the input that belongs to its part of the window. */
#ifndef INPUT_HPP
#define INPUT_HPP

#include <cstdint>

enum input_kind : std::uint32_t { INPUT_MOUSE = 1, INPUT_KEY = 2, INPUT_RESIZE = 3, INPUT_QUIT = 4 };

/* The number of the message is the kind, its payload this. */
struct input {
    std::int32_t x, y;  /* of the mouse; or the new width and height */
    std::uint32_t key;  /* SDL's code of a key that went down */
};

/* The cross that the renderer draws where the mouse is; no other pixel has this colour. */
constexpr std::uint32_t CROSS = 0xffff00ff;

#endif
