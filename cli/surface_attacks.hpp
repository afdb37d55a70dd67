// SPDX-License-Identifier: Apache-2.0
// The fixtures in surface/: bytes that reach a parser from outside (a model's reply, a cassette, a
// task file, a launch plan, a database), given to the public function that reads them.
#pragma once

#include "evaluator/exploits/corpus.hpp"

namespace kw::cli {

/// By the file's extension: .reply (refused = NR), .cassette, .toml, .plan, .db (refused = FB); the
/// bytes behind the head are the attack. Errc::config for another extension.
[[nodiscard]] Result<exploits::Report> run_surface_attack(
    const exploits::Corpus& corpus, const exploits::Fixture& fixture);

}  // namespace kw::cli
