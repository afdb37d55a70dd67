// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/shared_memory.hpp"

#include "core/task_file.hpp"
#include "evaluator/device/cpu/seat.hpp"
#include "tests/support/catch.hpp"

#include <sys/mman.h>

#include <algorithm>

using namespace kw;
using namespace kw::cpu;

namespace {

constexpr std::int64_t k_bytes = 200'000;  // no multiple of a run, nor of a page

std::shared_ptr<SharedMemory> made(FutureWrites writes, std::int64_t bytes = k_bytes) {
    auto memory = SharedMemory::create("kw-test", bytes, writes, Pages::later);
    REQUIRE(memory.ok());
    return *memory;
}

long resident(const SharedMemory& memory) {
    const auto bytes = memory.bytes();
    std::vector<unsigned char> pages((bytes.size() + 4095) / 4096);
    REQUIRE(mincore(bytes.data(), bytes.size(), pages.data()) == 0);
    return std::ranges::count_if(pages, [](unsigned char page) { return (page & 1U) != 0; });
}

}  // namespace

TEST_CASE("shared memory: pages are taken in turns, all of them, and hold nothing") {
    const std::vector<std::shared_ptr<SharedMemory>> memories{
        made(FutureWrites::no), made(FutureWrites::yes), made(FutureWrites::no)};
    for (const auto& memory : memories) {
        CHECK(resident(*memory) == 0);
    }
    REQUIRE(take_pages_in_turns(memories).ok());
    for (const auto& memory : memories) {
        CHECK(resident(*memory) == (k_bytes + 4095) / 4096);
        CHECK(
            std::ranges::count(memory->bytes(), std::byte{0}) ==
            static_cast<std::ptrdiff_t>(memory->bytes().size()));
    }
    memories.front()->bytes().back() = std::byte{1};
    CHECK(memories.back()->bytes().back() == std::byte{0});
    CHECK(take_pages_in_turns({}).ok());
    CHECK(take_pages_in_turns({made(FutureWrites::no, 0), made(FutureWrites::no, 0)}).ok());
}

TEST_CASE("shared memory: packed weights of equal seats get their pages when one seat asks") {
    const auto task = load_task(std::filesystem::path(KW_SOURCE_DIR) / "benchmarks/w4a16_gemv");
    REQUIRE(task.ok());
    const auto layout = plan_layout(*task, {{{"N", 64}, {"K", 1024}}}, 3);
    REQUIRE(layout.ok());
    const long pages = layout->region_bytes[harness::region_packed] / 4096;
    REQUIRE(pages > 3);
    const auto seats = make_equal_seats(*layout, 2, FutureWrites::no);
    REQUIRE(seats.ok());
    for (const Seat& seat : *seats) {
        CHECK(resident(*seat.packed) == 0);
        CHECK(resident(*seat.weights) > 0);
    }
    REQUIRE(take_packed_pages(seats->back()).ok());
    for (const Seat& seat : *seats) {
        CHECK(resident(*seat.packed) == pages);
    }
    seats->front().packed->bytes().front() = std::byte{1};
    REQUIRE(take_packed_pages(seats->front()).ok());
    CHECK(seats->front().packed->bytes().front() == std::byte{1});
    CHECK(seats->back().packed->bytes().front() == std::byte{0});
}
