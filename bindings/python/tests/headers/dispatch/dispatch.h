/* For the parser of the test: no more than what surfaceport.h needs. */
typedef struct dispatch_source_s *dispatch_source_t;
typedef struct dispatch_queue_s *dispatch_queue_t;
#define OS_OBJECT_RETURNS_RETAINED
