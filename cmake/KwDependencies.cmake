# SPDX-License-Identifier: Apache-2.0
# Every third-party library, found once. Versions and reasons: docs/dependencies.md.
find_package(Threads REQUIRED)
find_package(CURL REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto SSL)
find_package(Boost 1.74 REQUIRED)  # headers only: Beast and Asio
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(KW_SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(KW_ZSTD REQUIRED IMPORTED_TARGET libzstd)
# Compiled into the dashboard; the package brings the licence (MIT) in the file's own head.
find_file(KW_CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js /usr/share/javascript/chartjs NO_DEFAULT_PATH)
if(NOT KW_CHART_JS)
    message(FATAL_ERROR "Chart.js is missing: install libjs-chart.js, or set KW_CHART_JS to a chart.min.js of version 3")
endif()
if(KWRIGHT_TESTS)
    find_package(Catch2 REQUIRED)
endif()
