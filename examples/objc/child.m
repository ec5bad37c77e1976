/*
 * A child without a window: animates a tree of Core Animation layers, and presents it. Its host starts it, see host.m.
 *
 *     child [IMAGES]
 *
 * CARenderer draws the tree on the GPU, into a Metal texture over the image's IOSurface. Where there is no Metal
 * device, Core Graphics draws it into the image's memory.
 */
#import <Foundation/Foundation.h>
#import <IOSurface/IOSurface.h>
#import <Metal/Metal.h>
#import <QuartzCore/QuartzCore.h>

#include "example.h"

static void message_is_ready(void *child);

@interface Child : NSObject
@end

@implementation Child {
    sfp_child *_host;
    sfp_channel *_channel;
    sfp_producer *_frames;
    CFRunLoopSourceRef _source;
    uint32_t _images;
    CGSize _size;

    CALayer *_root, *_square;
    id<MTLDevice> _device;
    id<MTLCommandQueue> _queue;
    CARenderer *_renderer;
    NSMutableDictionary<NSNumber *, id<MTLTexture>> *_textures; /* by the IOSurface's id */
}

- (BOOL)startWithImages:(uint32_t)images
{
    _images = images;
    [self buildLayers];
    _device = MTLCreateSystemDefaultDevice();
    _queue = [_device newCommandQueue];
    _textures = [NSMutableDictionary dictionary];
    if (!OK(sfp_child_connect(SFP_SECONDS(5), &_host)) || !OK(sfp_child_channel(_host, &_channel)))
        return NO;
    _source = sfp_runloop_source_create_for_channel(_channel, message_is_ready, (__bridge void *)self, NULL);
    if (!_source)
        return NO;
    CFRunLoopAddSource(CFRunLoopGetMain(), _source, kCFRunLoopDefaultMode);
    /* One frame for each refresh of a usual screen; the host holds two of them, see there. */
    [NSTimer scheduledTimerWithTimeInterval:1.0 / 60 repeats:YES block:^(NSTimer *timer) {
        (void)timer;
        [self drawFrame];
    }];
    return YES;
}

static void message_is_ready(void *child)
{
    [(__bridge Child *)child receive];
}

/* The size of the window is all that the host says. Of several only the last one matters. */
- (void)receive
{
    struct size size = { 0, 0 };
    sfp_message *message = NULL;
    sfp_status status;
    while ((status = sfp_channel_receive(_channel, 0, &message)) == SFP_STATUS_OK) {
        if (sfp_message_id(message) == MESSAGE_SIZE && sfp_message_payload_size(message) == sizeof size)
            memcpy(&size, sfp_message_payload(message), sizeof size);
        sfp_message_release(message);
    }
    if (size.width > 0 && size.height > 0)
        [self resizeTo:size];
    if (status != SFP_STATUS_TIMED_OUT)
        [self end]; /* the host is gone */
}

- (void)resizeTo:(struct size)size
{
    if (!_frames) {
        sfp_swapchain_options options = SFP_SWAPCHAIN_OPTIONS_INIT; /* BGRA8; the newest frame wins */
        options.width = size.width;
        options.height = size.height;
        options.images = _images;
        if (!OK(sfp_child_create_producer(_host, &options, &_frames)))
            [self end];
    } else {
        OK(sfp_producer_resize(_frames, size.width, size.height));
    }
    _size = CGSizeMake(size.width, size.height);
    [_textures removeAllObjects]; /* they are over images of the old size */
    [self layOut];
}

#pragma mark - The layers

- (void)buildLayers
{
    CGColorRef background = CGColorCreateGenericRGB(0.10, 0.12, 0.16, 1);
    CGColorRef colour = CGColorCreateGenericRGB(0.95, 0.55, 0.20, 1);
    _root = [CALayer layer];
    _root.backgroundColor = background;
    _square = [CALayer layer];
    _square.backgroundColor = colour;
    _square.cornerRadius = 24;
    CGColorRelease(background);
    CGColorRelease(colour);
    [_root addSublayer:_square];
}

- (void)layOut
{
    CGFloat side = MIN(_size.width, _size.height) / 2;
    [CATransaction begin];
    CATransaction.disableActions = YES;
    _root.frame = CGRectMake(0, 0, _size.width, _size.height);
    _square.bounds = CGRectMake(0, 0, side, side);
    _square.position = CGPointMake(_size.width / 2, _size.height / 2);
    [CATransaction commit];
    /* Core Animation's own clock turns it in CARenderer; with Core Graphics we do. */
    if (_device && ![_square animationForKey:@"turn"]) {
        CABasicAnimation *turn = [CABasicAnimation animationWithKeyPath:@"transform.rotation.z"];
        turn.toValue = @(2 * M_PI);
        turn.duration = 4;
        turn.repeatCount = HUGE_VALF;
        [_square addAnimation:turn forKey:@"turn"];
    }
}

