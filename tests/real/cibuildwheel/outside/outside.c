/* A library that no tag promises. */
#include <math.h>

double outside_root(double of)
{
    return sqrt(of);
}
