// SPDX-License-Identifier: Apache-2.0
// Documents of many kernels of one store: what they share (campaigns, tasks) is read once.
#pragma once

#include "core/result.hpp"
#include "core/rows.hpp"
#include "core/task.hpp"
#include "db/store.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kw::server {

class KernelPages {
public:
    /// Refers to the store.
    KernelPages(db::Store& store, std::vector<std::filesystem::path> task_roots)
        : store_(store)
        , roots_(std::move(task_roots)) {}

    /// "kwright.kernel/1" of the kernel that the prefix names.
    Result<std::string> page(const std::string& hash_prefix);

    /// A campaign's evaluations, found by kernel.
    struct Family {
        std::string campaign;
        std::vector<EvaluationRow> rows;                   ///< first judgings, without samples
        std::map<std::string, std::size_t> first_of;       ///< kernel -> its first row
        std::multimap<std::string, std::size_t> children;  ///< parent -> rows
    };

private:
    Result<const Family*> family(std::int64_t campaign_id);
    const Task* task(const std::string& name);

    db::Store& store_;
    std::vector<std::filesystem::path> roots_;
    std::map<std::int64_t, std::string> names_;  ///< of campaigns
    std::map<std::int64_t, Family> families_;
    std::map<std::string, std::optional<Task>> tasks_;
};

}  // namespace kw::server
