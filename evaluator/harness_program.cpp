// SPDX-License-Identifier: Apache-2.0
#include "evaluator/harness_program.hpp"

namespace kw {

Result<std::filesystem::path> place_program(
    sandbox::Sandbox& sandbox, const std::filesystem::path& harness_dir, const std::string& name) {
    const std::filesystem::path from = harness_dir / name;
    KW_TRY_ASSIGN(const std::filesystem::path dir, sandbox.make_run_dir("harness"));
    const std::filesystem::path to = dir / name;
    std::error_code error;
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing, error);
    if (!error) {
        std::filesystem::permissions(to, static_cast<std::filesystem::perms>(0755), error);
    }
    if (error) {
        return Error{
            Errc::environment,
            "placing the harness program " + from.string() + ": " + error.message(),
            "build or install it (cmake --build build --target " + name +
                "), or set KWRIGHT_HARNESS_DIR to the folder that holds it"};
    }
    return to;
}

}  // namespace kw
