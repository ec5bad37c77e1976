/* For the parser of the test: no more than what surfaceport.h needs. */
#define bool _Bool
