// SPDX-License-Identifier: Apache-2.0
// Messages of NVRTC, nvcc and ptxas as a person or a model can use them: the candidate's own file
// and lines, no paths of the machine, no text of other files.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kw::cuda {

struct CompilerMessage {
    enum class Kind { error, warning };
    Kind kind = Kind::error;
    enum class Place { own, ours, toolkit, other, nowhere };
    Place place = Place::nowhere;
    std::string file;  ///< as the compiler names it
    int line = 0;
    std::string text;
    bool host_code = false;      ///< it is about a function or variable of the host
    std::string missing_header;  ///< "cannot open source file": which
};

struct LogContext {
    std::string own_file;              ///< "candidate.cu"
    std::string_view source;           ///< its text: the lines shown come from here alone
    std::vector<std::string> toolkit;  ///< folders of headers, without final '/'
    std::vector<std::string> ours;     ///< folders of our shims, likewise
    std::string_view ptx;              ///< for ptxas: places of its lines
};

/// At most 400 errors and 50 warnings; excerpts are dropped.
[[nodiscard]] std::vector<CompilerMessage> read_log(
    std::string_view log, const LogContext& context);

/// At most about 2 KiB: errors first, else the first three warnings of the own file.
[[nodiscard]] std::string show_messages(
    const std::vector<CompilerMessage>& messages, const LogContext& context);

}  // namespace kw::cuda
