// SPDX-License-Identifier: Apache-2.0
// kw-runner: the program that a candidate, a baseline or the reference lives in. It maps the shared
// regions at their fixed addresses, gives up its rights, loads the shared object and then does one
// call after the other. It holds no clock, no expected output, no verdict.
#include "evaluator/harness/control.hpp"
#include "evaluator/harness/evidence.hpp"
#include "evaluator/harness/filter.hpp"

#include <dirent.h>
#include <dlfcn.h>
#include <immintrin.h>
#include <link.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

namespace kw::harness {
namespace {

using EntryFunction = void (*)(void* const*);
using SizeFunction = std::size_t (*)(const std::int64_t*);

struct Functions {
    std::array<EntryFunction, function_count> call{};
    SizeFunction prepare_size = nullptr;
};

void set_phase(Control& control, Phase phase) {
    control.phase = phase;
}

[[noreturn]] void fail(Control* control, int code, const char* message) {
    if (control != nullptr) {
        std::snprintf(control->evidence.message, sizeof(control->evidence.message), "%s", message);
    }
    _exit(code);
}

Control* map_control() {
    void* block = mmap(
        reinterpret_cast<void*>(region_address(region_control)),
        4096,
        PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_FIXED_NOREPLACE,
        k_fd_control,
        0);
    close(k_fd_control);
    return block == MAP_FAILED ? nullptr : static_cast<Control*>(block);
}

/// What the judge asked to leave out, in tests alone. Read from argv before anything is loaded, and
/// never from memory that a candidate can write.
struct Switches {
    bool prepares = false;
    bool load_filter = true;
    bool strict_filter = true;
    bool read_only_inputs = true;
};

Switches read_switches(int argc, char** argv) {
    const auto given = [&](const char* word) {
        for (int i = 1; i < argc; ++i) {
            if (std::strcmp(argv[i], word) == 0) {
                return true;
            }
        }
        return false;
    };
    return {
        given("prepare"),
        !given("--without=load-filter"),
        !given("--without=strict-filter"),
        !given("--without=read-only-inputs")};
}

bool map_segment(const Segment& segment, const Switches& switches) {
    const bool writable = segment.region == region_io || !switches.read_only_inputs ||
                          (segment.region == region_packed && switches.prepares);
    void* wanted = reinterpret_cast<void*>(segment.address);
    // Populated now, so that no timed call pays for a page fault.
    return mmap(
               wanted,
               segment.bytes,
               writable ? PROT_READ | PROT_WRITE : PROT_READ,
               MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE,
               k_fd_regions + static_cast<int>(segment.region) - 1,
               static_cast<off_t>(segment.file_offset)) == wanted;
}

bool map_segments(const Control& control, const Switches& switches) {
    if (control.segment_count > k_max_segments) {
        return false;
    }
    for (std::uint32_t i = 0; i < control.segment_count; ++i) {
        if (!map_segment(control.segments[i], switches)) {
            return false;
        }
    }
    for (std::uint32_t region = region_in; region < region_count; ++region) {
        close(k_fd_regions + static_cast<int>(region) - 1);
    }
    return true;
}

void null_call(void* const*) {}

template <class Function>
Function symbol(void* object, const char* name) {
    void* address = dlsym(object, name);
    Function function = nullptr;
    static_assert(sizeof(function) == sizeof(address));
    std::memcpy(&function, &address, sizeof(function));
    return function;
}

/// Maps the shared object, not a line of it run yet. Null in mode_null.
void* load(Control& control) {
    if (control.mode == mode_null) {
        return nullptr;
    }
    char path[64];
    std::snprintf(path, sizeof(path), "/proc/self/fd/%d", k_fd_object);
    void* object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (object == nullptr) {
        fail(&control, k_exit_load, dlerror());
    }
    close(k_fd_object);
    return object;
}

/// What the judge kept the loader from running (control.hpp).
struct HeldCode {
    using Constructor = void (*)(int, char**, char**);
    std::uint64_t base = 0;
    Constructor first = nullptr;
    const Constructor* constructors = nullptr;
    std::size_t constructor_count = 0;
    struct Relocations {
        const ElfW(Rela) * entries = nullptr;
        std::size_t count = 0;
    };
    Relocations relocations, plt_relocations;
};

HeldCode find_held_code(const link_map& map) {
    HeldCode held;
    held.base = map.l_addr;
    // Some loaders have added the base to addresses of tables by now, and some have not.
    const auto table = [&map](std::uint64_t address) {
        return reinterpret_cast<const ElfW(Rela)*>(
            address < map.l_addr ? map.l_addr + address : address);
    };
    for (const ElfW(Dyn)* entry = map.l_ld; entry->d_tag != DT_NULL; ++entry) {
        const std::uint64_t value = entry->d_un.d_val;
        switch (entry->d_tag) {
            case k_held_init:
                held.first = reinterpret_cast<HeldCode::Constructor>(held.base + value);
                break;
            case k_held_init_array:
                held.constructors =
                    reinterpret_cast<const HeldCode::Constructor*>(held.base + value);
                break;
            case k_held_init_bytes:
                held.constructor_count = value / sizeof(HeldCode::Constructor);
                break;
            case DT_RELA: held.relocations.entries = table(value); break;
            case DT_RELASZ: held.relocations.count = value / sizeof(ElfW(Rela)); break;
            case DT_JMPREL: held.plt_relocations.entries = table(value); break;
            case DT_PLTRELSZ: held.plt_relocations.count = value / sizeof(ElfW(Rela)); break;
            default: break;
        }
    }
    return held;
}

void run_resolvers(const HeldCode& held, const HeldCode::Relocations& relocations) {
    using Resolver = std::uint64_t (*)();
    for (std::size_t i = 0; relocations.entries != nullptr && i < relocations.count; ++i) {
        const ElfW(Rela)& entry = relocations.entries[i];
        if (entry.r_info == k_held_resolver && entry.r_offset != 0) {
            const auto resolver =
                reinterpret_cast<Resolver>(held.base + static_cast<std::uint64_t>(entry.r_addend));
            *reinterpret_cast<std::uint64_t*>(held.base + entry.r_offset) = resolver();
        }
    }
}

/// In the loader's order: resolvers, then constructors.
void run_held_code(void* object) {
    link_map* map = nullptr;
    if (object == nullptr || dlinfo(object, RTLD_DI_LINKMAP, &map) != 0) {
        return;
    }
    const HeldCode held = find_held_code(*map);
    run_resolvers(held, held.relocations);
    run_resolvers(held, held.plt_relocations);
    char* nothing[] = {nullptr};
    if (held.first != nullptr) {
        held.first(0, nothing, nothing);
    }
    for (std::size_t i = 0; held.constructors != nullptr && i < held.constructor_count; ++i) {
        held.constructors[i](0, nothing, nothing);
    }
}

Functions find_functions(void* object) {
    Functions functions;
    functions.call[function_null] = null_call;
    if (object == nullptr) {
        return functions;
    }
    functions.call[function_entry] = symbol<EntryFunction>(object, "kw_entry");
    functions.call[function_prepare] = symbol<EntryFunction>(object, "kw_prepare");
    functions.call[function_reference] = symbol<EntryFunction>(object, "kw_reference");
    functions.call[function_reference_project] =
        symbol<EntryFunction>(object, "kw_reference_project");
    functions.call[function_reference_at] = symbol<EntryFunction>(object, "kw_reference_at");
    functions.prepare_size = symbol<SizeFunction>(object, "kw_prepare_size");
    return functions;
}

std::uint32_t count_threads() {
    DIR* tasks = opendir("/proc/self/task");
    if (tasks == nullptr) {
        return 0;
    }
    std::uint32_t count = 0;
    while (const dirent* entry = readdir(tasks)) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    closedir(tasks);
    return count;
}

void spin_until(const std::atomic<std::uint64_t>& word, std::uint64_t value, bool yield) {
    while (word.load(std::memory_order_acquire) != value) {
        if (yield) {
            sched_yield();
        } else {
            _mm_pause();
        }
    }
}

[[noreturn]] void serve(Control& control, const Functions& functions) {
    const bool yield = control.yield != 0;
    std::array<void*, k_max_pointers> pointers{};
    std::array<std::int64_t, 16> dims{};
    for (std::uint64_t number = 1;; ++number) {
        spin_until(control.arm, number, yield);
        const std::uint32_t function = control.function;
        const std::uint32_t count = control.pointer_count;
        if (function >= function_count || count > k_max_pointers - 1) {
            fail(&control, k_exit_setup, "bad call");
        }
        std::memcpy(dims.data(), control.dims, sizeof(control.dims));
        pointers[count] = dims.data();
        const EntryFunction call = functions.call[function];
        if (call == nullptr && function != function_prepare_size) {
            fail(&control, k_exit_load, "the shared object lacks the function that was asked for");
        }
        set_phase(control, phase_call);
        control.armed.store(number, std::memory_order_release);
        spin_until(control.go, number, yield);
        for (std::uint32_t i = 0; i < count; ++i) {
            pointers[i] = reinterpret_cast<void*>(control.pointers[i]);
        }
        if (function == function_prepare_size) {
            control.value =
                functions.prepare_size != nullptr ? functions.prepare_size(dims.data()) : 0;
        } else {
            call(pointers.data());
        }
        _mm_sfence();  // streaming stores are part of the call
        control.done.store(number, std::memory_order_release);
    }
}

}  // namespace
}  // namespace kw::harness

int main(int argc, char** argv) {
    using namespace kw::harness;
    const Switches switches = read_switches(argc, argv);
    Control* control = map_control();
    if (control == nullptr || !map_segments(*control, switches)) {
        fail(control, k_exit_setup, "mapping the arguments failed");
    }
    if (!install_evidence_handlers(*control)) {
        fail(control, k_exit_setup, "installing crash handlers failed");
    }
    const bool filtered = control->mode != mode_peer;
    set_phase(*control, phase_load);
    if (filtered && switches.load_filter && !install_load_filter()) {
        fail(control, k_exit_setup, "installing the load filter failed");
    }
    void* object = load(*control);
    // Kept on the stack too: a thread that runs by now can write the block.
    const std::uint32_t threads = filtered ? count_threads() : 1;
    control->evidence.threads = threads;
    if (threads != 1) {
        fail(control, k_exit_threads, "more than one thread after loading");
    }
    if (filtered && switches.strict_filter && !install_strict_filter(control->yield != 0)) {
        fail(control, k_exit_setup, "installing the strict filter failed");
    }
    run_held_code(object);
    const Functions functions = find_functions(object);
    set_phase(*control, phase_ready);
    serve(*control, functions);
}
