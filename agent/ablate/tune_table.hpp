// SPDX-License-Identifier: Apache-2.0
// What a judge said of every point of a //!tune space, stored once, so that searches over it can be
// compared without a compiler. A file holds some spaces, all measured or all modelled:
//
//   timing = "measured"
//   [[space]]
//   task = "w4a16_gemv"
//   device = "cpu: ..., 2 cores, x86-64-v3"
//   recorded = "2026-11-29"
//   judge_seconds = 5.1
//   params = ["DECODE 0 1 2", "ROWS 1 2 4 8"]        name, then its values in the source's order
//   require = ["ROWS * ACCS <= 16"]
//   start = "0 0"                                    indices into the values: where searches begin
//   points = ["0 0 AC 1.00 0.98 1.02", "0 1 WA"]     indices, verdict, speed-up with its interval
#pragma once

#include "agent/proposers/tuner.hpp"
#include "core/evaluation.hpp"
#include "core/result.hpp"
#include "core/verdict.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace kw::db {
class Store;
}

namespace kw::agent {

struct TuneResult {
    Verdict verdict = Verdict::internal;
    Ratio speedup;  ///< over the task's fastest baseline; only when accepted
    bool operator==(const TuneResult&) const = default;
};

struct TuneTable {
    std::string task;
    std::string device;
    std::string recorded;  ///< date
    double judge_seconds = 0;
    TuneSpace space;
    TunePoint start;
    std::map<TunePoint, TuneResult> results;  ///< `start` among them
};

struct TuneTables {
    std::string timing;  ///< "measured" | "modelled"
    std::vector<TuneTable> tables;
};

/// Errc::config "FILE:LINE:COLUMN: what".
[[nodiscard]] Result<TuneTables> parse_tune_tables(
    const std::string& text, const std::string& file_name);
/// Four digits; parse_tune_tables() reads it back. `remarks` become its first comment lines.
[[nodiscard]] std::string tune_tables_text(
    const TuneTables& tables, const std::vector<std::string>& remarks);

/// The tables of campaigns of the tuner. Errc::usage for a campaign that does not exist, whose
/// start source declares no space or lies outside of it, or when measured and modelled ones come
/// together.
[[nodiscard]] Result<TuneTables> tables_of_campaigns(
    db::Store& store, const std::vector<std::string>& campaigns);

}  // namespace kw::agent
