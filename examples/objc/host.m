/*
 * A host with a window. The contents of its layer are the newest frame of a child process: no pixel is copied.
 *
 *     ./host [IMAGES]         IMAGES of the child's swapchain, 4 if it is not said; Cmd-K kills the child
 *
 * Why nothing flickers. A frame that we hold is drawn into by nobody, so the layer shows finished pictures only. The
 * window server has a surface as long as it shows it, which is until the refresh of the screen after the next
 * contents are committed. So we hold two frames: the one that the layer has, and the one before it, which may still
 * be on the screen. With these two, one that the child has presented and one that it draws, there are four images.
 */
#import <AppKit/AppKit.h>
#import <QuartzCore/QuartzCore.h>

#include "example.h"

static void child_is_ready(void *host);
static void frame_is_ready(void *host);

@interface Host : NSObject <NSApplicationDelegate, NSWindowDelegate>
@end

@implementation Host {
    NSString *_images;
    NSWindow *_window;
    CALayer *_picture;
    CATextLayer *_note;

    sfp_host *_child;
    CFRunLoopSourceRef _childSource; /* until the child has offered its frames */
    sfp_channel *_channel;
    sfp_consumer *_frames;
    CFRunLoopSourceRef _framesSource;

    sfp_frame *_shown, *_before;
}

- (instancetype)initWithImages:(NSString *)images
{
    if ((self = [super init]))
        _images = images;
    return self;
}

#pragma mark - The window

- (void)applicationDidFinishLaunching:(NSNotification *)notification
{
    (void)notification;
    NSView *view = [[NSView alloc] initWithFrame:NSMakeRect(0, 0, 640, 400)];
    view.layer = [CALayer layer]; /* before wantsLayer: the layer is ours, and AppKit draws nothing into it */
    view.wantsLayer = YES;
    view.layer.backgroundColor = NSColor.blackColor.CGColor;

    _picture = [CALayer layer];
    _picture.frame = view.layer.bounds;
    _picture.autoresizingMask = kCALayerWidthSizable | kCALayerHeightSizable;
    _picture.contentsGravity = kCAGravityResize; /* an old frame fills the new window until the new one is here */
    _note = [CATextLayer layer];
    _note.frame = CGRectInset(view.layer.bounds, 20, 20);
    _note.autoresizingMask = kCALayerWidthSizable | kCALayerMinYMargin;
    _note.fontSize = 16;
    _note.wrapped = YES;
    [view.layer addSublayer:_picture];
    [view.layer addSublayer:_note];

    NSWindowStyleMask style = NSWindowStyleMaskTitled | NSWindowStyleMaskClosable |
                              NSWindowStyleMaskMiniaturizable | NSWindowStyleMaskResizable;
    _window = [[NSWindow alloc] initWithContentRect:view.frame
                                          styleMask:style
                                            backing:NSBackingStoreBuffered
                                              defer:NO];
    _window.releasedWhenClosed = NO; /* ARC does that */
    _window.title = @"surfaceport";
    _window.contentView = view;
    _window.delegate = self;
    [_window center];
    [_window makeKeyAndOrderFront:nil];
    [NSApp activateIgnoringOtherApps:YES];
    [self start];
}

- (void)windowDidResize:(NSNotification *)notification
{
    (void)notification;
    [self sendSize];
}

- (void)windowDidChangeBackingProperties:(NSNotification *)notification
{
    (void)notification;
    [self sendSize];
}

- (BOOL)applicationShouldTerminateAfterLastWindowClosed:(NSApplication *)application
{
    (void)application;
    return YES;
}

- (void)applicationWillTerminate:(NSNotification *)notification
{
    (void)notification;
    [self end];
    _picture.contents = nil;
    sfp_frame_release(_shown);
    sfp_frame_release(_before);
    _shown = _before = NULL;

    struct sfp_surface_totals left;
    if (OK(sfp_live_surfaces(NULL, 0, &left)))
        printf("surfaces that are left: %zu\n", left.count);
}

#pragma mark - The child

/* Nothing here waits: the run loop calls when the child has said hello and offers its frames. */
- (void)start
{
    NSString *program = [NSBundle.mainBundle.executablePath.stringByDeletingLastPathComponent
        stringByAppendingPathComponent:@"child"];
    const char *arguments[] = { program.fileSystemRepresentation, _images.UTF8String, NULL };
    sfp_spawn_options options = SFP_SPAWN_OPTIONS_INIT;
    options.argv = arguments;
    if (!OK(sfp_host_spawn(&options, &_child))) {
        [self childEnded];
        return;
    }
    _childSource = [self add:sfp_runloop_source_create_for_host(_child, child_is_ready, (__bridge void *)self, NULL)];
}

