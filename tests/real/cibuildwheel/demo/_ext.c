/* A module whose only function calls the outside library. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

double outside_root(double of);

static PyObject *root(PyObject *self, PyObject *of)
{
    double value = PyFloat_AsDouble(of);
    if (value == -1.0 && PyErr_Occurred())
        return NULL;
    return PyFloat_FromDouble(outside_root(value));
}

static PyMethodDef methods[] = {
    {"root", root, METH_O, "The square root, by the outside library."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_ext", NULL, -1, methods};

PyMODINIT_FUNC PyInit__ext(void)
{
    return PyModule_Create(&module);
}
