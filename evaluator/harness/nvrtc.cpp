// SPDX-License-Identifier: Apache-2.0
// kw-nvrtc: compiles one CUDA source to PTX with a run-time compiler library given by path. It runs
// inside the sandbox because sources are hostile: template bombs, host files named by #include, a
// compiler that crashes. Stands alone: the library's few functions are declared here, so that no
// toolkit header is needed to build it.
//
//   kw-nvrtc version LIBRARY                     prints "13.0 sm 75 80 86 ..."
//   kw-nvrtc compile LIBRARY SOURCE NAME OUTPUT OPTION... [-- PROGRAM ARGUMENT...]
//       NAME: the file's name in diagnostics. OUTPUT: the PTX. The log goes to standard error.
//       Once OUTPUT is complete this process becomes PROGRAM, the assembler: a sandbox of its own
//       would cost more than its work. Everything that it says goes to standard output.
//
// Exit status: 0 done; 1 the source does not compile; 2 called wrongly; 3 the library cannot be
// loaded or lacks a function; 4 the library failed in another way; 5 a file cannot be read or
// written; 6 PROGRAM cannot be started. Then there is no OUTPUT; else the status is PROGRAM's.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace {

constexpr int k_ok = 0;
constexpr int k_does_not_compile = 1;
constexpr int k_usage = 2;
constexpr int k_no_library = 3;
constexpr int k_library_failed = 4;
constexpr int k_file_failed = 5;
constexpr int k_no_program = 6;

constexpr int k_nvrtc_success = 0;
constexpr int k_nvrtc_error_invalid_option = 5;
constexpr int k_nvrtc_error_compilation = 6;
constexpr std::size_t k_most_source_bytes = std::size_t{4} << 20;
constexpr std::size_t k_most_log_bytes = std::size_t{512} << 10;

using Program = void*;

/// The functions used, as the library exports them (C linkage, int for its enum of results).
struct Library {
    int (*version)(int*, int*) = nullptr;
    int (*arch_count)(int*) = nullptr;
    int (*archs)(int*) = nullptr;
    int (*create)(Program*, const char*, const char*, int, const char* const*, const char* const*) =
        nullptr;
    int (*compile)(Program, int, const char* const*) = nullptr;
    int (*ptx_size)(Program, std::size_t*) = nullptr;
    int (*ptx)(Program, char*) = nullptr;
    int (*log_size)(Program, std::size_t*) = nullptr;
    int (*log)(Program, char*) = nullptr;
    const char* (*error_text)(int) = nullptr;
};

template <class Function>
bool find(void* handle, const char* name, Function& function) {
    // POSIX guarantees that a function's address survives the void*.
    function = reinterpret_cast<Function>(dlsym(handle, name));
    if (function == nullptr) {
        std::fprintf(stderr, "kw-nvrtc: the library has no %s\n", name);
    }
    return function != nullptr;
}

bool load(const char* path, Library& library) {
    void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        std::fprintf(stderr, "kw-nvrtc: %s\n", dlerror());
        return false;
    }
    return find(handle, "nvrtcVersion", library.version) &&
           find(handle, "nvrtcGetNumSupportedArchs", library.arch_count) &&
           find(handle, "nvrtcGetSupportedArchs", library.archs) &&
           find(handle, "nvrtcCreateProgram", library.create) &&
           find(handle, "nvrtcCompileProgram", library.compile) &&
           find(handle, "nvrtcGetPTXSize", library.ptx_size) &&
           find(handle, "nvrtcGetPTX", library.ptx) &&
           find(handle, "nvrtcGetProgramLogSize", library.log_size) &&
           find(handle, "nvrtcGetProgramLog", library.log) &&
           find(handle, "nvrtcGetErrorString", library.error_text);
}

int print_version(const Library& library) {
    int major = 0;
    int minor = 0;
    int count = 0;
    if (library.version(&major, &minor) != k_nvrtc_success ||
        library.arch_count(&count) != k_nvrtc_success || count < 0 || count > 256) {
        return k_library_failed;
    }
    std::vector<int> archs(static_cast<std::size_t>(count) + 1);
    if (library.archs(archs.data()) != k_nvrtc_success) {
        return k_library_failed;
    }
    std::printf("%d.%d sm", major, minor);
    for (int i = 0; i < count; ++i) {
        std::printf(" %d", archs[static_cast<std::size_t>(i)]);
    }
    std::printf("\n");
    return k_ok;
}

