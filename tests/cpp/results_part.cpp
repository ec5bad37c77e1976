/* The part of the program of results.cpp that uses exceptions: one program can have both. */
#include <surfaceport.hpp>

bool exceptions_work_here();

bool exceptions_work_here()
{
    try {
        sfp::surface::create(0, 0);
    } catch (const sfp::error &error) {
        return error.status() == SFP_STATUS_INVALID_ARGUMENT;
    }
    return false;
}
