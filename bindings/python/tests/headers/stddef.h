/* For the parser of the test: no more than what surfaceport.h needs. */
typedef unsigned long size_t;
