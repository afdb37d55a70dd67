// SPDX-License-Identifier: Apache-2.0
#include "cli/command.hpp"
#include "cli/commands/commands.hpp"

namespace kw::cli {

const std::vector<CommandSpec>& command_table() {
    static const std::vector<CommandSpec> table = {
        doctor_command(),
        demo_command(),
        init_command(),
        run_command(),
        resume_command(),
        watch_command(),
        board_command(),
        show_command(),
        diff_command(),
        campaign_list_command(),
        campaign_export_command(),
        campaign_drain_command(),
        verify_command(),
        compare_command(),
        reverify_command(),
        report_command(),
        export_command(),
        serve_command(),
        serve_token_new_command(),
        serve_token_list_command(),
        serve_token_revoke_command(),
        serve_worker_command(),
        fleet_start_command(),
        fleet_status_command(),
        fleet_scale_command(),
        fleet_cancel_command(),
        fleet_k8s_command(),
        task_list_command(),
        task_check_command(),
        task_new_command(),
        config_show_command(),
        gc_command(),
        completion_command(),
        help_command(),
        version_command(),
        emu_command(),
        ablate_command(),
        bench_db_command(),
        bench_emulated_command(),
        bench_judge_command(),
        bench_noise_command(),
        bench_search_command(),
        bench_service_command(),
        bench_statistics_command(),
        rejudge_command(),
        review_command(),
        selftest_exploits_command(),
        complete_command(),
        man_command(),
    };
    return table;
}

const std::vector<OptionSpec>& global_options() {
    static const std::vector<OptionSpec> options = {
        {"--db", "FILE", "database file", "db", false, "Everywhere", {}},
        {"--config", "FILE", "read FILE, not ./kwright.toml", "", false, "Everywhere", {}},
        {"--json", "", "one JSON document on stdout (docs/json.md)", "", false, "Everywhere", {}},
        {"--color",
         "WHEN",
         "auto | always | never",
         "color",
         false,
         "Everywhere",
         {"auto", "always", "never"}},
        {"-q,--quiet", "", "results only, no talk on stderr", "", false, "Everywhere", {}},
        {"-v,--verbose", "", "more on stderr; twice: for us", "", false, "Everywhere", {}},
    };
    return options;
}

}  // namespace kw::cli
