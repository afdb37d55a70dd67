// SPDX-License-Identifier: Apache-2.0
// A program that tries one thing a stranger's kernel might try, named by argv[1]. Answers are one
// line on stdout: "errno NAME NUMBER" or a count.
#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Args = std::vector<std::string>;

void say(const char* what, long rc) {
    std::printf("%s %d\n", what, rc < 0 ? errno : 0);
}

int open_path(const Args& args) {
    const int flags = args.at(1) == "write" ? O_WRONLY | O_CREAT : O_RDONLY;
    say("open", open(args.at(0).c_str(), flags, 0600));
    return 0;
}

/// Each system call by number, with arguments that no call accepts.
int system_calls(const Args& numbers) {
    for (const auto& number : numbers) {
        const long rc = syscall(std::atol(number.c_str()), -1, -1, -1, -1, -1, -1);
        std::printf("%s %d\n", number.c_str(), rc < 0 ? errno : 0);
    }
    return 0;
}

int call_i386(const Args&) {
    long rc = 20;  // getpid there
    __asm__ volatile("int $0x80" : "+a"(rc) : : "memory");
    std::printf("i386 answered %ld\n", rc);
    return 0;
}

int call_x32(const Args&) {
    std::printf("x32 answered %ld\n", syscall(0x40000000 | SYS_getpid));
    return 0;
}

int new_namespace(const Args&) {
    say("clone", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
    say("clone", syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0));
    return 0;
}

int terminal(const Args&) {
    char c = 'x';
    say("ioctl", syscall(SYS_ioctl, 0, 0x5412UL, &c));
    say("ioctl", syscall(SYS_ioctl, 0, 0x100005412UL, &c));
    return 0;
}

int fork_bomb(const Args&) {
    int made = 0;
    while (made < 100'000) {
        const pid_t pid = fork();
        if (pid < 0) {
            break;
        }
        if (pid == 0) {
            pause();
            _exit(0);
        }
        ++made;
    }
    std::printf("forked %d\n", made);
    return 0;
}

int endless_fork_bomb(const Args&) {
    for (;;) {
        if (fork() < 0) {
            sched_yield();
        }
    }
}

int memory_hog(const Args&) {
    constexpr std::size_t k_piece = 1 << 20;
    for (long pieces = 0;; ++pieces) {
        void* piece = std::malloc(k_piece);
        if (piece == nullptr) {
            std::printf("megabytes %ld\n", pieces);
            return 9;
        }
        std::memset(piece, 1, k_piece);
    }
}

int fill_file(const Args& args) {
    const int fd = open(args.at(0).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) {
        say("open", fd);
        return 0;
    }
    static char block[1 << 16];
    std::int64_t bytes = 0;
    ssize_t n = 0;
    while ((n = write(fd, block, sizeof(block))) > 0) {
        bytes += n;
    }
    std::printf("bytes %lld errno %d\n", static_cast<long long>(bytes), errno);
    return 0;
}

/// Many files, so that no single one meets its limit.
int fill_directory(const Args& args) {
    static char block[1 << 20];
    std::int64_t bytes = 0;
    for (int i = 0; i < 100'000; ++i) {
        const std::string name = args.at(0) + "/f" + std::to_string(i);
        const int fd = open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        const ssize_t n = fd < 0 ? -1 : write(fd, block, sizeof(block));
        if (n <= 0) {
            break;
        }
        bytes += n;
        close(fd);
    }
    std::printf("bytes %lld\n", static_cast<long long>(bytes));
    return 0;
}

int flood(const Args& args) {
    static char line[4096];
    std::memset(line, 'x', sizeof(line));
    const std::int64_t wanted = std::atoll(args.at(0).c_str());  // 0: endless
    for (std::int64_t done = 0; wanted == 0 || done < wanted;) {
        const std::size_t size = wanted == 0 || wanted - done > 4096
                                     ? sizeof(line)
                                     : static_cast<std::size_t>(wanted - done);
        const ssize_t n = write(1, line, size);
        if (n < 0) {
            return 4;
        }
        done += n;
    }
    return 0;
}

int spin(const Args& args) {
    if (!args.empty()) {
        signal(SIGXCPU, SIG_IGN);
    }
    for (;;) {
        __asm__ volatile("");
    }
}

int hang(const Args&) {
    for (;;) {
        pause();
    }
}

/// Leaves a process in a session of its own; it inherits every descriptor.
int orphan(const Args&) {
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            signal(SIGTERM, SIG_IGN);
            signal(SIGHUP, SIG_IGN);
            hang({});
        }
        _exit(0);
    }
    wait(nullptr);
    return 0;
}

int end(const Args& args) {
    const int number = std::atoi(args.at(1).c_str());
    if (args.at(0) == "exit") {
        return number;
    }
    if (args.at(0) == "abort") {
        std::abort();
    }
    if (args.at(0) == "segv") {
        volatile int* nowhere = nullptr;
        *nowhere = 1;
    }
    raise(number);
    return 0;
}

int list_descriptors(const Args&) {
    DIR* dir = opendir("/proc/self/fd");
    while (dirent* entry = readdir(dir)) {
        const int fd = std::atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != dirfd(dir)) {
            std::printf("%d ", fd);
        }
    }
    std::printf("\n");
    return 0;
}

