// SPDX-License-Identifier: Apache-2.0
// Synthetic tasks for searches. A task has a roof and a few ideas (basins), each with a ceiling
// that nobody sees; a kernel is an idea and a height in it, in logarithms of the speed-up over the
// start source. Everything is drawn; the distributions stand in a file (bed_file.hpp) and were
// fitted to recorded campaigns (fit.hpp) where those say something.
//
//   first     a first implementation of an idea with ceiling c has height c (1 - exp(-G)). Part of
//             the spread of ln G lies between tasks (some yield at once) and only the rest between
//             tries: what sampling can gain
//   next      a change that hits what bounds the parent closes 1 - exp(-G) of what is left to c, so
//             that gains diminish; one that misses moves the height by a normal step
//   jump      instead of changing the parent the proposer may take another idea from its beginning:
//             any, or, when the trajectory is shown, one that was not tried yet
//   fresh     an ask for another design shows no parent: a first implementation
//   failure   any of them may fail; the failed source keeps what it would be worth. A child of a
//             failure whose feedback is shown is a repair; where it is not it is a first try
//   critique  of quality q: with probability q it is right, and a change that would have missed
//             hits, or, when less than 5 % are left in the idea, jumps. With probability 1 - q
//             nothing changes: at q = 0 a search is, draw by draw, the one without a critic. It
//             does not know which idea has the highest ceiling
//
// What it does not have: crossover, inspirations, lessons that carry over from one idea to another.
#pragma once

#include "agent/ablate/bed.hpp"

#include <cstdint>
#include <memory>

namespace kw::agent {

struct Spread {
    double mean = 0;
    double sd = 0;
    bool operator==(const Spread&) const = default;
};

struct SyntheticParams {
    double no_reply = 0;       ///< chances of a proposal that starts from a working source
    double compile_error = 0;  ///< ...
    double wrong = 0;          ///< ... every other failure
    double repair = 0;         ///< chance that a repair works
    Spread first;              ///< of ln G of a first implementation
    double first_shared = 0;   ///< share of its variance that is the task's: drawn once a task
    double hit = 0;            ///< chance that a change hits
    Spread next;               ///< of ln G of a hit
    Spread miss;               ///< of the step of a miss, in ln speed-up
    Spread headroom;           ///< of ln (roof / start); at least 0.1 is drawn
    int ideas = 1;
    double ceiling_least =
        1;             ///< ceilings are uniform from this share of the headroom to all of it
    double jump = 0;   ///< chance to take another idea
    double noise = 0;  ///< standard deviation of a judgement, in ln speed-up

    // Costs. Tokens are bytes / 4 where none were recorded.
    double task_tokens = 0;      ///< prompt without sources and trajectory
    double source_tokens = 0;    ///< of one source, in a prompt or as a reply
    double line_tokens = 0;      ///< of one line of the trajectory
    double critique_tokens = 0;  ///< written by a critic; 0 with a critic that is no model
    double usd_per_mtok_in = 0;
    double usd_per_mtok_out = 0;
    double tokens_per_second = 60;  ///< of a reply
    double judge_seconds = 0;
    int concurrent_calls = 1;
    bool operator==(const SyntheticParams&) const = default;
};

/// `quality` of the critiques that arms with Shown::critique get, 0 to 1.
[[nodiscard]] std::unique_ptr<Bed> make_synthetic_bed(
    const SyntheticParams& params, double quality);

}  // namespace kw::agent
