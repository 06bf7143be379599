/* An extension module whose number is 2 * (1 + 2 + … + 100), by OpenBLAS itself or by a DLL between. */

void *PyModule_Create2(void *definition, int version);
int truewheel_dot(void);

#ifdef DIRECT
#include "dot.c"
#else
__declspec(dllimport) int truewheel_dot(void);
#endif

__declspec(dllexport) int truewheel_value(void) { return truewheel_dot(); }
__declspec(dllexport) void *INIT(void) { return PyModule_Create2(0, 1013); }
