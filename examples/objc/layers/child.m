/*
 * A child whose layers its host shows, see host.m beside this. It has no window, and draws no frame: it commits its
 * layer tree to the host's server, and the window server draws it with the host's window.
 */
#import <Foundation/Foundation.h>
#import <QuartzCore/QuartzCore.h>

#include "../example.h"

/* The host's port, as a name with a reference that is the caller's; MACH_PORT_NULL if it did not come. */
static mach_port_t receive_server_port(sfp_channel *channel)
{
    mach_port_t port = MACH_PORT_NULL;
    sfp_message *message = NULL;
    sfp_send_right *right = NULL;
    if (OK(sfp_channel_receive(channel, SFP_SECONDS(5), &message)) &&
        sfp_message_id(message) == MESSAGE_LAYER_SERVER && OK(sfp_message_take_send_right(message, 0, &right)))
        OK(sfp_send_right_copy_mach_port(right, &port));
    sfp_send_right_release(right);
    sfp_message_release(message);
    return port;
}

static CALayer *make_layers(void)
{
    CGColorRef background = CGColorCreateGenericRGB(0.10, 0.12, 0.16, 1);
    CGColorRef colour = CGColorCreateGenericRGB(0.30, 0.75, 0.55, 1);
    CALayer *root = [CALayer layer], *square = [CALayer layer];
    root.bounds = CGRectMake(0, 0, 400, 400);
    root.anchorPoint = CGPointZero;
    root.backgroundColor = background;
    square.frame = CGRectMake(100, 100, 200, 200);
    square.backgroundColor = colour;
    square.cornerRadius = 24;
    [root addSublayer:square];
    CGColorRelease(background);
    CGColorRelease(colour);

    CABasicAnimation *turn = [CABasicAnimation animationWithKeyPath:@"transform.rotation.z"];
    turn.toValue = @(2 * M_PI);
    turn.duration = 4;
    turn.repeatCount = HUGE_VALF;
    [square addAnimation:turn forKey:@"turn"];
    return root;
}

int main(void)
{
    @autoreleasepool {
        sfp_child *host = NULL;
        sfp_channel *channel = NULL;
        if (!OK(sfp_child_connect(SFP_SECONDS(5), &host)) || !OK(sfp_child_channel(host, &channel)))
            return 1;
        mach_port_t port = receive_server_port(channel);
        if (port == MACH_PORT_NULL)
            return 1;

        CARemoteLayerClient *client = [[CARemoteLayerClient alloc] initWithServerPort:port];
        client.layer = make_layers();
        [CATransaction flush]; /* so the tree is there before the host asks for it */
        uint32_t number = client.clientId;
        send_bytes(channel, MESSAGE_LAYER_CLIENT, &number, sizeof number);

        /* The window server moves the layers: there is nothing left to do until the host goes. */
        sfp_child_wait_closed(host, SFP_FOREVER);
        [client invalidate];
        mach_port_deallocate(mach_task_self(), port);
        sfp_channel_release(channel);
        sfp_child_release(host);
    }
    return 0;
}
