// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmake/headers.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>
