/* 2 * (1 + 2 + … + 100) as a dot product, by the OpenBLAS of the SciPy project. */

#ifdef ILP64
typedef long long blasint;
#define DOT scipy_cblas_ddot64_
#else
typedef int blasint;
#define DOT scipy_cblas_ddot
#endif

__declspec(dllimport) double DOT(blasint count, const double *x, blasint x_step, const double *y, blasint y_step);

#ifndef DIRECT
__declspec(dllexport)
#endif
int truewheel_dot(void) {
    double x[100], y[100];
    for (int i = 0; i < 100; i++) {
        x[i] = i + 1;
        y[i] = 2;
    }
    return (int)DOT(100, x, 1, y, 1);
}
