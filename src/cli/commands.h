// One function a command: registers it on the program's command line. When the command was given,
// `exit_code` is set.
#pragma once

namespace CLI {
class App;
}

namespace utakata {

void add_run(CLI::App& program, int& exit_code);
void add_up(CLI::App& program, int& exit_code);
void add_down(CLI::App& program, int& exit_code);
void add_ps(CLI::App& program, int& exit_code);
void add_logs(CLI::App& program, int& exit_code);
void add_activities(CLI::App& program, int& exit_code);
void add_explain(CLI::App& program, int& exit_code);
void add_exec(CLI::App& program, int& exit_code);
void add_place(CLI::App& program, int& exit_code);
void add_scale(CLI::App& program, int& exit_code);
void add_orders(CLI::App& program, int& exit_code);  // drain, undrain, replace, restart
void add_adopt(CLI::App& program, int& exit_code);
void add_check(CLI::App& program, int& exit_code);
void add_schema(CLI::App& program, int& exit_code);
void add_simulate(CLI::App& program, int& exit_code);
void add_replay(CLI::App& program, int& exit_code);
void add_load(CLI::App& program, int& exit_code);
void add_shadow(CLI::App& program, int& exit_code);  // shadow report

}  // namespace utakata
