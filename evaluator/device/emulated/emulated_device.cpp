// SPDX-License-Identifier: Apache-2.0
#include "evaluator/evaluator.hpp"

namespace kw {

Result<std::unique_ptr<Device>> open_emulated_device(
    const std::string& arch, const EvaluatorConfig&) {
    return Error{
        Errc::environment,
        "opening the emulated device " + arch + ": this build has none",
        "use --device cpu"};
}

}  // namespace kw
