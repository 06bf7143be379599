/* An import, an import that is forwarded, and a delay import whose helper looks where os.add_dll_directory says. */
#include <windows.h>

struct descriptor {
    DWORD attributes, name, module, addresses, names, bound, unload, stamp;
};
extern IMAGE_DOS_HEADER __ImageBase;

void *__delayLoadHelper2(const struct descriptor *descriptor, void **slot) {
    char *base = (char *)&__ImageBase;
    ULONGLONG *names = (ULONGLONG *)(base + descriptor->names);
    size_t at = slot - (void **)(base + descriptor->addresses);
    HMODULE module = LoadLibraryExA(base + descriptor->name, NULL, LOAD_LIBRARY_SEARCH_DEFAULT_DIRS);
    return *slot = (void *)GetProcAddress(module, base + names[at] + 2);
}

__declspec(dllimport) int middle_value(void);
__declspec(dllimport) int passed_on(void);
__declspec(dllimport) int late_value(void);

__declspec(dllexport) int truewheel_value(void) { return middle_value() + passed_on() + late_value(); }
