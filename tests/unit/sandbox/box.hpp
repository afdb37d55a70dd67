// SPDX-License-Identifier: Apache-2.0
// What the sandbox tests share: one sandbox, the hostile program inside it, and runs as another
// user.
#pragma once

#include "sandbox/sandbox.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace kw::sandbox::test {

/// Fails the test case with the error's text.
template <class T>
T must(Result<T> result) {
    if (!result) {
        FAIL(result.error().what << " | " << result.error().hint);
    }
    return std::move(result).value();
}

/// A sandbox with the hostile program in a run directory.
class Box {
public:
    explicit Box(const std::string& mode = "auto");

    /// `hostile WORDS...`
    [[nodiscard]] Command hostile(std::vector<std::string> words) const;
    [[nodiscard]] Outcome run(const Command& command) const;
    [[nodiscard]] Outcome run(std::vector<std::string> words) const;
    [[nodiscard]] std::unique_ptr<Child> start(const Command& command) const;

    std::unique_ptr<Sandbox> sandbox;
    std::filesystem::path dir;  ///< the run directory on the host
};

/// The first Box of the process, opened once.
[[nodiscard]] Box& box();

/// Runs `body` in a forked process, as `uid` when we are root; what it returns comes back. An
/// exception's text comes back after "threw: ".
[[nodiscard]] std::string in_other_process(unsigned uid, const std::function<std::string()>& body);

/// How many descriptors this process has open.
[[nodiscard]] int open_descriptors();

/// Sets a variable of our own environment until the end of the scope.
class Variable {
public:
    Variable(const char* name, const std::string& value);
    ~Variable();
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

private:
    const char* name_;
    bool was_set_;
    std::string before_;
};

}  // namespace kw::sandbox::test
