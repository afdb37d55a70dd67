// SPDX-License-Identifier: Apache-2.0
// What most sources include, parsed once (see kw_precompile). Nothing of ours: a change would
// rebuild everything. Not nlohmann/json.hpp: GCC would instantiate its parser in every source,
// whether it has JSON or not (0.7 s each).
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
