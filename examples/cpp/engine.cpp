/*
 * A program with a main loop of its own, as an engine has it, that shows another process inside of its scene: it takes
 * the newest frame at each turn, never waits for one, and hands the input that belongs there to the child. When the
 * child dies, its last picture stays, in red, and the loop goes on.
 *
 *     ./engine      needs the program of renderer.cpp, "./renderer"
 */
#include <surfaceport.hpp>
#include <SDL.h>
#include <cstdio>
#include <deque>
#include <memory>

#include "input.hpp"

using namespace std::chrono_literals;

constexpr int BORDER = 40; /* around the child's part of the window */

/* What of SDL must be given back. */
struct give_back {
    void operator()(SDL_Window *window) const { SDL_DestroyWindow(window); }
    void operator()(SDL_Renderer *renderer) const { SDL_DestroyRenderer(renderer); }
    void operator()(SDL_Texture *texture) const { SDL_DestroyTexture(texture); }
};
template <class T>
using sdl = std::unique_ptr<T, give_back>;

template <class T>
static T *made(T *object)
{
    if (object == nullptr)
        throw std::runtime_error(SDL_GetError());
    return object;
}

/* The child's part of the scene. */
class panel {
public:
    explicit panel(SDL_Renderer *renderer)
        : host_(sfp::host::spawn({ "./renderer" })), frames_(host_.accept_consumer(5s)), events_(host_.channel(5s)),
          renderer_(renderer)
    {
    }

    /* Never waits: what a slow child has no room for goes later. */
    void send(input_kind kind, input what)
    {
        if (is_gone_)
            return;
        sfp::message message(kind);
        message.append(&what, sizeof what);
        waiting_.push_back(std::move(message));
        send_waiting(sfp::poll);
    }

    /* Takes the newest frame, if there is a new one. */
    void update()
    {
        send_waiting(sfp::poll);
        if (is_gone_)
            return;
        try {
            if (auto frame = frames_.acquire(sfp::poll))
                upload(frame->surface());
            else if (!frame.timed_out())
                end("it closed its swapchain");
        } catch (const sfp::error &error) {
            end(error.what());
        }
    }

    void draw() const
    {
        const SDL_Rect place{ BORDER, BORDER, width_, height_ };
        if (texture_)
            SDL_RenderCopy(renderer_, texture_.get(), nullptr, &place);
    }

    bool has(int x, int y) const { return x >= 0 && y >= 0 && x < width_ && y < height_; }

    /* Lets the child end by itself. */
    void quit()
    {
        if (is_gone_)
            return;
        waiting_.emplace_back(INPUT_QUIT);
        send_waiting(5s);
        const auto end = host_.wait_exit(5s);
        if (!end || end->kind != SFP_EXIT_KIND_EXITED || end->code != 0)
            throw std::runtime_error("the renderer did not end well");
    }

private:
    void send_waiting(sfp::timeout limit)
    {
        try {
            for (; !is_gone_ && !waiting_.empty(); waiting_.pop_front())
                events_.send(std::move(waiting_.front()), limit); /* a message that cannot be sent stays ours */
        } catch (const sfp::error &error) {
            if (error.status() != SFP_STATUS_TIMED_OUT)
                end(error.what());
            else if (waiting_.size() > 1000)
                end("it takes no input");
        }
    }

    void upload(const sfp::surface &surface)
    {
        const auto pixels = surface.lock(SFP_LOCK_READ);
        const int width = static_cast<int>(pixels.width()), height = static_cast<int>(pixels.height());
        if (!texture_ || width != width_ || height != height_) {
            /* BGRA in memory is ARGB in a little-endian word. */
            texture_.reset(made(SDL_CreateTexture(renderer_, SDL_PIXELFORMAT_ARGB8888, SDL_TEXTUREACCESS_STREAMING,
                                                  width, height)));
            width_ = width;
            height_ = height;
        }
        SDL_UpdateTexture(texture_.get(), nullptr, pixels.base(), static_cast<int>(pixels.bytes_per_row()));
    }

    void end(const char *why)
    {
        std::fprintf(stderr, "engine: the renderer is gone: %s\n", why);
        is_gone_ = true;
        if (texture_)
            SDL_SetTextureColorMod(texture_.get(), 255, 0, 0);
    }

    sfp::host host_;
    sfp::consumer frames_;
    sfp::channel events_;
    std::deque<sfp::message> waiting_;
    SDL_Renderer *renderer_;
    sdl<SDL_Texture> texture_;
    int width_ = 0, height_ = 0;
    bool is_gone_ = false;
};

/* Hands an event to the child, if it is the child's; false if the window was closed. */
static bool handle(const SDL_Event &event, panel &panel)
{
    switch (event.type) {
    case SDL_QUIT:
        return false;
    case SDL_MOUSEMOTION:
        if (panel.has(event.motion.x - BORDER, event.motion.y - BORDER))
            panel.send(INPUT_MOUSE, { event.motion.x - BORDER, event.motion.y - BORDER, 0 });
        break;
    case SDL_KEYDOWN:
        panel.send(INPUT_KEY, { 0, 0, static_cast<std::uint32_t>(event.key.keysym.sym) });
        break;
    case SDL_WINDOWEVENT:
        if (event.window.event == SDL_WINDOWEVENT_SIZE_CHANGED)
            panel.send(INPUT_RESIZE, { event.window.data1 - 2 * BORDER, event.window.data2 - 2 * BORDER, 0 });
        break;
    default:
        break;
    }
    return true;
}

static void play()
{
    const sdl<SDL_Window> window(made(SDL_CreateWindow("engine", SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, 640, 480,
                                                       SDL_WINDOW_RESIZABLE)));
    const sdl<SDL_Renderer> renderer(made(SDL_CreateRenderer(window.get(), -1, SDL_RENDERER_PRESENTVSYNC)));
    panel panel(renderer.get());
    for (std::uint32_t turn = 0;; turn++) {
        for (SDL_Event event; SDL_PollEvent(&event) != 0;) {
            if (!handle(event, panel))
                return panel.quit();
        }
        panel.update();
        SDL_SetRenderDrawColor(renderer.get(), static_cast<Uint8>(turn), 60, 90, 255); /* the rest of the scene */
        SDL_RenderClear(renderer.get());
        panel.draw();
        SDL_RenderPresent(renderer.get());
    }
}

int main(int, char **) /* SDL wants it so on some systems */
{
    int status = 0;
    try {
        if (SDL_Init(SDL_INIT_VIDEO) != 0)
            throw std::runtime_error(SDL_GetError());
        play();
    } catch (const std::exception &error) {
        std::fprintf(stderr, "engine: %s\n", error.what());
        status = 1;
    }
    SDL_Quit();
    return status;
}
