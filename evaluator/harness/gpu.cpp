// SPDX-License-Identifier: Apache-2.0
// kw-gpu: one process per candidate on a GPU, thrown away with it, because errors of a context are
// sticky and a kernel may never end. It runs our code alone: a candidate is device code. Orders and
// answers: gpu_protocol.hpp. argv: kw-gpu DRIVER [MATMUL_LIBRARY].
#include "evaluator/harness/gpu_worker.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace kw::harness {
namespace {

bool read_whole(int fd, void* to, std::size_t bytes) {
    auto* at = static_cast<char*>(to);
    while (bytes > 0) {
        const ssize_t got = read(fd, at, bytes);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        if (got > 0) {
            at += got;
            bytes -= static_cast<std::size_t>(got);
        }
    }
    return true;
}

std::span<std::byte> map_transfer() {
    struct stat status {};
    if (fstat(k_fd_transfer, &status) != 0 || status.st_size <= 0) {
        return {};
    }
    const auto size = static_cast<std::size_t>(status.st_size);
    void* block = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, k_fd_transfer, 0);
    return block == MAP_FAILED ? std::span<std::byte>{}
                               : std::span<std::byte>{static_cast<std::byte*>(block), size};
}

}  // namespace
}  // namespace kw::harness

int main(int argc, char** argv) {
    using namespace kw::harness;
    const std::span<std::byte> transfer = map_transfer();
    if (argc < 2 || transfer.empty()) {
        std::fprintf(stderr, "kw-gpu is started by kwright, not by hand\n");
        return 2;
    }
    GpuWorker worker(argv[1], argc > 2 ? argv[2] : "", transfer);
    Order order;
    while (read_whole(k_fd_orders, &order, sizeof(order)) && order.what != GpuDo::end) {
        order.text[sizeof(order.text) - 1] = '\0';
        const Answer answer = worker.obey(order);
        if (write(k_fd_answers, &answer, sizeof(answer)) != static_cast<ssize_t>(sizeof(answer))) {
            return 1;
        }
    }
    // Without the driver's clean-up: after a sticky error it may hang.
    std::fflush(nullptr);
    _exit(0);
}
