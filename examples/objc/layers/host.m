/*
 * A host that shows layers of another process: not frames, but a live tree that the window server draws.
 *
 *     ./layers-host
 *
 * Core Animation's own classes do it, CARemoteLayerServer here and CARemoteLayerClient in the child. What they need is
 * two things in the other process: the server's Mach port, and the client's number. Both travel in our messages.
 */
#import <AppKit/AppKit.h>
#import <QuartzCore/QuartzCore.h>

#include "../example.h"

static void child_is_ready(void *host);
static void message_is_ready(void *host);

@interface Host : NSObject <NSApplicationDelegate>
@end

@implementation Host {
    NSWindow *_window;
    sfp_host *_child;
    sfp_channel *_channel;
    CFRunLoopSourceRef _childSource, _messageSource;
}

- (void)applicationDidFinishLaunching:(NSNotification *)notification
{
    (void)notification;
    NSView *view = [[NSView alloc] initWithFrame:NSMakeRect(0, 0, 400, 400)];
    view.layer = [CALayer layer];
    view.wantsLayer = YES;
    _window = [[NSWindow alloc] initWithContentRect:view.frame
                                          styleMask:NSWindowStyleMaskTitled | NSWindowStyleMaskClosable
                                            backing:NSBackingStoreBuffered
                                              defer:NO];
    _window.releasedWhenClosed = NO;
    _window.title = @"layers of another process";
    _window.contentView = view;
    [_window center];
    [_window makeKeyAndOrderFront:nil];
    [NSApp activateIgnoringOtherApps:YES];

    NSString *program = [NSBundle.mainBundle.executablePath.stringByDeletingLastPathComponent
        stringByAppendingPathComponent:@"layers-child"];
    const char *arguments[] = { program.fileSystemRepresentation, NULL };
    sfp_spawn_options options = SFP_SPAWN_OPTIONS_INIT;
    options.argv = arguments;
    if (!OK(sfp_host_spawn(&options, &_child)))
        return;
    _childSource = sfp_runloop_source_create_for_host(_child, child_is_ready, (__bridge void *)self, NULL);
    if (_childSource)
        CFRunLoopAddSource(CFRunLoopGetMain(), _childSource, kCFRunLoopCommonModes);
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

static void message_is_ready(void *host)
{
    [(__bridge Host *)host receive];
}

- (void)childIsReady
{
    sfp_status status = sfp_host_channel(_child, 0, &_channel);
    if (status == SFP_STATUS_TIMED_OUT)
        return; /* it has not said hello */
    end_source(&_childSource);
    if (!succeeded(status, "the child"))
        return;
    [self sendServerPort];
    _messageSource = sfp_runloop_source_create_for_channel(_channel, message_is_ready, (__bridge void *)self, NULL);
    if (_messageSource)
        CFRunLoopAddSource(CFRunLoopGetMain(), _messageSource, kCFRunLoopCommonModes);
}

/* The port is the server's, and our call takes a reference of its own; the message takes that one along. */
- (void)sendServerPort
{
    sfp_send_right *right = NULL;
    sfp_message *message = sfp_message_create(MESSAGE_LAYER_SERVER);
    mach_port_t port = CARemoteLayerServer.sharedServer.serverPort;
    if (!OK(sfp_send_right_from_mach_port(port, &right)) || !OK(sfp_message_attach_send_right(message, right)) ||
        !OK(sfp_channel_send(_channel, message, 0)))
        sfp_message_release(message);
    sfp_send_right_release(right);
}

- (void)receive
{
    sfp_message *message = NULL;
    sfp_status status;
    while ((status = sfp_channel_receive(_channel, 0, &message)) == SFP_STATUS_OK) {
        uint32_t client = 0;
        if (sfp_message_id(message) == MESSAGE_LAYER_CLIENT && sfp_message_payload_size(message) == sizeof client) {
            memcpy(&client, sfp_message_payload(message), sizeof client);
            [self show:client];
        }
        sfp_message_release(message);
    }
    if (status != SFP_STATUS_TIMED_OUT) { /* its layers are gone with it */
        printf("the child is gone: %s\n", sfp_last_error_message());
        end_source(&_messageSource);
    }
}

- (void)show:(uint32_t)client
{
    CALayer *remote = [CALayer layerWithRemoteClientId:client];
    remote.frame = _window.contentView.layer.bounds;
    [_window.contentView.layer addSublayer:remote];
}

- (BOOL)applicationShouldTerminateAfterLastWindowClosed:(NSApplication *)application
{
    (void)application;
    return YES;
}

- (void)applicationWillTerminate:(NSNotification *)notification
{
    (void)notification;
    end_source(&_childSource);
    end_source(&_messageSource);
    sfp_channel_release(_channel);
    sfp_host_release(_child);
}

@end

int main(void)
{
    @autoreleasepool {
        NSApplication *application = NSApplication.sharedApplication;
        Host *host = [[Host alloc] init];
        application.activationPolicy = NSApplicationActivationPolicyRegular;
        application.delegate = host;
        [application run];
    }
    return 0;
}
