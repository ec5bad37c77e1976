/* The C header as a compiler for macOS sees it, with what it needs of Apple's own headers. The functions that give
 * objects of Dispatch and Core Foundation have other types in Swift: see ../sources.swift. */
typedef unsigned int mach_port_t;
enum { MACH_PORT_NULL = 0 };

typedef struct stub_source *dispatch_source_t;
typedef struct stub_queue *dispatch_queue_t;
#define OS_OBJECT_RETURNS_RETAINED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#define __APPLE__ 1
#include "surfaceport.h"