#pragma mark - The frames

- (void)drawFrame
{
    sfp_image *image = NULL;
    if (!_frames)
        return;
    sfp_status status = sfp_producer_acquire(_frames, 0, &image);
    if (status == SFP_STATUS_TIMED_OUT)
        return; /* the host has all others: it does not need one more now */
    if (status != SFP_STATUS_OK) {
        [self end];
        return;
    }
    BOOL drawn = _device ? [self drawOnGPU:image] : [self drawInMemory:image];
    if (!drawn || !OK(sfp_producer_present(_frames, image, NULL)))
        sfp_image_release(image); /* what is presented is not ours any more */
}

- (id<MTLTexture>)textureOf:(sfp_image *)image
{
    IOSurfaceRef surface = sfp_surface_iosurface(sfp_image_surface(image));
    if (!surface)
        return nil;
    NSNumber *key = @(IOSurfaceGetID(surface));
    if (!_textures[key]) {
        MTLTextureDescriptor *descriptor =
            [MTLTextureDescriptor texture2DDescriptorWithPixelFormat:MTLPixelFormatBGRA8Unorm
                                                               width:IOSurfaceGetWidth(surface)
                                                              height:IOSurfaceGetHeight(surface)
                                                           mipmapped:NO];
        descriptor.usage = MTLTextureUsageRenderTarget | MTLTextureUsageShaderRead;
        _textures[key] = [_device newTextureWithDescriptor:descriptor iosurface:surface plane:0];
    }
    return _textures[key];
}

- (BOOL)drawOnGPU:(sfp_image *)image
{
    id<MTLTexture> texture = [self textureOf:image];
    if (!texture)
        return NO;
    if (!_renderer) {
        _renderer = [CARenderer rendererWithMTLTexture:texture options:@{ kCARendererMetalCommandQueue : _queue }];
        _renderer.layer = _root;
    }
    [CATransaction flush]; /* what was changed above is in the tree that is drawn */
    _renderer.destination = texture;
    _renderer.bounds = _root.bounds;
    [_renderer beginFrameAtTime:CACurrentMediaTime() timeStamp:NULL];
    [_renderer addUpdateRect:_root.bounds]; /* all of it: this image has an older picture */
    [_renderer render];
    [_renderer endFrame];
    /* A frame is presented when it is finished. Command buffers of a queue end in order, so an empty one tells. */
    id<MTLCommandBuffer> last = [_queue commandBuffer];
    [last commit];
    [last waitUntilCompleted];
    return last.status == MTLCommandBufferStatusCompleted;
}

- (BOOL)drawInMemory:(sfp_image *)image
{
    sfp_pixels pixels;
    if (!OK(sfp_image_lock(image, SFP_LOCK_WRITE, &pixels)))
        return NO;
    CGColorSpaceRef space = CGColorSpaceCreateWithName(kCGColorSpaceSRGB);
    CGContextRef context =
        CGBitmapContextCreate(pixels.base, pixels.width, pixels.height, 8, pixels.bytes_per_row, space,
                              (CGBitmapInfo)kCGImageAlphaPremultipliedFirst | kCGBitmapByteOrder32Little);
    CGColorSpaceRelease(space);
    if (context) {
        [CATransaction begin];
        CATransaction.disableActions = YES;
        _square.transform = CATransform3DMakeRotation(fmod(CACurrentMediaTime(), 4) * M_PI_2, 0, 0, 1);
        [CATransaction commit];
        [_root renderInContext:context];
        CGContextRelease(context);
    }
    return OK(sfp_image_unlock(image)) && context != NULL;
}

#pragma mark - The end

- (void)end
{
    if (_source) {
        CFRunLoopSourceInvalidate(_source);
        CFRelease(_source);
        _source = NULL;
    }
    [_textures removeAllObjects];
    sfp_producer_release(_frames); /* the host gets SFP_STATUS_CLOSED */
    sfp_channel_release(_channel);
    sfp_child_release(_host);
    exit(0);
}

@end

int main(int argc, char **argv)
{
    @autoreleasepool {
        Child *child = [[Child alloc] init];
        if (![child startWithImages:argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 4])
            return 1;
        [NSRunLoop.mainRunLoop run];
    }
    return 0;
}
