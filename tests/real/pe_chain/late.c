__declspec(dllexport) int late_value(void) { return 40; }
