// SPDX-License-Identifier: Apache-2.0
#include "sandbox/sandbox.hpp"
#include "tests/support/catch.hpp"

namespace sb = kw::sandbox;

TEST_CASE("sandbox: a plain command runs and its output comes back") {
    auto sandbox = sb::open_sandbox("auto");
    if (!sandbox)
        FAIL(sandbox.error().what + " / " + sandbox.error().hint);
    sb::Command command;
    command.argv = {"/bin/sh", "-c", "id; cat; ls /etc /; echo hi >&2; exit 3"};
    command.stdin_text = "text\n";
    auto outcome = (*sandbox)->run(command);
    if (!outcome)
        FAIL(outcome.error().what + " / " + outcome.error().hint);
    INFO(outcome->out << outcome->err << (*sandbox)->profile().id);
    CHECK(outcome->exit_code == 3);
    CHECK(outcome->err == "hi\n");
    WARN(
        outcome->out << (*sandbox)->profile().id << " " << outcome->cpu_s << " " << outcome->wall_s
                     << " " << outcome->peak_bytes);
}
