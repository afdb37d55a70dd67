// SPDX-License-Identifier: Apache-2.0
// One function a sub-command; cli/table.cpp collects them.
#pragma once

#include "cli/command.hpp"

namespace kw::cli {

CommandSpec doctor_command();
CommandSpec demo_command();
CommandSpec init_command();
CommandSpec run_command();
CommandSpec resume_command();
CommandSpec watch_command();
CommandSpec board_command();
CommandSpec show_command();
CommandSpec diff_command();
CommandSpec verify_command();
CommandSpec compare_command();
CommandSpec reverify_command();
CommandSpec rejudge_command();
CommandSpec review_command();
CommandSpec task_list_command();
CommandSpec task_check_command();
CommandSpec task_new_command();
CommandSpec config_show_command();
CommandSpec campaign_list_command();
CommandSpec campaign_export_command();
CommandSpec campaign_drain_command();
CommandSpec gc_command();
CommandSpec completion_command();
CommandSpec complete_command();
CommandSpec man_command();
CommandSpec help_command();
CommandSpec version_command();
CommandSpec export_command();
CommandSpec report_command();
CommandSpec serve_command();
CommandSpec serve_token_new_command();
CommandSpec serve_token_list_command();
CommandSpec serve_token_revoke_command();
CommandSpec serve_worker_command();
CommandSpec fleet_start_command();
CommandSpec fleet_status_command();
CommandSpec fleet_scale_command();
CommandSpec fleet_cancel_command();
CommandSpec fleet_k8s_command();
CommandSpec emu_command();
CommandSpec ablate_command();
CommandSpec bench_db_command();
CommandSpec bench_emulated_command();
CommandSpec bench_judge_command();
CommandSpec bench_noise_command();
CommandSpec bench_search_command();
CommandSpec bench_service_command();
CommandSpec bench_statistics_command();
CommandSpec selftest_exploits_command();

}  // namespace kw::cli
