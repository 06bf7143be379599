/* Loads DLLs as CPython 3.8 and later load extension modules, and says what came of each.

   host.exe LIST [DIRECTORY]...   LIST has a path on each line; the directories are those os.add_dll_directory gets.

   Prints `ok VALUE PATH` (VALUE is what the module's `truewheel_value` gives, 0 without one) or `error CODE PATH`. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

int main(int count, char **words) {
    FILE *list = fopen(words[1], "r");
    char path[4096];
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
    for (int i = 2; i < count; i++) {
        wchar_t directory[4096];
        MultiByteToWideChar(CP_ACP, 0, words[i], -1, directory, 4096);
        if (!AddDllDirectory(directory)) return 2;
    }
    while (list && fgets(path, sizeof path, list)) {
        path[strcspn(path, "\r\n")] = 0;
        HMODULE module = LoadLibraryExA(path, NULL, LOAD_LIBRARY_SEARCH_DEFAULT_DIRS | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR);
        if (module) {
            int (*value)(void) = (int (*)(void))(void *)GetProcAddress(module, "truewheel_value");
            printf("ok %d %s\n", value ? value() : 0, path);
        } else {
            printf("error %lu %s\n", GetLastError(), path);
        }
        fflush(stdout);
    }
    return 0;
}