bool read_text(const char* path, std::string& text) {
    std::FILE* file = std::fopen(path, "rb");
    if (file == nullptr) {
        return false;
    }
    std::vector<char> block(65536);
    for (std::size_t got = 0; (got = std::fread(block.data(), 1, block.size(), file)) > 0;) {
        text.append(block.data(), got);
        if (text.size() > k_most_source_bytes) {
            break;
        }
    }
    const bool good = std::ferror(file) == 0 && text.size() <= k_most_source_bytes;
    std::fclose(file);
    return good;
}

/// Without the terminating NUL that the library counts.
bool write_text(const char* path, const std::vector<char>& text) {
    std::FILE* file = std::fopen(path, "wbx");
    if (file == nullptr) {
        return false;
    }
    const std::size_t bytes = text.empty() ? 0 : text.size() - 1;
    const bool written = std::fwrite(text.data(), 1, bytes, file) == bytes;
    if (std::fclose(file) != 0 || !written) {
        std::remove(path);
        return false;
    }
    return true;
}

void print_log(const Library& library, Program program) {
    std::size_t bytes = 0;
    if (library.log_size(program, &bytes) != k_nvrtc_success || bytes <= 1) {
        return;
    }
    std::vector<char> log(bytes);
    if (library.log(program, log.data()) == k_nvrtc_success) {
        // A flood of warnings must not hide the error behind it: the beginning and the end are
        // shown.
        const std::size_t all = bytes - 1;
        const std::size_t head = all < k_most_log_bytes ? all : k_most_log_bytes / 2;
        const std::size_t tail =
            all - head < k_most_log_bytes / 2 ? all - head : k_most_log_bytes / 2;
        std::fwrite(log.data(), 1, head, stderr);
        if (head + tail < all) {
            std::fputs("\n", stderr);
        }
        std::fwrite(log.data() + (all - tail), 1, tail, stderr);
    }
}

/// Returns only when it cannot be started.
int become(char** program, const char* output) {
    std::fflush(nullptr);
    const int log = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (dup2(STDOUT_FILENO, STDERR_FILENO) == STDERR_FILENO) {
        execv(program[0], program);
    }
    std::remove(output);
    dprintf(log, "kw-nvrtc: cannot start %s\n", program[0]);
    return k_no_program;
}

int compile(const Library& library, int argc, char** argv) {
    std::string source;
    if (!read_text(argv[3], source)) {
        std::fprintf(stderr, "kw-nvrtc: cannot read %s\n", argv[3]);
        return k_file_failed;
    }
    Program program = nullptr;
    int result = library.create(&program, source.c_str(), argv[4], 0, nullptr, nullptr);
    if (result != k_nvrtc_success) {
        std::fprintf(stderr, "kw-nvrtc: creating the program: %s\n", library.error_text(result));
        return k_library_failed;
    }
    char** options = argv + 6;
    char** next = std::find_if(
        options, argv + argc, [](const char* word) { return std::string(word) == "--"; });
    result = library.compile(
        program, static_cast<int>(next - options), const_cast<const char* const*>(options));
    print_log(library, program);
    if (result == k_nvrtc_error_compilation) {
        return k_does_not_compile;
    }
    std::size_t bytes = 0;
    if (result == k_nvrtc_success) {
        result = library.ptx_size(program, &bytes);
    }
    std::vector<char> ptx(bytes);
    if (result == k_nvrtc_success) {
        result = library.ptx(program, ptx.data());
    }
    if (result != k_nvrtc_success) {
        std::fprintf(stderr, "kw-nvrtc: compiling: %s\n", library.error_text(result));
        return result == k_nvrtc_error_invalid_option ? k_usage : k_library_failed;
    }
    if (!write_text(argv[5], ptx)) {
        std::fprintf(stderr, "kw-nvrtc: cannot write %s\n", argv[5]);
        return k_file_failed;
    }
    return argv + argc - next > 1 ? become(next + 1, argv[5]) : k_ok;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    const bool known = (what == "version" && argc == 3) || (what == "compile" && argc >= 6);
    if (!known) {
        std::fprintf(
            stderr,
            "usage: kw-nvrtc version LIBRARY\n"
            "       kw-nvrtc compile LIBRARY SOURCE NAME OUTPUT OPTION... [-- PROGRAM "
            "ARGUMENT...]\n");
        return k_usage;
    }
    Library library;
    if (!load(argv[2], library)) {
        return k_no_library;
    }
    // The process ends now: unloading the library would only cost time.
    const int status = what == "version" ? print_version(library) : compile(library, argc, argv);
    std::fflush(nullptr);
    return status;
}