int read_descriptors(const Args& args) {
    for (const auto& number : args) {
        char text[32] = {};
        const ssize_t n = pread(std::atoi(number.c_str()), text, sizeof(text) - 1, 0);
        std::printf("%s=%s ", number.c_str(), n < 0 ? "?" : text);
    }
    std::printf("\n");
    return 0;
}

int print_environment(const Args&) {
    for (char** entry = environ; *entry != nullptr; ++entry) {
        std::printf("%s\n", *entry);
    }
    return 0;
}

/// What the helper, pid 1 inside, lets the program do to it.
int attack_helper(const Args&) {
    say("open", open("/proc/1/mem", O_RDWR));
    say("open", open("/proc/1/environ", O_RDONLY));
    DIR* dir = opendir("/proc/1/fd");
    say("opendir", dir == nullptr ? -1 : 0);
    for (int number = 1; number < 32; ++number) {
        kill(1, number);
    }
    say("kill", kill(1, 0));
    return 7;
}

struct Slot {
    alignas(64) std::atomic<std::uint64_t> count;
};

void* count_up(void* slot) {
    for (;;) {
        static_cast<Slot*>(slot)->count.fetch_add(1, std::memory_order_relaxed);
    }
}

/// Threads that count in the shared memory at descriptor 10, mapped at a fixed address.
int count(const Args& args) {
    const int threads = std::atoi(args.at(0).c_str());
    void* const place = reinterpret_cast<void*>(0x200000000000ULL);
    void* map = mmap(place, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, 10, 0);
    if (map != place) {
        return 5;
    }
    Slot* slots = static_cast<Slot*>(map);
    for (int i = 1; i < threads; ++i) {
        pthread_t thread;
        if (pthread_create(&thread, nullptr, count_up, slots + i) != 0) {
            return 6;
        }
    }
    if (args.size() > 1) {
        pthread_exit(nullptr);  // the main thread turns zombie
    }
    count_up(slots);
    return 0;
}

/// What a harness does: a strict filter of its own over the sandbox's.
int own_filter(const Args&) {
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)};
    sock_fprog program{sizeof(code) / sizeof(code[0]), code};
    std::printf("before\n");
    std::fflush(stdout);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0) {
        return 8;
    }
    const ssize_t ignored = write(1, "after\n", 6);
    (void)ignored;
    syscall(SYS_getpid);
    return 0;
}

int processors(const Args&) {
    cpu_set_t set;
    CPU_ZERO(&set);
    say("sched_getaffinity", sched_getaffinity(0, sizeof(set), &set));
    say("sched_setaffinity", sched_setaffinity(0, sizeof(set), &set));
    std::printf("processors %d\n", CPU_COUNT(&set));
    return 0;
}

/// What cuInit does, and then whatever else sockets might be good for.
int driver_socket(const Args&) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path + 1, "cuda-uvmfd", 10);
    const auto* address = reinterpret_cast<const sockaddr*>(&name);
    const socklen_t size = offsetof(sockaddr_un, sun_path) + 11;
    const int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    say("unix", listener);
    say("bind", bind(listener, address, size));
    say("listen", listen(listener, 16));
    say("shm", open("/dev/shm/cuda.x", O_RDWR | O_CREAT, 0600));
    say("inet", socket(AF_INET, SOCK_STREAM, 0));
    say("inet6", socket(AF_INET6, SOCK_STREAM, 0));
    say("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
    say("alg", socket(AF_ALG, SOCK_SEQPACKET, 0));
    say("vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
    int pair[2];
    say("pair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    say("connect", connect(socket(AF_UNIX, SOCK_SEQPACKET, 0), address, size));
    say("accept", accept(listener, nullptr, nullptr));
    say("accept4", accept4(listener, nullptr, nullptr, 0));
    return 0;
}

struct Behaviour {
    const char* name;
    int (*run)(const Args&);
};

constexpr Behaviour k_behaviours[] = {
    {"open", open_path},
    {"system_calls", system_calls},
    {"i386", call_i386},
    {"x32", call_x32},
    {"new_namespace", new_namespace},
    {"terminal", terminal},
    {"fork_bomb", fork_bomb},
    {"endless_fork_bomb", endless_fork_bomb},
    {"memory_hog", memory_hog},
    {"fill_file", fill_file},
    {"fill_directory", fill_directory},
    {"flood", flood},
    {"spin", spin},
    {"hang", hang},
    {"orphan", orphan},
    {"end", end},
    {"list_descriptors", list_descriptors},
    {"read_descriptors", read_descriptors},
    {"environment", print_environment},
    {"attack_helper", attack_helper},
    {"count", count},
    {"own_filter", own_filter},
    {"processors", processors},
    {"driver_socket", driver_socket},
};

}  // namespace

int main(int argc, char** argv) {
    for (const auto& behaviour : k_behaviours) {
        if (argc > 1 && std::strcmp(argv[1], behaviour.name) == 0) {
            const int code = behaviour.run(Args(argv + 2, argv + argc));
            std::fflush(stdout);
            return code;
        }
    }
    return 99;
}
