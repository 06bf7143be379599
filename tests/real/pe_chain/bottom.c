__declspec(dllexport) int bottom_value(void) { return 3; }
