/* For the parser of the test: no more than what surfaceport.h needs. */
typedef unsigned int mach_port_t;