/* In the common modes, so that the picture moves while the window is resized, too. Self outlives its sources. */
- (CFRunLoopSourceRef)add:(CFRunLoopSourceRef)source
{
    if (source)
        CFRunLoopAddSource(CFRunLoopGetMain(), source, kCFRunLoopCommonModes);
    return source;
}

static void end_source(CFRunLoopSourceRef *source)
{
    if (*source) {
        CFRunLoopSourceInvalidate(*source);
        CFRelease(*source);
    }
    *source = NULL;
}

static void child_is_ready(void *host)
{
    [(__bridge Host *)host childIsReady];
}

static void frame_is_ready(void *host)
{
    [(__bridge Host *)host takeFrames];
}

- (void)childIsReady
{
    /* First the child says hello, then it asks the size, and offers its frames. */
    if (!_channel && sfp_host_is_connected(_child) && OK(sfp_host_channel(_child, 0, &_channel)))
        [self sendSize];
    sfp_status status = sfp_host_accept_consumer(_child, 0, &_frames);
    if (status == SFP_STATUS_TIMED_OUT)
        return;
    if (status != SFP_STATUS_OK) {
        [self childEnded];
        return;
    }
    end_source(&_childSource);
    _framesSource = [self add:sfp_runloop_source_create_for_consumer(_frames, frame_is_ready, (__bridge void *)self,
                                                                     NULL)];
    [self takeFrames]; /* from now on a new frame wakes us: we have seen that there is none */
}

- (void)sendSize
{
    NSSize size = [_window.contentView convertSizeToBacking:_window.contentView.bounds.size];
    struct size pixels = { (uint32_t)MAX(size.width, 1), (uint32_t)MAX(size.height, 1) };
    if (_channel)
        send_bytes(_channel, MESSAGE_SIZE, &pixels, sizeof pixels);
}

- (void)takeFrames
{
    sfp_frame *newest = NULL, *frame = NULL;
    sfp_status status;
    while ((status = sfp_consumer_acquire(_frames, 0, &frame)) == SFP_STATUS_OK) {
        sfp_frame_release(newest);
        newest = frame;
    }
    if (newest)
        [self show:newest];
    if (status != SFP_STATUS_TIMED_OUT)
        [self childEnded];
}

- (void)show:(sfp_frame *)frame
{
    [CATransaction begin];
    CATransaction.disableActions = YES; /* a new frame does not fade in */
    _picture.contents = (__bridge id)sfp_surface_iosurface(sfp_frame_surface(frame));
    _picture.opacity = 1;
    _note.string = nil;
    [CATransaction commit];
    sfp_frame_release(_before);
    _before = _shown;
    _shown = frame;
}

/* The child crashed, or ended. Its last frame is ours as long as we hold it: it stays, dimmed. */
- (void)childEnded
{
    _note.string = [NSString stringWithFormat:@"The child is gone: %s.\nIt starts again.", sfp_last_error_message()];
    _picture.opacity = 0.3f;
    [self end];
    dispatch_after(dispatch_time(DISPATCH_TIME_NOW, NSEC_PER_SEC), dispatch_get_main_queue(), ^{
        [self start];
    });
}

- (void)killChild:(id)sender
{
    (void)sender;
    if (_child)
        OK(sfp_host_kill(_child));
}

/* Everything of one child but the frames that the layer has. */
- (void)end
{
    end_source(&_childSource);
    end_source(&_framesSource);
    sfp_consumer_release(_frames);
    sfp_channel_release(_channel);
    sfp_host_release(_child); /* ends a child that still runs */
    _frames = NULL;
    _channel = NULL;
    _child = NULL;
}

@end

static NSMenu *menu(void)
{
    NSMenu *bar = [[NSMenu alloc] init], *items = [[NSMenu alloc] init];
    [items addItemWithTitle:@"Kill the Child" action:@selector(killChild:) keyEquivalent:@"k"];
    [items addItemWithTitle:@"Quit" action:@selector(terminate:) keyEquivalent:@"q"];
    [bar addItem:[[NSMenuItem alloc] init]];
    bar.itemArray.firstObject.submenu = items;
    return bar;
}

int main(int argc, char **argv)
{
    @autoreleasepool {
        NSApplication *application = NSApplication.sharedApplication;
        Host *host = [[Host alloc] initWithImages:@(argc > 1 ? argv[1] : "4")];
        application.activationPolicy = NSApplicationActivationPolicyRegular; /* also without a bundle */
        application.mainMenu = menu();
        application.delegate = host; /* weak; `host` lives as long as main */
        [application run];
    }
    return 0;
}
