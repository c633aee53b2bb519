#pragma once

namespace CLI {
class App;
}

namespace utakata {

// `utakata load compare A B`. Returns the command.
CLI::App* add_load_compare(CLI::App& load, int& exit_code);

}  // namespace utakata
