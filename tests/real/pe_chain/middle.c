/* `passed_on` is a forwarder, see middle.def. */
__declspec(dllimport) int bottom_value(void);
int middle_value(void) { return 10 * bottom_value(); }
